"""``harness scrub``: cassettes that others may read."""

from __future__ import annotations

import os
from pathlib import Path

import click

from harness.cassette.files import find_cassettes, read_cassette, write_cassette
from harness.errors import InputError
from harness.privacy.scan import find_secrets
from harness.privacy.scrub import scrub_cassette

__all__ = ["scrub"]

_KEY_BYTES = 32

_EXAMPLES = """\b
Examples:
  harness scrub recorded/checkout.yaml --out cassettes
  harness scrub recorded/ --out cassettes      # names of folders below are kept
  harness scrub cassettes/checkout.yaml --in-place
"""


@click.command(epilog=_EXAMPLES)
@click.argument(
    "cassettes",
    metavar="CASSETTE…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the scrubbed cassettes; existing files are not overwritten.",
)
@click.option("--in-place", is_flag=True, help="Overwrite the cassettes themselves.")
@click.option(
    "--seed",
    metavar="N",
    type=int,
    help="Invent the same text each time. Whoever knows the seed can undo the "
    "scrubbing of answers; without --seed, nobody can.",
)
def scrub(
    *, cassettes: tuple[Path, ...], out: Path | None, in_place: bool, seed: int | None
) -> None:
    """Replace prompts, answers and ids by invented ones.

    Lengths, classes of characters, borders of segments and tokens, repeats, JSON and
    its keys, numbers, times and endings stay, so a scrubbed cassette breaks what the
    recorded one broke. Model names, tool names and header values other than ids and
    credentials stay as well: look at the result before you publish it.

    CASSETTE is a file, or a folder that is searched for *.yaml and *.yml.
    """
    if in_place == (out is not None):
        raise click.UsageError("one of --out DIR and --in-place is needed")
    jobs = _jobs(cassettes, out)
    for source, target in jobs:
        if target != source and target.exists():
            raise InputError("is there already", source=str(target))
    for source, target in jobs:
        key = os.urandom(_KEY_BYTES) if seed is None else str(seed).encode()
        _scrub_file(source, target, key)
    click.echo(f"{len(jobs)} scrubbed")


def _jobs(paths: tuple[Path, ...], out: Path | None) -> list[tuple[Path, Path]]:
    """Return each file and where it goes.

    Raises:
        InputError: Two of them would go to the same place.
    """
    jobs: dict[Path, Path] = {}
    for path in paths:
        for source in find_cassettes([path]):
            inner = source.relative_to(path) if path.is_dir() else Path(source.name)
            target = out / inner if out else source
            if jobs.get(target, source) != source:
                message = f"would go to {target}, and so would {jobs[target]}"
                raise InputError(message, source=str(source))
            jobs[target] = source
    return [(source, target) for target, source in jobs.items()]


def _scrub_file(source: Path, target: Path, key: bytes) -> None:
    try:
        scrubbed = scrub_cassette(read_cassette(source), key=key)
    except InputError as error:
        if error.source is not None:
            raise
        raise InputError(error.message, source=str(source), key=error.key) from None
    found = find_secrets(scrubbed)
    if found:
        raise InputError(f"not safe to keep: {found[0]}", source=str(source))
    write_cassette(target, scrubbed)
    click.echo(f"{source} -> {target}" if target != source else f"{source}")

"""``harness check``: report the mistakes in cassettes, scenarios, configurations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from harness.cassette.codec import load_cassette
from harness.cassette.files import find_cassettes
from harness.cassette.model import Cassette
from harness.cli.options import cassette_folder_option
from harness.documents.mistakes import Mistakes
from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import InputError, closest, joined
from harness.files import read_text

__all__ = ["check"]

_EXAMPLES = """\b
Examples:
  harness check cassettes scenarios harness.yaml
  harness check --quiet scenarios/malformed      # only errors and the total
"""


@click.command(epilog=_EXAMPLES)
@click.argument(
    "paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@cassette_folder_option(metavar="DIR")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors and the total.")
@click.pass_context
def check(
    ctx: click.Context, *, paths: tuple[Path, ...], cassette_folder: Path, quiet: bool
) -> None:
    """Check cassettes, scenarios and configurations, and report every mistake.

    PATH is a file, or a folder that is searched for *.yaml and *.yml. The keys of a
    file show what it is: interactions, scenario or targets. A cassette that still holds
    a credential is wrong; the place is reported, but not the credential. Exits with 2
    if a file is wrong.
    """
    right = wrong = 0
    for found in _expand(paths):
        try:
            if isinstance(found, InputError):
                raise found
            words = _check_file(found, cassette_folder)
        except InputError as error:
            wrong += 1
            for one in error.all:
                click.echo(f"error  {one.line_of_text}")
        else:
            right += 1
            if not quiet:
                click.echo(f"ok     {found}: {words}")
    click.echo(f"{right + wrong} checked, {wrong} wrong")
    if wrong:
        ctx.exit(InputError.exit_code)


def _expand(paths: Iterable[Path]) -> Iterator[Path | InputError]:
    """Yield each file once, and an error in place of a path that holds none."""
    seen = set()
    for path in paths:
        try:
            files = find_cassettes([path])
        except InputError as error:
            yield error
            continue
        for file in files:
            if file not in seen:
                seen.add(file)
                yield file


_KINDS = ("scenario", "targets", "interactions", "format")
"""Keys that show what a file is."""


def _check_file(path: Path, cassette_folder: Path) -> str:
    text = read_text(path)
    # The mistakes of this reading are those of the second one, which reports them.
    root = load(text, source=str(path), mistakes=Mistakes())
    # The readers are loaded where they are needed, to keep the start fast.
    match _kind(root):
        case "scenario":
            from harness.scenario.loader import read_scenario  # noqa: PLC0415 - lazy

            return f"scenario {read_scenario(path, cassettes=cassette_folder).id}"
        case "targets":
            from harness.config import read_config  # noqa: PLC0415 - lazy

            return f"configuration, {', '.join(read_config(path).targets)}"
        case "interactions" | "format":
            cassette = load_cassette(text, source=str(path))
            _check_secrets(cassette, root)
            return _describe(cassette)
    message = (
        "neither a cassette (interactions), a scenario (scenario) "
        "nor a configuration (targets)"
    )
    raise InputError(message, source=str(path))


def _kind(root: Node) -> str | None:
    """Return the first key that shows what a file is, also where it is mistyped."""
    known = [key for key in _KINDS if key in root.mapping]
    known.extend(filter(None, (closest(key, _KINDS) for key in root.mapping)))
    return known[0] if known else None


def _check_secrets(cassette: Cassette, root: Node) -> None:
    """Refuse a cassette that holds secrets: where they are is shown, not what."""
    from harness.privacy.scan import find_secrets  # noqa: PLC0415 - lazy

    errors = [
        InputError(f"not safe to keep: {finding}", at=root.at(*finding.path))
        for finding in find_secrets(cassette)
    ]
    if errors:
        raise joined(errors)


def _describe(cassette: Cassette) -> str:
    answers = [interaction.response for interaction in cassette.interactions]
    segments = sum(len(answer.segments) for answer in answers)
    size = sum(len(answer.body) for answer in answers)
    count = len(answers)
    many = f", {count} interactions" if count > 1 else ""
    return f"cassette, {size} bytes in {segments} segments{many}"

"""``harness check``: are these files what they should be?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from harness.cassette.codec import load_cassette
from harness.cassette.files import find_cassettes
from harness.cassette.model import Cassette
from harness.cli.options import cassette_folder_option
from harness.documents.node import Node
from harness.documents.yaml_document import load
from harness.errors import HarnessError, InputError
from harness.files import read_text

__all__ = ["check"]

_SECRETS_MAX = 10  # told one by one: each costs a reading of the file, for its line

_EXAMPLES = """\b
Examples:
  harness check cassettes scenarios harness.yaml
  harness check --quiet scenarios/malformed      # errors and the sum only
"""


@click.command(epilog=_EXAMPLES)
@click.argument(
    "paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@cassette_folder_option(metavar="DIR")
@click.option("--quiet", "-q", is_flag=True, help="Leave out the files that are right.")
@click.pass_context
def check(
    ctx: click.Context, *, paths: tuple[Path, ...], cassette_folder: Path, quiet: bool
) -> None:
    """Check cassettes, scenarios and configurations, and tell every mistake.

    PATH is a file, or a folder that is searched for *.yaml and *.yml. What a file is
    shows by its keys: interactions, scenario or targets. A cassette that still holds a
    credential is wrong; where it stands is told, but not what it is. Exits with 2 when
    a file is wrong.
    """
    right = wrong = 0
    for found in _expand(paths):
        try:
            if isinstance(found, HarnessError):
                raise found
            words = _check_file(found, cassette_folder)
        except* HarnessError as errors:
            wrong += 1
            for error in errors.exceptions:
                click.echo(f"error  {error}")
        else:
            right += 1
            if not quiet:
                click.echo(f"ok     {found}: {words}")
    click.echo(f"{right + wrong} checked, {wrong} wrong")
    if wrong:
        ctx.exit(HarnessError.exit_code)


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


def _check_file(path: Path, cassette_folder: Path) -> str:
    text = read_text(path)
    root = load(text, source=str(path))
    keys = root.value if isinstance(root.value, dict) else {}
    # The readers are loaded where they are needed: start-up time is felt.
    if "scenario" in keys:
        from harness.scenario.loader import read_scenario  # noqa: PLC0415

        return f"scenario {read_scenario(path, cassettes=cassette_folder).id}"
    if "targets" in keys:
        from harness.config import read_config  # noqa: PLC0415

        return f"configuration, {', '.join(read_config(path).targets)}"
    if "interactions" in keys or "format" in keys:
        cassette = load_cassette(text, source=str(path))
        _check_secrets(cassette, root)
        return _describe(cassette)
    message = (
        "neither a cassette (interactions), a scenario (scenario) "
        "nor a configuration (targets)"
    )
    raise InputError(message, source=str(path))


def _check_secrets(cassette: Cassette, root: Node) -> None:
    """Refuse a cassette that holds a secret; all of them are told, none is shown."""
    from harness.privacy.scan import find_secrets  # noqa: PLC0415

    found = find_secrets(cassette)
    errors = [
        InputError(f"not safe to keep: {finding}", at=root.at(*finding.path))
        for finding in found[:_SECRETS_MAX]
    ]
    if len(found) > _SECRETS_MAX:
        message = f"not safe to keep: {len(found) - _SECRETS_MAX} more places"
        errors.append(InputError(message, source=root.source))
    if errors:
        raise ExceptionGroup("secrets", errors)


def _describe(cassette: Cassette) -> str:
    answers = [interaction.response for interaction in cassette.interactions]
    segments = sum(len(answer.segments) for answer in answers)
    size = sum(len(answer.body) for answer in answers)
    count = len(answers)
    many = f", {count} interactions" if count > 1 else ""
    return f"cassette, {size} bytes in {segments} segments{many}"

"""``harness export``: recordings in other formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from harness.cassette.exporters.har import export_har
from harness.cassette.exporters.sse import body_suffix
from harness.cassette.files import find_cassettes, read_cassette
from harness.cassette.model import Cassette
from harness.errors import InputError
from harness.version import program_version

__all__ = ["export_group"]


@click.group("export")
def export_group() -> None:
    """Write recordings in the formats of others.

    docs/formats.md says what each format holds.
    """


_CASSETTES = click.argument(
    "cassettes",
    metavar="CASSETTE…",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
_FORCE = click.option("--force", is_flag=True, help="Overwrite existing files.")


@export_group.command("sse")
@_CASSETTES
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the bodies; names of folders below CASSETTE are kept.",
)
@_FORCE
def sse(*, cassettes: tuple[Path, ...], out: Path, force: bool) -> None:
    """Write the raw body of each response, the bytes as they were sent.

    CASSETTE is a file, or a folder that is searched for *.yaml and *.yml. Times,
    borders and endings are lost. A body becomes NAME.sse, or NAME.body if it is no
    event stream; if a cassette holds several, -2, -3 and so on follow the name.

    \b
    Example:
      harness export sse cassettes/mlx --out bodies
    """  # noqa: D301 - \b is click's
    written: dict[Path, bytes] = {}
    for name, cassette in _read(cassettes):
        for number, interaction in enumerate(cassette.interactions, start=1):
            count = f"-{number}" if number > 1 else ""
            suffix = body_suffix(interaction.response)
            target = out / name.with_name(f"{name.name}{count}{suffix}")
            _add(written, target, interaction.response.body)
    _write(written, "body", "bodies", out, force=force)


@export_group.command("har")
@_CASSETTES
@click.option(
    "--out",
    metavar="FILE.har|DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="One file for all, or a folder, where each cassette becomes a file.",
)
@_FORCE
def har(*, cassettes: tuple[Path, ...], out: Path, force: bool) -> None:
    """Write HAR 1.2, which browsers and many proxies read.

    CASSETTE is a file, or a folder that is searched for *.yaml and *.yml. Borders,
    times and ending are kept in a custom field, from which `harness import har`
    restores the recording as it was.

    \b
    Examples:
      harness export har cassettes --out all.har
      harness export har cassettes --out hars
    """  # noqa: D301 - \b is click's
    found = list(_read(cassettes))
    written: dict[Path, bytes] = {}
    if out.suffix == ".har":
        written[out] = _har([cassette for _, cassette in found])
    else:
        for name, cassette in found:
            target = out / name.with_name(f"{name.name}.har")
            _add(written, target, _har([cassette]))
    _write(written, "HAR", "HARs", out, force=force)


def _har(cassettes: list[Cassette]) -> bytes:
    value = export_har(cassettes, version=program_version())
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _read(paths: tuple[Path, ...]) -> Iterator[tuple[Path, Cassette]]:
    """Yield each cassette with the name that it keeps, without its suffix."""
    for path in paths:
        for file in find_cassettes([path]):
            name = file.relative_to(path) if path.is_dir() else Path(file.name)
            yield name.with_suffix(""), read_cassette(file)


def _add(written: dict[Path, bytes], target: Path, data: bytes) -> None:
    if target in written:
        message = "two cassettes would become this file; export them separately"
        raise InputError(message, source=str(target))
    written[target] = data


def _write(
    written: dict[Path, bytes], one: str, many: str, out: Path, *, force: bool
) -> None:
    there = [target for target in written if target.exists()]
    if there and not force:
        raise InputError("is there already; --force overwrites", source=str(there[0]))
    for target, data in written.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        except OSError as error:
            message = f"cannot write: {error.strerror or error}"
            raise InputError(message, source=str(target)) from None
    count = len(written)
    click.echo(f"{count} {one if count == 1 else many} written to {out}")

"""``harness import``: cassettes from what others recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from harness.cassette.files import read_text, write_cassette
from harness.cassette.importers.sse import Dialect, Split, SseSource, import_sse
from harness.documents import Document, validate
from harness.errors import InputError

__all__ = ["import_group"]

_NS_PER_MS = 1_000_000


@click.group("import")
def import_group() -> None:
    """Make cassettes of what others recorded."""


def _read_split(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> Split | int | None:
    if value is None:
        return None
    if value in set(Split):
        return Split(value)
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(
        f"expected event, whole or a number of bytes, came {value!r}"
    )


_SSE_EXAMPLES = """\b
Examples:
  harness import sse answer.sse --out cassettes
  harness import sse recordings/ --out cassettes --pacing 35
  harness import sse answer.sse --out cut --split 7    # odd segment borders
"""


@import_group.command("sse", epilog=_SSE_EXAMPLES)
@click.argument(
    "sources", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the cassettes go; names of folders below FILE are kept.",
)
@click.option(
    "--pacing",
    metavar="MS",
    type=click.FloatRange(min=0, max=1_000_000),
    default=20.0,
    show_default=True,
    help="Milliseconds from one event to the next; the first comes after 100.",
)
@click.option(
    "--split",
    metavar="event|whole|N",
    callback=_read_split,
    help="Where segments end: after each event (default), nowhere, or after N bytes; "
    "wins over the manifest.",
)
@click.option(
    "--dialect",
    type=click.Choice([dialect.value for dialect in Dialect]),
    default=Dialect.OPENAI_CHAT.value,
    show_default=True,
    help="Whose payloads the events carry.",
)
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The request's JSON body; invented when left out.",
)
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="JSON lines with file, status, content_type and chunk_lengths.",
)
@click.option("--force", is_flag=True, help="Overwrite cassettes that are there.")
def sse(  # noqa: PLR0913 - one argument for each option
    *,
    sources: tuple[Path, ...],
    out: Path,
    pacing: float,
    split: Split | int | None,
    dialect: str,
    request_file: Path | None,
    manifest: Path | None,
    force: bool,
) -> None:
    """Make a cassette of each raw body of an event stream.

    FILE is a file, or a folder that is searched for *.sse. Such a file holds no times
    and no borders: they are invented, and the cassette says so (reconstructed).
    """
    body = read_text(request_file).encode() if request_file else None
    base = SseSource(
        name="",
        by=f"harness import sse {_version()}",
        dialect=Dialect(dialect),
        split=split or Split.EVENT,
        pacing_ns=round(pacing * _NS_PER_MS),
        request_body=body,
    )
    known = _read_manifest(manifest) if manifest else {}
    plan = _plan(sources, out)
    if not force:
        _refuse_overwriting(plan)
    cassettes = {
        target: import_sse(
            _read_bytes(file),
            _describe(base, file, known, use_lengths=split is None),
        )
        for target, file in plan.items()
    }
    for target, cassette in cassettes.items():
        write_cassette(target, cassette)
    plural = "cassette" if len(plan) == 1 else "cassettes"
    click.echo(f"{len(plan)} {plural} written to {out}")


def _plan(sources: Iterable[Path], out: Path) -> dict[Path, Path]:
    """Return the file that each cassette is made of, by the cassette's path."""
    plan: dict[Path, Path] = {}
    for source in sources:
        for file, name in _files(source):
            target = out / name.with_name(f"{name.name.removesuffix('.sse')}.yaml")
            if target in plan and plan[target] != file:
                message = f"would become {target}, as {plan[target]} would"
                raise InputError(message, source=str(file))
            plan[target] = file
    return plan


def _files(source: Path) -> list[tuple[Path, Path]]:
    """Return the streams that are meant, each with the name it keeps."""
    if not source.is_dir():
        return [(source, Path(source.name))]
    files = sorted(file for file in source.rglob("*.sse") if file.is_file())
    if not files:
        message = "no stream in this folder: expected *.sse"
        raise InputError(message, source=str(source))
    return [(file, file.relative_to(source)) for file in files]


def _refuse_overwriting(targets: Iterable[Path]) -> None:
    there = [target for target in targets if target.exists()]
    if there:
        more = f", and {len(there) - 1} more" if len(there) > 1 else ""
        message = f"is there already{more}; --force overwrites"
        raise InputError(message, source=str(there[0]))


def _describe(
    base: SseSource,
    file: Path,
    known: Mapping[Path, Mapping[str, Any]],
    *,
    use_lengths: bool,
) -> SseSource:
    entry = known.get(file.resolve(), {})
    lengths = entry.get("chunk_lengths") if use_lengths else None
    return replace(
        base,
        name=str(file),
        upstream=entry.get("provider"),
        status=entry.get("status") or base.status,
        content_type=entry.get("content_type") or base.content_type,
        lengths=tuple(lengths) if lengths else None,
    )


_ENTRY_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string"},
        "provider": {"type": ["string", "null"]},
        "status": {"type": ["integer", "null"]},
        "content_type": {"type": ["string", "null"]},
        "chunk_lengths": {
            "type": ["array", "null"],
            "items": {"type": "integer", "minimum": 0},
        },
    },
}


def _read_manifest(path: Path) -> dict[Path, dict[str, Any]]:
    entries = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            entry = _read_entry(line, path, number)
            entries[(path.parent / entry["file"]).resolve()] = entry
    return entries


def _read_entry(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError as error:
        message = f"expected JSON: {error}"
        raise InputError(message, source=str(path), line=number) from None
    try:
        validate(Document(entry, str(path), line), _ENTRY_SCHEMA)
    except InputError as error:
        raise InputError(
            error.message, source=str(path), line=number, key=error.key
        ) from None
    return entry


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read: {error.strerror or error}"
        raise InputError(message, source=str(path)) from None


def _version() -> str:
    try:
        return version("stream-rollout-harness")
    except PackageNotFoundError:
        return "(not installed)"

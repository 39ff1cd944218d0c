"""``harness import sse``: cassettes from raw bodies of event streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from jsonschema import Draft202012Validator

from harness.cassette.importers.segmentation import Split
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cli.import_files import made_by, plan_cassettes, read_source, save
from harness.cli.options import (
    force_option,
    pacing_option,
    sources_argument,
    split_option,
    target_folder_option,
)
from harness.dialects.registry import DIALECTS, OPENAI_CHAT
from harness.documents.json_document import load_json
from harness.files import read_text
from harness.units import NS_PER_MS

__all__ = ["sse"]


_EXAMPLES = """\b
Examples:
  harness import sse answer.sse --out cassettes
  harness import sse recordings/ --out cassettes --pacing 35
  harness import sse answer.sse --out cut --split 7    # odd segment borders
"""


# Too little is known of the others to invent a request.
_DIALECTS = {one.name: one for one in DIALECTS if one.is_complete}


@click.command(epilog=_EXAMPLES)
@sources_argument
@target_folder_option
@pacing_option
@split_option("; wins over the manifest")
@click.option(
    "--dialect",
    type=click.Choice(list(_DIALECTS)),
    default=OPENAI_CHAT.name,
    show_default=True,
    help="Dialect of the events.",
)
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="JSON body of the request; invented if not given.",
)
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="JSON lines with file, status, content_type and chunk_lengths.",
)
@force_option
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
        by=made_by("sse"),
        dialect=_DIALECTS[dialect],
        split=split or Split.EVENT,
        pacing_ns=round(pacing * NS_PER_MS),
        request_body=body,
    )
    known = _read_manifest(manifest) if manifest else {}
    plan = plan_cassettes(sources, out, ("*.sse",), force=force)
    cassettes = {
        target: import_sse(
            read_source(file), _describe(base, file, known, use_lengths=split is None)
        )
        for target, file in plan.items()
    }
    save(cassettes, out)


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


_ENTRY = Draft202012Validator(
    {
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
)


def _read_manifest(path: Path) -> dict[Path, dict[str, Any]]:
    entries = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            entry = _read_entry(line, path, number)
            entries[(path.parent / entry["file"]).resolve()] = entry
    return entries


def _read_entry(line: str, path: Path, number: int) -> dict[str, Any]:
    entry = load_json(line.encode(), source=str(path), line=number)
    entry.check(_ENTRY)
    value: dict[str, Any] = entry.value
    return value

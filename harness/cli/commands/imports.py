"""``harness import``: cassettes from the recordings of other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.cassette.importers.har import import_har
from harness.cassette.importers.imported import (
    ImportedFile,
    ImportedInteraction,
    assemble_cassette,
)
from harness.cassette.importers.ndjson import import_ndjson
from harness.cassette.importers.reconstruction import ReconstructionOptions
from harness.cassette.importers.segmentation import Split
from harness.cassette.importers.vcr import import_vcr
from harness.cli.commands.import_sse import sse
from harness.cli.import_files import made_by, plan_cassettes, read_source, save
from harness.cli.options import (
    force_option,
    pacing_option,
    sources_argument,
    split_option,
    target_folder_option,
)
from harness.errors import InputError
from harness.sse import is_event_stream
from harness.units import NS_PER_MS

__all__ = ["import_group"]

_NOT_STREAMS = "answers that are no event streams (--all takes them)"

_Read = Callable[[Path], ImportedFile]
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImportOptions:
    """The arguments of all of these commands."""

    sources: tuple[Path, ...]
    out: Path
    everything: bool
    tags: tuple[str, ...]
    force: bool


@click.group("import")
def import_group() -> None:
    """Make cassettes of what others recorded.

    Credentials are redacted before anything is written. docs/formats.md says what each
    format holds.
    """


import_group.add_command(sse)


def _import_options(command: _Command) -> _Command:
    """Add the arguments of all of these commands."""
    for option in reversed(
        (
            sources_argument,
            target_folder_option,
            click.option(
                "--all",
                "everything",
                is_flag=True,
                help="Also take answers that are no event streams.",
            ),
            click.option(
                "--tag",
                "tags",
                multiple=True,
                metavar="WORD",
                help="Tag of every cassette. Repeatable.",
            ),
            force_option,
        )
    ):
        command = option(command)
    return command


@import_group.command("ndjson")
@_import_options
def ndjson(**given: Any) -> None:
    """Make a cassette of each log of timed NDJSON.

    FILE is a file, or a folder that is searched for *.ndjson and *.jsonl. Any gateway
    can write this format: a line a segment, with time and bytes (docs/formats.md).
    Nothing is invented.

    \b
    Example:
      harness import ndjson gateway.ndjson --out cassettes --tag openai-chat
    """  # noqa: D301 - \b is click's

    def read(path: Path) -> ImportedFile:
        return import_ndjson(read_source(path), source=str(path))

    _import("ndjson", ("*.ndjson", "*.jsonl"), read, _ImportOptions(**given))


@import_group.command("vcr")
@_import_options
@split_option()
@pacing_option
def vcr(*, split: Split | int | None, pacing: float, **given: Any) -> None:
    """Make a cassette of each cassette of VCR.py.

    FILE is a file, or a folder that is searched for *.yaml, *.yml and *.json. VCR.py
    keeps no times and no borders: they are invented, and the cassette says so
    (reconstructed).

    \b
    Example:
      harness import vcr tests/cassettes --out cassettes --pacing 35
    """  # noqa: D301 - \b is click's
    how = ReconstructionOptions(
        split=split or Split.EVENT, pacing_ns=round(pacing * NS_PER_MS)
    )

    def read(path: Path) -> ImportedFile:
        return import_vcr(read_source(path), source=str(path), how=how)

    _import("vcr", ("*.yaml", "*.yml", "*.json"), read, _ImportOptions(**given))


@import_group.command("har")
@_import_options
@split_option()
def har(*, split: Split | int | None, **given: Any) -> None:
    """Make a cassette of each HAR, of a browser or of a proxy.

    FILE is a file, or a folder that is searched for *.har. HAR knows when an answer
    began and ended; the times in between and the borders are invented, and the
    cassette says so (reconstructed). What `harness export har` wrote is restored as
    it was.

    \b
    Example:
      harness import har session.har --out cassettes --tag openai-chat
    """  # noqa: D301 - \b is click's
    how = ReconstructionOptions(split=split or Split.EVENT)

    def read(path: Path) -> ImportedFile:
        return import_har(read_source(path), source=str(path), how=how)

    _import("har", ("*.har",), read, _ImportOptions(**given))


@import_group.command("mitm")
@_import_options
@split_option()
def mitm(*, split: Split | int | None, **given: Any) -> None:
    """Make a cassette of each flow file of mitmproxy.

    FILE is a file, or a folder that is searched for *.mitm, *.flow and *.flows. It
    needs mitmproxy (the extra "record"). A flow knows when an answer began and ended;
    the times in between and the borders are invented, and the cassette says so
    (reconstructed). `harness record` keeps them.

    \b
    Example:
      harness import mitm session.mitm --out cassettes
    """  # noqa: D301 - \b is click's
    try:
        # It imports mitmproxy, which is an extra, and slow.
        from harness.record.flows import import_flows  # noqa: PLC0415 - lazy
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("mitmproxy"):
            raise
        raise InputError(
            "flow files are read by mitmproxy, which is not installed:"
            " pip install 'stream-rollout-harness[record]'"
        ) from None
    read = partial(import_flows, how=ReconstructionOptions(split=split or Split.EVENT))
    _import("mitm", ("*.mitm", "*.flow", "*.flows"), read, _ImportOptions(**given))


def _import(
    kind: str, patterns: tuple[str, ...], read: _Read, options: _ImportOptions
) -> None:
    plan = plan_cassettes(options.sources, options.out, patterns, force=options.force)
    cassettes = {}
    left_out: Counter[str] = Counter()
    for target, file in plan.items():
        imported = read(file)
        kept = [
            one
            for one in imported.interactions
            if options.everything or _is_stream(one)
        ]
        left_out.update(imported.left_out)
        left_out[_NOT_STREAMS] += len(imported.interactions) - len(kept)
        if kept:
            by = made_by(kind, imported.program)
            cassettes[target] = assemble_cassette(kept, by=by, tags=options.tags)
    counts = [f"{count} {why}" for why, count in sorted(left_out.items()) if count]
    told = f"; left out: {', '.join(counts)}" if counts else ""
    if not cassettes:
        source = str(next(iter(plan.values()))) if len(plan) == 1 else None
        raise InputError(f"nothing to import{told}", source=source)
    save(cassettes, options.out, told=told)


def _is_stream(imported: ImportedInteraction) -> bool:
    return is_event_stream(imported.interaction.response.header("content-type"))

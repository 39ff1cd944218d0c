"""Renders a sweep for a terminal: counts by kind, and one entry for each finding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

__all__ = ["sweep_lines"]

_QUIET = frozenset({"IDENTICAL", "EQUIVALENT"})
"""Verdicts that are not findings."""


def sweep_lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a sweep, each with its style."""
    sweep = report["sweep"]
    speed = report["volatile"].get("sweep")
    pace = f", {speed['variants_per_s']:,} a second" if speed else ""
    yield "bold", f"Sweep: {sweep['variants']:,} variants{pace}"
    offsets, size = sweep["offsets"], sweep["bytes"] + sweep["streams"]
    part = "every byte"
    if offsets < size:
        part = f"{offsets:,} of {size:,} bytes (--limit 0 takes every one)"
    yield "", f"  {sweep['streams']} streams, {part}"
    yield (
        "",
        (
            f"  {sweep['judged']:,} judged, the others ended like one of these; "
            f"{sweep['checked']:,} rechecked"
        ),
    )
    for name in sweep["unbranched"]:
        yield "", f"  {name} cannot be forked: each play began at the start"
    for reason, count in sweep["left_out"].items():
        yield "", f"  {count} left out: {reason}"
    yield "", ""
    names = sorted({name for kind in sweep["kinds"] for name in kind["verdicts"]})
    rows = [
        [kind["kind"], *(f"{kind['verdicts'].get(name, 0):,}" for name in names)]
        for kind in sweep["kinds"]
        if kind["verdicts"]
    ]
    headers = ["kind", *(name.replace("_", "\n") for name in names)]
    align = ["left", *("right" for _ in names)]
    text = tabulate(rows, headers=headers, colalign=align, disable_numparse=True)
    for line in text.splitlines():
        yield "", line
    yield "", ""
    yield from _findings(report, sweep["findings"])


def _findings(
    report: Mapping[str, Any], findings: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    names = {
        side: report["targets"][side]["name"] for side in ("baseline", "candidate")
    }
    for finding in findings:
        if finding["verdict"] in _QUIET:
            continue
        style = "" if finding["gate"] == "pass" else "bold red"
        count = f"{finding['variants']:,} variants, {finding['streams']} streams"
        yield style, f"{finding['verdict']} {finding['kind']}: {count}"
        for side, name in names.items():
            yield "", f"  {name}: {', '.join(finding[side]) or 'right'}"
        yield "dim", f"  $ {finding['reproduce']}"

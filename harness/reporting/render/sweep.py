"""A sweep on a terminal: counts by kind, and one line for everything that was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

__all__ = ["sweep_lines"]

_QUIET = frozenset({"IDENTICAL", "EQUIVALENT"})
"""Verdicts of which there is nothing to tell."""


def sweep_lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a sweep for a terminal, as lines with a style each."""
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
            f"  {sweep['judged']:,} judged, the rest ended like one of them; "
            f"{sweep['checked']:,} checked besides"
        ),
    )
    for name in sweep["unbranched"]:
        yield "", f"  {name} was played from the start each time, where it had to be"
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

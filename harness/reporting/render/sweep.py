"""A sweep in the report: counts by kind, and one line for everything that was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from harness.judge.run import RunRecord, ScenarioRecord
from harness.reporting.document.reproduce import repeat_scenario
from harness.sweep.model import Cell, SweepKind, Swept

__all__ = ["sweep_facts", "sweep_lines"]

_QUIET = frozenset({"IDENTICAL", "EQUIVALENT"})
"""Verdicts of which there is nothing to tell."""


def sweep_facts(
    swept: Sequence[Swept], run: RunRecord, options: Sequence[str] | None
) -> dict[str, Any]:
    """Return what a report says of a sweep.

    Args:
        swept: What every stream showed.
        run: The run; its records are examples, one of each cell.
        options: See `harness.reporting.document.reproduce`.
    """
    played = [one for one in swept if one.why_not is None]
    examples = {_cell(record): record for record in run.records}
    counts: Counter[Cell] = Counter()
    streams: Counter[Cell] = Counter()
    for one in played:
        for cell, found in one.cells.items():
            counts[cell] += found.variants
            streams[cell] += 1
    return {
        "streams": len(played),
        "left_out": dict(
            sorted(Counter(one.why_not for one in swept if one.why_not).items())
        ),
        "bytes": sum(one.size for one in played),
        "offsets": sum(one.offsets for one in played),
        "variants": sum(counts.values()),
        "judged": sum(one.judged for one in played),
        "checked": sum(one.checked for one in played),
        "unbranched": sorted({name for one in played for name in one.unbranched}),
        "kinds": [
            {"kind": str(kind), "verdicts": _verdicts(counts, kind)}
            for kind in SweepKind
        ],
        "findings": [
            {
                "kind": cell.kind,
                "verdict": cell.verdict,
                "gate": cell.gate,
                "baseline": list(cell.baseline),
                "candidate": list(cell.candidate),
                "variants": counts[cell],
                "streams": streams[cell],
                "example": examples[cell].scenario.id,
                "reproduce": repeat_scenario(run, examples[cell], options),
            }
            for cell in sorted(counts, key=_rank)
            if cell in examples
        ],
    }


def _cell(record: ScenarioRecord) -> Cell:
    kind = record.scenario.id.rpartition("+")[2].partition("@")[0]
    return Cell(
        kind=kind,
        verdict=str(record.result.verdict),
        gate=str(record.result.gate),
        baseline=tuple(str(one.kind) for one in record.baseline[0].violations),
        candidate=tuple(str(one.kind) for one in record.candidate[0].violations),
    )


def _rank(cell: Cell) -> tuple[bool, bool, Cell]:
    return cell.gate == "pass", cell.verdict in _QUIET, cell


def _verdicts(counts: Mapping[Cell, int], kind: SweepKind) -> dict[str, int]:
    verdicts: Counter[str] = Counter()
    for cell, count in counts.items():
        if cell.kind == kind:
            verdicts[cell.verdict] += count
    return dict(sorted(verdicts.items()))


def sweep_lines(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a sweep for a terminal, as lines with a style each."""
    sweep = report["sweep"]
    speed = report["volatile"].get("sweep")
    pace = f", {speed['variants_per_s']:,} a second" if speed else ""
    yield "bold", f"Sweep: {sweep['variants']:,} variants{pace}"
    offsets, size = sweep["offsets"], sweep["bytes"] + sweep["streams"]
    part = "every byte"
    if offsets < size:
        part = f"{offsets:,} of {size:,} bytes (--sweep-limit 0 takes every one)"
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

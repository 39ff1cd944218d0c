"""The facts of a sweep for a report: counts by kind, and an entry for each finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.judge.run import RunRecord, ScenarioRecord
from harness.reporting.document.reproduce import repeat_scenario
from harness.sweep.model import Cell, SweepKind, Swept

__all__ = ["sweep_facts"]

_QUIET = frozenset({"IDENTICAL", "EQUIVALENT"})
"""Verdicts without a difference; they come last."""


def sweep_facts(
    swept: Sequence[Swept],
    run: RunRecord,
    examples: Mapping[Cell, ScenarioRecord],
    options: Sequence[str] | None,
) -> dict[str, Any]:
    """Return the section of a report about a sweep.

    Args:
        swept: The result of every stream.
        run: The run; its records are the examples.
        examples: For each cell, one variant that was judged.
        options: See `harness.reporting.document.reproduce`.
    """
    played = [one for one in swept if one.why_not is None]
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


def _rank(cell: Cell) -> tuple[bool, bool, Cell]:
    return cell.gate == "pass", cell.verdict in _QUIET, cell


def _verdicts(counts: Mapping[Cell, int], kind: SweepKind) -> dict[str, int]:
    verdicts: Counter[str] = Counter()
    for cell, count in counts.items():
        if cell.kind == kind:
            verdicts[cell.verdict] += count
    return dict(sorted(verdicts.items()))

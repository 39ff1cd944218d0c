"""Hold over all streams of a run that were right in everything except time.

A failed stream is a fast stream, so it is left out. A stream whose only violation is a
long hold is included: otherwise the longest hold would always be under the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.judge.checks.hold import Hold, summarise_hold
from harness.judge.judgement import Judgement
from harness.judge.run import ScenarioRecord
from harness.scenario.model import Mode

__all__ = ["hold_facts", "hold_totals"]


def hold_facts(hold: Hold | None) -> dict[str, int] | None:
    """Return a hold for the report, in nanoseconds."""
    if hold is None:
        return None
    return {
        "count": hold.count,
        "max_ns": hold.max_ns,
        "median_ns": hold.median_ns,
        "p95_ns": hold.p95_ns,
    }


def hold_totals(records: Iterable[ScenarioRecord], mode: Mode) -> dict[str, Any]:
    """Return the hold of both targets over all streams of one mode.

    Returns:
        ``shared``: over the scenarios that both targets delivered, the only fair
        comparison; ``own``: over all scenarios that the target delivered.
    """
    pairs = [
        (_measured(record.baseline), _measured(record.candidate))
        for record in records
        if record.mode is mode
    ]
    shared = [pair for pair in pairs if all(pair)]
    return {"own": _both(pairs), "shared": _both(shared)}


_Streams = list[tuple[int, ...]]


def _both(pairs: Iterable[tuple[_Streams, _Streams]]) -> dict[str, Any]:
    sides: tuple[_Streams, _Streams] = ([], [])
    for pair in pairs:
        for side, streams in zip(sides, pair, strict=True):
            side.extend(streams)
    return {
        name: {
            "streams": len(streams),
            "hold": hold_facts(summarise_hold(ns for holds in streams for ns in holds)),
        }
        for name, streams in zip(("baseline", "candidate"), sides, strict=True)
    }


def _measured(judgements: Iterable[Judgement]) -> _Streams:
    return [judgement.holds_ns for judgement in judgements if judgement.holds_ns]

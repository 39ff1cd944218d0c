"""Hold over all streams of a run that were judged right in everything but time.

A failed stream is a fast stream (`research/JUDGE.md`, section 1.2), so it has no place
here. A stream that was only held back too long has: without it the longest hold would
always be under the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.judge.check import Judgement
from harness.judge.hold import Hold, hold_samples, summarise
from harness.judge.oracle import Expectation
from harness.judge.record import ScenarioRecord
from harness.scenario.model import Mode

__all__ = ["hold_facts", "hold_totals"]


def hold_facts(hold: Hold | None) -> dict[str, int] | None:
    """Return a hold as the report says it, in nanoseconds."""
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
        comparison; ``own``: over all that each of them delivered.
    """
    of_mode = [record for record in records if record.mode is mode and record.expected]
    shared = [
        record
        for record in of_mode
        if _measured(record.baseline) and _measured(record.candidate)
    ]
    return {"own": _both(of_mode), "shared": _both(shared)}


def _both(records: Iterable[ScenarioRecord]) -> dict[str, Any]:
    samples: Mapping[str, list[int]] = {"baseline": [], "candidate": []}
    streams = dict.fromkeys(samples, 0)
    for record in records:
        if record.expected is None:
            continue
        for name, expected, judgements in (
            ("baseline", record.expected[0], record.baseline),
            ("candidate", record.expected[1], record.candidate),
        ):
            for judgement in _measured(judgements):
                streams[name] += 1
                samples[name].extend(_samples(expected, judgement))
    return {
        name: {"hold": hold_facts(summarise(samples[name])), "streams": streams[name]}
        for name in samples
    }


def _samples(expected: Expectation, judgement: Judgement) -> list[int]:
    return hold_samples(expected, judgement.reading, judgement.observation)


def _measured(judgements: Iterable[Judgement]) -> list[Judgement]:
    return [judgement for judgement in judgements if judgement.hold is not None]

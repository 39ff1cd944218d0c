"""The part of a report about a scenario with more than one stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.judge.judgement import Judgement
from harness.judge.run import ScenarioRecord
from harness.scenario.model import Mode, Scenario

__all__ = ["group_notes", "stream_facts", "streams_differ_by_time"]


def streams_differ_by_time(record: ScenarioRecord) -> bool:
    """Tell whether live timing decides the results of its streams."""
    scenario = record.scenario
    leaving = scenario.streams is not None and scenario.streams.abort_ratio > 0
    plans = [one.client for one in scenario.sequence]
    leaving = leaving or any(plan.abort is not None for plan in plans)
    return record.mode is Mode.LIVE and (leaving or bool(scenario.outage))


def group_notes(scenario: Scenario) -> Iterator[str]:
    """Describe the streams of a scenario and its settings."""
    streams = scenario.streams
    if streams is not None:
        how = (
            "one after another on one connection"
            if streams.one_connection
            else f"{streams.every_ms:g} ms apart"
            if streams.every_ms
            else "together"
        )
        words = [f"{streams.count} clients {how}"]
        if streams.canary:
            words.append("each stream with its own marker")
        if streams.abort_ratio:
            leaving = round(streams.count * streams.abort_ratio)
            words.append(f"{leaving} of them leave mid-stream")
        yield ", ".join(words)
    for number, one in enumerate(scenario.sequence, start=1):
        names = ", ".join(call.name for call in one.faults) or "no fault"
        yield f"exchange {number}: {names}"
    for phase in scenario.outage:
        yield f"from {phase.from_ms:g} ms on the upstream answers {phase.answer}"
    if scenario.settings:
        told = ", ".join(f"{key}={value}" for key, value in scenario.settings.items())
        yield f"with {told}"


def stream_facts(
    record: ScenarioRecord, judgement: Judgement
) -> list[dict[str, Any]] | None:
    """Return the results of the streams, equal ones grouped; None: a single stream.

    If live timing decides the results, only wrong streams are included.
    """
    if not judgement.parts:
        return None
    by_time = streams_differ_by_time(record)
    groups: dict[tuple[Any, ...], list[Judgement]] = {}
    for part in judgement.parts:
        if by_time and part.correct:
            continue
        groups.setdefault(_key(part), []).append(part)
    return [
        {
            "streams": [part.name for part in parts],
            "correct": parts[0].correct,
            "outcome": parts[0].outcome,
            "status": parts[0].observation.status,
            "upstream_requests": len(parts[0].observation.upstream),
            "kept_connection": parts[0].observation.reused,
            "kinds": sorted({item.kind for item in parts[0].violations}),
        }
        for parts in groups.values()
    ]


def _key(part: Judgement) -> tuple[Any, ...]:
    seen = part.observation
    return (
        part.outcome,
        seen.status,
        len(seen.upstream),
        seen.reused,
        frozenset(item.kind for item in part.violations),
    )

"""The part of a report about one scenario in one mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

from harness.dialects.message import Choice
from harness.judge.compare import first_difference
from harness.judge.evidence.reading import Event
from harness.judge.evidence.sdk_models import SdkModel
from harness.judge.judgement import Judgement
from harness.judge.oracle.expectation import Duty, Expectation
from harness.judge.run import RunRecord, ScenarioRecord
from harness.judge.verdict import Verdict
from harness.printable import quote
from harness.reporting.document.reproduce import repeat_scenario
from harness.reporting.document.streams import (
    group_notes,
    stream_facts,
    streams_differ_by_time,
)
from harness.reporting.document.timing import hold_facts
from harness.scenario.model import Mode

__all__ = ["contrast", "left_early", "scenario_facts"]

_BEFORE, _EXCERPT = 40, 160
"""Characters shown before a difference, and of the whole event."""

_NOT_REPEATED = frozenset({Verdict.UNSTABLE_BASELINE, Verdict.RACE_SUSPECT})


def left_early(record: ScenarioRecord) -> bool:
    """Tell whether live timing decides how much of the answers was read."""
    if record.mode is Mode.LIVE and record.scenario.exchange.client.abort is not None:
        return True
    return streams_differ_by_time(record)


def contrast(record: ScenarioRecord) -> dict[str, Any]:
    """Return the differences of the two answers, and the first event that differs."""
    if not record.baseline or not record.candidate:
        return {"differences": [], "first_difference": None}
    return {
        "differences": [
            {
                "level": difference.level,
                "baseline": difference.baseline,
                "candidate": difference.candidate,
                "harmless": difference.harmless,
            }
            for difference in record.result.differences
        ],
        "first_difference": _first(record.baseline[0], record.candidate[0]),
    }


def scenario_facts(
    run: RunRecord, record: ScenarioRecord, options: Sequence[str] | None = None
) -> dict[str, Any]:
    """Return the repeatable facts about one scenario in one mode.

    Args:
        run: The run of the record.
        record: The scenario in one mode.
        options: See `harness.reporting.document.reproduce`.
    """
    scenario, expected = record.scenario, record.expected
    nothing: dict[str, Any] = {"differences": [], "first_difference": None}
    return {
        "id": scenario.id,
        "mode": record.mode,
        "family": scenario.family,
        "why": " ".join(scenario.why.split()),
        "tags": scenario.tags,
        "source": scenario.source,
        "recorded": scenario.exchange.answers[0].recorded,
        "faults": [
            {"name": call.name, "parameters": call.parameters}
            for call in scenario.all_faults
        ],
        "notes": _notes(record),
        "client": _client(record),
        "allow": _waivers(record),
        "verdict": record.result.verdict,
        "gate": record.result.gate,
        "reason": record.result.reason,
        "oracle": {
            "baseline": _oracle(expected[0]) if expected else None,
            "candidate": _oracle(expected[1]) if expected else None,
        },
        "baseline": _answers(record, record.baseline),
        "candidate": _answers(record, record.candidate),
        **(nothing if left_early(record) else contrast(record)),
        "reproduce": repeat_scenario(run, record, options),
    }


def _notes(record: ScenarioRecord) -> list[str]:
    """Return what the faults changed, by attempt if there are several."""
    attempts = record.script.attempts
    more = list(group_notes(record.scenario))
    if record.scenario.sequence:
        return more
    if len(attempts) == 1:
        return [*attempts[0].notes, *more]
    told = [
        f"attempt {number}: {'; '.join(wire.notes) or 'no fault'}"
        for number, wire in enumerate(attempts, start=1)
    ]
    return [*more, *told]


def _waivers(record: ScenarioRecord) -> list[dict[str, str]]:
    return [
        {
            "level": waiver.level,
            "reason": " ".join(waiver.reason.split()),
            "owner": waiver.owner,
            "expires": waiver.expires.isoformat(),
        }
        for waiver in record.scenario.allow
    ]


def _client(record: ScenarioRecord) -> dict[str, Any] | None:
    plan = record.scenario.exchange.client
    abort, read = plan.abort, plan.read
    if abort is None and read is None:
        return None
    pause = read.pause if read else None
    return {
        "after_events": abort.after_events if abort else None,
        "after_ms": abort.after_ms if abort else None,
        "after_bytes": abort.after_bytes if abort else None,
        "before_head": abort.before_head if abort else False,
        "how": abort.how if abort else None,
        "reads_bytes_per_s": read.bytes_per_s if read else None,
        "pause": {"after_bytes": pause.after_bytes, "for_ms": pause.for_ms}
        if pause
        else None,
        "receive_buffer": plan.receive_buffer,
    }


def _oracle(expected: Expectation) -> dict[str, Any]:
    return {
        "contract": expected.contract,
        "ending": expected.ending.kind,
        "hang_allowed": expected.ending.hang_allowed,
        "reasons": expected.ending.reasons,
        "status": expected.head.status,
        "stream": expected.stream,
        "upstream_requests": _requests(expected.duty),
        "events": len(expected.content.reading.events),
        "text": _text_lengths(expected.content.reading.message.choices),
    }


def _requests(expected: Duty) -> str:
    if expected.upstream_requests is not None:
        return str(expected.upstream_requests)
    return "1, and more by retries" if expected.may_be_retried else "1"


def _answers(
    record: ScenarioRecord, judgements: tuple[Judgement, ...]
) -> dict[str, Any]:
    """Return the first answer, or all different ones if the answers do not repeat."""
    facts = [_answer(record, judgement) for judgement in judgements]
    told = facts[:1]
    if record.result.verdict in _NOT_REPEATED:
        told = [fact for at, fact in enumerate(facts) if fact not in facts[:at]]
    return {"repeats": len(judgements), "answers": told}


def _answer(record: ScenarioRecord, judgement: Judgement) -> dict[str, Any]:
    observation = judgement.observation
    virtual = observation.virtual
    # How much a live client reads before it leaves depends on its own pace.
    paced = judgement.outcome == "aborted" and not virtual
    by_time = streams_differ_by_time(record)
    paced = paced or by_time
    reading = judgement.reading
    return {
        "correct": judgement.correct,
        "outcome": judgement.outcome,
        "status": observation.status,
        "end": observation.end,
        "invalid": observation.invalid,
        "violations": [
            {
                "kind": violation.kind,
                "severity": violation.severity,
                "where": violation.where,
                "expected": violation.expected,
                "got": violation.got,
                "measured": violation.measured if virtual else {},
            }
            for violation in judgement.violations
        ],
        "clients": {} if paced else _clients(judgement),
        "upstream_requests": None if by_time else len(observation.upstream),
        "streams": stream_facts(record, judgement),
        "liberties": {}
        if by_time
        else {name: did for name, did in sorted(judgement.liberties.items()) if did},
        "events": None if paced else len(reading.events) + len(reading.after_done),
        "text": None if paced else _text_lengths(reading.message.choices),
        "hold": hold_facts(judgement.hold) if virtual else None,
        "end_at_ns": observation.end_at_ns if virtual else None,
    }


def _clients(judgement: Judgement) -> dict[str, Any]:
    """Return the result of each client model for the answer."""
    return {
        str(client): {
            "error": seen.error,
            "characters": len(seen.text),
            "finish": quote(seen.finish) if seen.finish else None,
        }
        for client, seen in zip(SdkModel, judgement.clients, strict=False)
    }


def _text_lengths(choices: Iterable[Choice]) -> list[dict[str, int]]:
    return [
        {"choice": choice.index, "characters": len(choice.content)}
        for choice in choices
    ]


def _first(baseline: Judgement, candidate: Judgement) -> dict[str, Any] | None:
    """Return the first event that differs, cut to the place where it does."""
    found = first_difference(baseline, candidate)
    if found is None:
        return None
    one, two = found.baseline, found.candidate
    start = 0
    if one is not None and two is not None:
        pairs = zip(one.data, two.data, strict=False)
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        # Two events with the same text differ in their type.
        start = max(0, alike - _BEFORE) if one.data != two.data else 0
    return {
        "index": found.index,
        "baseline": _excerpt(one, two, start),
        "candidate": _excerpt(two, one, start),
    }


def _excerpt(event: Event | None, other: Event | None, start: int) -> str | None:
    if event is None:
        return None
    before = "…" if start else ""
    data = quote(before + event.data[start:], _EXCERPT)
    if other is not None and event.type != other.type:
        return f"event {quote(event.type)}, data {data}"
    return data

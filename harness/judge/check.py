"""The judgement of one observation against its expectation: all checks together."""

from __future__ import annotations

from dataclasses import replace

from harness.judge.checks.attempts import (
    check_requests,
    expectation_of_last_attempt,
    retry_liberty,
)
from harness.judge.checks.backpressure import check_backpressure
from harness.judge.checks.body import check_body, check_foreign_bytes
from harness.judge.checks.client_check import check_clients, client_views
from harness.judge.checks.content import check_content, dropped_repeats
from harness.judge.checks.ending import check_ending
from harness.judge.checks.events import count_before_error
from harness.judge.checks.freed import check_freed
from harness.judge.checks.head import check_head
from harness.judge.checks.hold import check_hold, hold_samples
from harness.judge.checks.log import check_log
from harness.judge.evidence.coding import decoded
from harness.judge.evidence.observation import Observation
from harness.judge.evidence.outcome import Outcome, outcome_of
from harness.judge.evidence.reading import EMPTY_READING, Reading, read_stream
from harness.judge.judgement import Judgement
from harness.judge.limits import Limits
from harness.judge.oracle.expectation import Expectation
from harness.scenario.model import ExpectedEnding
from harness.sse import is_event_stream

__all__ = ["judge"]


_BAD_GATEWAY = 502  # the upstream's response is invalid (RFC 9110, section 15.6.3)


def judge(expected: Expectation, observation: Observation, limits: Limits) -> Judgement:
    """Judge one observation.

    Timing is judged only where everything else is right: a failed stream is a fast
    stream. Where a policy leaves a choice to the target, each of its ways is right.
    """
    chosen = expectation_of_last_attempt(expected, observation)
    best = _judge(expected, chosen, observation, limits)
    taken: dict[str, str] = {
        other.policy: "" for other in chosen.alternatives if best.correct
    }
    for other in chosen.alternatives:
        if best.correct:
            break
        found = _judge(expected, other.expected, observation, limits)
        if found.correct or found.severities < best.severities:
            best, taken = found, {other.policy: other.choice}
    taken |= _liberties(chosen, best)
    asked = retry_liberty(expected, observation)
    if asked is not None:
        taken["retry"] = asked
    return replace(best, liberties=taken)


def _liberties(expected: Expectation, got: Judgement) -> dict[str, str]:
    """Name what a target did where any way was right."""
    taken = {}
    if expected.stream and expected.ending.kind is ExpectedEnding.UNFINISHED:
        told = got.outcome is Outcome.ERROR
        taken["missing_finish"] = "to report it" if told else ""
    finished = expected.stream and expected.ending.kind is ExpectedEnding.COMPLETE
    if finished and not expected.ending.done_sent:
        reading = got.reading
        added = f"to add {reading.dialect.end}" if reading.done else ""
        taken["done_synthesis"] = added
    return taken


def _judge(
    first: Expectation, expected: Expectation, observation: Observation, limits: Limits
) -> Judgement:
    plain, broken = decoded(observation) if expected.head.coded else (observation, None)
    is_stream = expected.stream and _came_as_stream(plain)
    reading = read_stream(plain.body) if is_stream else EMPTY_READING
    outcome = outcome_of(plain, reading)
    dropped = dropped_repeats(expected.content, reading)
    refused = expected.head.may_refuse and _refused(plain, reading, outcome)
    violations = [
        *check_head(expected.head, plain, refused=refused),
        *check_requests(first, plain, reading),
        *check_freed(expected.duty, plain, limits),
        *check_backpressure(expected.duty, plain, limits.buffer_bytes),
        *check_foreign_bytes(expected.content, plain),
        *check_log(expected.duty, plain),
    ]
    if broken is not None:
        violations.append(broken)
    if not refused:
        violations += [
            *(
                check_content(expected, reading, outcome, dropped)
                if expected.stream
                else check_body(expected.head, expected.content, plain)
            ),
            *check_ending(expected, plain, reading, outcome),
        ]
    views = client_views(expected, plain)
    if not refused:
        violations += check_clients(expected, views, dropped)
    holds_ns: tuple[int, ...] = ()
    # A client that reads slowly causes its own delay.
    if not violations and not refused and expected.duty.client_window_bytes is None:
        holds_ns = tuple(hold_samples(expected.content, reading, plain, dropped))
        violations += check_hold(expected, plain, max(holds_ns, default=0), limits)
    violations.sort(key=lambda violation: -violation.severity)
    return Judgement(
        observation=observation,
        reading=reading,
        outcome=outcome,
        violations=tuple(violations),
        holds_ns=holds_ns,
        dropped_repeats=dropped,
        clients=views,
    )


def _refused(plain: Observation, reading: Reading, outcome: Outcome) -> bool:
    """Whether a target rejected an answer and reported that.

    A wrong content coding shows only after the head was sent.
    """
    told = outcome is Outcome.ERROR and plain.status is not None and plain.status < 400
    return plain.status == _BAD_GATEWAY or (told and count_before_error(reading) == 0)


def _came_as_stream(observation: Observation) -> bool:
    kind = observation.header("content-type")
    return kind is None or is_event_stream(kind.decode("latin-1"), anywhere=True)

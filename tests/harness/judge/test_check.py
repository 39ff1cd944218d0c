"""Every kind of violation, provoked by an answer that has just that fault."""

from __future__ import annotations

import pytest

from harness.judge.check import judge
from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.outcome import Outcome
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import SEVERITY, Kind

WORDS = ("Once", " upon", " a", " time", ".")


def test_right_answer_has_no_violation(bench):
    """What was sent, in time, is right."""
    assert [] == bench.answer_kinds(bench.answer(*WORDS))


CHANGES = [
    (lambda events: events[:2] + events[3:], Kind.TEXT_LOST),
    (lambda events: [*events[:3], *events[2:]], Kind.TEXT_ADDED),
    (
        lambda events: [event.replace("time", "mite") for event in events],
        Kind.TEXT_CHANGED,
    ),
    (lambda events: ["", *events], Kind.EMPTY_EVENT),
    (lambda events: [*events[:2], '{"cut', *events[2:]], Kind.MALFORMED_FORWARDED),
    (lambda events: [*events, '{"choices":[]}'], Kind.AFTER_DONE),
    (
        lambda events: [event for event in events if "stop" not in event],
        Kind.EVENT_LOST,
    ),
    (
        lambda events: [event.replace('"stop"', '"length"') for event in events],
        Kind.FINISH_CHANGED,
    ),
    (
        lambda events: [event for event in events if "usage" not in event],
        Kind.USAGE_CHANGED,
    ),
    (
        lambda events: [*events[:2], events[-3], *events[2:-3], *events[-2:]],
        Kind.EVENT_MOVED,
    ),
    (
        lambda events: [*events[:2], '{"choices":[],"x":1}', *events[2:]],
        Kind.EVENT_ADDED,
    ),
    (lambda events: events[:-1], Kind.DONE_LOST),
    (
        lambda events: [*events[:-1], '{"error":{"message":"no"}}', events[-1]],
        Kind.ERROR_INVENTED,
    ),
]


@pytest.mark.parametrize(("change", "kind"), CHANGES)
def test_wrong_answer_is_told_by_its_kind(bench, change, kind):
    """A right answer with one thing wrong has the violation of that name."""
    assert kind in bench.answer_kinds(change(bench.answer(*WORDS)))


ENDS = [
    ({"end": ClientEnd.TRUNCATED}, Kind.NO_CLEAN_END),
    ({"end": ClientEnd.TIMEOUT}, Kind.HANG),
    ({"status": 500}, Kind.STATUS_CHANGED),
    ({"headers": ((b"content-type", b"text/html"),)}, Kind.CONTENT_TYPE_CHANGED),
    (
        {
            "headers": (
                (b"content-type", b"text/event-stream"),
                (b"content-length", b"9"),
                (b"transfer-encoding", b"chunked"),
            )
        },
        Kind.HEADERS_BROKEN,
    ),
    ({"log": ("crashed: KeyError on data",)}, Kind.CRASH),
]


@pytest.mark.parametrize(("changes", "kind"), ENDS)
def test_wrong_transport_is_told_by_its_kind(bench, changes, kind):
    """The same events under a wrong head or end have the violation of that name."""
    assert kind in bench.answer_kinds(bench.answer(*WORDS), **changes)


def test_worst_violation_comes_first(bench):
    """Violations are ordered by severity, which every kind has."""
    found = bench.answer_kinds(["", *bench.answer(*WORDS)[:2]], end=ClientEnd.TIMEOUT)

    assert Kind.HANG is found[0]
    assert set(Kind) == set(SEVERITY)


def test_outcome_is_what_the_client_believed(bench):
    """A clean end with neither [DONE] nor finish_reason is unfinished."""
    wanted = bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.exchange.expect
    )
    seen = bench.observed(bench.answer(*WORDS)[:3])

    assert Outcome.UNFINISHED is judge(expected, seen, Limits(hold_ms=20)).outcome

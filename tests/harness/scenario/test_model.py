from __future__ import annotations

import pytest

from harness.cassette.model import Ending, EndingKind, Request, Response
from harness.faults.registry import FaultCall
from harness.scenario.model import (
    Abort,
    AbortHow,
    Answer,
    Bounds,
    ExchangePlan,
    Pause,
    Phase,
    ReadPlan,
    Scenario,
    Streams,
)


def exchange(*faults: str) -> ExchangePlan:
    """One exchange; each attempt has one of the faults."""
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(),
        segments=(),
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    )
    return ExchangePlan(
        request=Request(method="POST", path="/", headers=(), body=b""),
        answers=tuple(
            Answer(
                response=response,
                recorded=True,
                faults=(FaultCall(name=name, parameters={}),),
            )
            for name in faults
        ),
    )


def scenario(**changes: object) -> Scenario:
    """A scenario of one exchange."""
    given = {"id": "a/b", "why": "", "tags": (), "exchange": exchange("one"), **changes}
    return Scenario(**given)


@pytest.mark.parametrize(
    ("bounds", "right", "text"),
    [
        (Bounds(), (0, 1, 2, 3), "at least 0"),
        (Bounds(at_least=2), (2, 3), "at least 2"),
        (Bounds(at_most=1), (0, 1), "at most 1"),
        (Bounds(at_least=1, at_most=2), (1, 2), "1 to 2"),
        (Bounds(at_least=2, at_most=2), (2,), "2"),
    ],
)
def test_bounds_hold_numbers_and_say_which(bounds, right, text):
    """Both ends are right."""
    assert right == tuple(number for number in range(4) if number in bounds)
    assert text == str(bounds)


def test_faults_are_those_of_all_attempts_and_exchanges():
    """In their order."""
    assert ["one"] == [call.name for call in scenario().all_faults]
    attempts = scenario(exchange=exchange("one", "two"))
    assert ["one", "two"] == [call.name for call in attempts.all_faults]
    sequence = (exchange("two"), exchange("three"))
    calls = scenario(sequence=sequence).all_faults
    assert ["two", "three"] == [call.name for call in calls]


def test_what_makes_a_group_and_what_needs_a_fresh_target():
    """Many streams do not leave anything behind, an outage does."""
    plain = scenario()
    assert (False, False, "a") == (
        plain.is_group,
        plain.needs_fresh_target,
        plain.family,
    )
    many = scenario(streams=Streams(count=2))
    assert (True, False) == (many.is_group, many.needs_fresh_target)
    down = scenario(outage=(Phase(from_ms=0, answer=503),))
    assert (True, True) == (down.is_group, down.needs_fresh_target)
    assert scenario(settings={"A": "b"}).needs_fresh_target


def test_who_stops_reading_and_who_leaves():
    """A half-closed client reads on; a pause without an end never does."""
    assert Abort(after_ms=1).leaves
    assert not Abort(after_ms=1, how=AbortHow.HALF_CLOSE).leaves
    assert ReadPlan(pause=Pause(after_bytes=1, for_ms=None)).stops
    assert not ReadPlan(pause=Pause(after_bytes=1, for_ms=5)).stops
    assert not ReadPlan(bytes_per_s=1).stops
    plans = (ReadPlan(bytes_per_s=1000), ReadPlan(bytes_per_s=1), ReadPlan())
    assert [20, 1, None] == [plan.bytes_per_read for plan in plans]

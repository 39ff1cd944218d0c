from __future__ import annotations

from dataclasses import replace

import pytest

from harness.documents.yaml_document import load
from harness.faults.registry import FaultCall, FaultError
from harness.scenario.model import (
    Abort,
    Answer,
    ClientPlan,
    ExchangePlan,
    Phase,
    Scenario,
)
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, inline_response
from harness.scenario.script import make_script
from harness.units import NS_PER_MS


@pytest.fixture
def scenario() -> Scenario:
    """A scenario with chance in it."""
    root = load("stream: [a, b, c, d, e, f]\n", source="s.yaml")
    answer = Answer(
        response=inline_response(root),
        recorded=False,
        faults=(FaultCall(name="pace", parameters={"itl_ms": 9, "jitter_ms": 9}),),
    )
    return Scenario(
        id="clean/one",
        why="Because.",
        tags=(),
        exchange=ExchangePlan(request=DEFAULT_REQUEST, answers=(answer,)),
        source="s.yaml",
    )


def test_make_script_repeats_bit_for_bit(scenario):
    """Seed and id decide all chance."""
    script = make_script(scenario, 7)
    assert script == make_script(scenario, 7)
    assert script.attempts != make_script(scenario, 8).attempts
    other = make_script(replace(scenario, id="clean/two"), 7)
    assert script.attempts != other.attempts


def test_make_script_plays_the_last_attempt_again(scenario):
    """However often the target tries."""
    script = make_script(scenario, 7)
    assert script.attempt(1) is script.attempt(9) is script.attempts[0]


def test_make_script_says_whose_fault_cannot_apply(scenario):
    """The file and the fault."""
    [answer] = scenario.exchange.answers
    call = FaultCall(name="repeat_first", parameters={})
    answers = (replace(answer, faults=(call,)),)
    exchange = replace(scenario.exchange, answers=answers)
    broken = replace(scenario, exchange=exchange)
    with pytest.raises(
        FaultError, match=r"s.yaml: faults.repeat_first.*: the stream has no first"
    ):
        make_script(broken, 1)


def test_an_outage_is_played_from_its_moment_on(scenario):
    """Whatever the attempt; an earlier phase ends there."""
    outage = (Phase(from_ms=10, answer=503), Phase(from_ms=20, answer="ok"))
    script = make_script(replace(scenario, outage=outage), 7)
    played = [script.played(5, at_ms * NS_PER_MS) for at_ms in (9, 10, 19, 20)]
    assert [0, 1, 1, 0] == played
    assert 503 == script.drafts[1].status


@pytest.mark.parametrize(("ms", "enough"), [(30, True), (29.999, False)])
def test_a_client_needs_time_to_leave_before_the_head(scenario, ms, enough):
    """The head is sent after 20 ms, and 50 ms are enough to leave."""
    [answer] = scenario.exchange.answers
    call = FaultCall(name="head_delay", parameters={"ms": ms})
    exchange = replace(
        scenario.exchange,
        answers=(replace(answer, faults=(call,)),),
        client=ClientPlan(abort=Abort(before_head=True)),
    )
    if enough:
        assert make_script(replace(scenario, exchange=exchange), 7).client.abort
        return
    with pytest.raises(FaultError, match=r"client\.abort\.before: .*add head_delay"):
        make_script(replace(scenario, exchange=exchange), 7)

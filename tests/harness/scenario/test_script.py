from __future__ import annotations

from dataclasses import replace

import pytest

from harness.documents.mistakes import Mistakes
from harness.documents.yaml_document import load
from harness.faults.registry import FaultCall, FaultError
from harness.scenario.model import Answer, ExchangePlan, Scenario
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, inline_response
from harness.scenario.script import make_script


@pytest.fixture
def scenario() -> Scenario:
    """A scenario with chance in it."""
    root = load("stream: [a, b, c, d, e, f]\n", source="s.yaml")
    answer = Answer(
        response=inline_response(root, Mistakes()),
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

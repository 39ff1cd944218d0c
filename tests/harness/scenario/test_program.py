from __future__ import annotations

from dataclasses import replace

import pytest

from harness.documents.yaml_document import load
from harness.scenario.model import (
    Answer,
    Bounds,
    ExchangePlan,
    Expect,
    Phase,
    Scenario,
    Streams,
)
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, inline_response
from harness.scenario.program import make_program

STREAM = """\
stream:
- json: {choices: [{index: 0, delta: {content: a}}]}
- json: {choices: [{index: 0, delta: {content: b}}]}
- json: {choices: [{index: 0, delta: {content: c}}]}
- "[DONE]"
"""


@pytest.fixture
def scenario() -> Scenario:
    """One client and one stream."""
    response = inline_response(load(STREAM, source="s.yaml"))
    answer = Answer(response=response, recorded=False)
    return Scenario(
        id="clean/one",
        why="Because.",
        tags=(),
        exchange=ExchangePlan(request=DEFAULT_REQUEST, answers=(answer,)),
    )


def test_one_stream_has_no_name(scenario):
    """In an outage it has: it is judged as a group."""
    program = make_program(scenario, 7)
    assert [("", 0)] == [(one.name, one.start_ns) for one in program.streams]
    assert not program.is_group
    assert not program.fresh
    down = replace(scenario, outage=(Phase(from_ms=0, answer=503),))
    program = make_program(down, 7)
    assert ["stream 1"] == [one.name for one in program.streams]
    assert program.is_group
    assert program.fresh
    assert down.outage == program.phases


def test_many_start_apart_and_count_their_requests_together(scenario):
    """Each has a marker and chance of its own."""
    exact = Expect(upstream_requests=Bounds(at_most=3))
    scenario = replace(
        scenario,
        exchange=replace(scenario.exchange, expect=exact),
        streams=Streams(count=3, every_ms=2, canary=True),
    )
    streams = make_program(scenario, 7).streams
    assert [0, 2_000_000, 4_000_000] == [one.start_ns for one in streams]
    assert [7, 8, 9] == [one.script.seed for one in streams]
    assert ["qz000zq", "qz001zq", "qz002zq"] == [one.script.marker for one in streams]
    assert {None} == {one.expect.upstream_requests for one in streams}


def test_on_one_connection_each_waits_for_the_one_before(scenario):
    """So do the exchanges of a sequence, each with demands of its own."""
    one_connection = Streams(count=2, one_connection=True)
    program = make_program(replace(scenario, streams=one_connection), 7)
    assert program.one_connection
    assert [0, None] == [one.start_ns for one in program.streams]
    exchange = scenario.exchange
    wanted = replace(exchange, expect=Expect(status=(502,)))
    program = make_program(replace(scenario, sequence=(exchange, wanted)), 7)
    assert program.one_connection
    assert [("exchange 1", 0, ()), ("exchange 2", None, (502,))] == [
        (one.name, one.start_ns, one.expect.status) for one in program.streams
    ]


@pytest.mark.parametrize("canary", [True, False])
def test_a_share_of_them_leaves_by_the_seed(scenario, canary):
    """The same ones at every repeat."""
    streams = Streams(count=8, abort_ratio=0.25, canary=canary)
    scenario = replace(scenario, streams=streams)
    left = [
        [one.script.client.abort for one in make_program(scenario, seed).streams]
        for seed in (7, 7, 8)
    ]
    assert left[0] == left[1] != left[2]
    assert [2, 2] == [sum(abort is not None for abort in some) for some in left[1:]]

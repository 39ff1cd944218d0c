"""The preflight is a stream like any other: whole, right, and asked for as a stream."""

from __future__ import annotations

import json

from harness.judge.check import judge
from harness.judge.limits import virtual_limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.judge.oracle.policy import Policy
from harness.play.target.preflight import preflight_script
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import Expect
from harness.sse.parser import parse


def test_its_answer_is_judged_right():
    """The oracle, which reads the spans, finds nothing wrong with a plain relay."""
    script = preflight_script()
    seen = play_virtual("t", load_relay("proxy.v2:make_relay"), script, {})
    expected = expectation(script, Contract.TRANSPARENT, Expect(), Policy())
    assert () == judge(expected, seen, virtual_limits()).violations


def test_it_has_no_pauses_and_ends():
    """It must not cost time before every run."""
    [wire] = preflight_script().attempts
    assert {0} == {wire.head_at_ns, wire.end_at_ns, *(w.at_ns for w in wire.writes)}
    assert "[DONE]" == parse(wire.body).events[-1].data
    assert [span.end for span in wire.spans][:-1] == [
        span.start for span in wire.spans[1:]
    ]
    assert len(wire.body) == wire.spans[-1].end


def test_it_asks_for_a_stream():
    """An architecture for streams serves nothing else."""
    request = preflight_script().request
    assert json.loads(request.body)["stream"] is True

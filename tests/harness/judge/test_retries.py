"""How often a target may ask."""

from __future__ import annotations

import pytest

from harness.judge.oracle import Contract
from harness.judge.retries import MOST_ATTEMPTS
from harness.scenario.model import Expect

WORDS = ("Once", " upon", " a", " time", ".")


def most(bench, *faults, expect=None):
    """What the oracle allows a target to ask."""
    wanted = bench.scenario(bench.answer(*WORDS), *faults, expect=expect or Expect())
    script = bench.script(wanted, seed=1)
    found = bench.expectation(script, Contract.REPAIRING, wanted.expect)
    assert found.upstream_requests <= found.most_upstream_requests
    return found.most_upstream_requests


@pytest.mark.parametrize(
    "fault",
    [
        ("close_before_head", {"how": "rst"}),
        ("close_before_head", {"how": "fin"}),
        ("status", {"code": 503}),
        ("status", {"code": 429}),
        ("status", {"code": 500}),
    ],
)
def test_answer_that_never_began_may_be_asked_for_again(bench, fault):
    """Nothing can have reached the client."""
    assert MOST_ATTEMPTS == most(bench, fault)


@pytest.mark.parametrize(
    "fault",
    [
        ("status", {"code": 400}),
        ("status", {"code": 404}),
        ("close_at", {"at": {"event": 0}}),
        ("close_at", {"at": {"frac": 0.5}, "how": "rst"}),
        ("stall", {"at": {"event": 1}}),
    ],
)
def test_answer_that_began_is_asked_for_once(bench, fault):
    """A second answer would be paid for, and could follow the first."""
    assert 1 == most(bench, fault)


def test_scenario_has_the_last_word(bench):
    """``expect: {upstream_requests: 1}`` allows no second request."""
    fault = ("close_before_head", {"how": "rst"})

    assert 1 == most(bench, fault, expect=Expect(upstream_requests=1))

"""How often a target may ask."""

from __future__ import annotations

import pytest

from harness.judge.oracle.oracle import Contract

WORDS = ("Once", " upon", " a", " time", ".")


def may(bench, *faults) -> bool:
    """Whether the oracle allows a target to ask again."""
    wanted = bench.scenario(bench.answer(*WORDS), *faults)
    script = bench.script(wanted, seed=1)
    return bench.expectation(
        script, Contract.REPAIRING, wanted.expect
    ).duty.may_be_retried


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
    assert may(bench, fault)


@pytest.mark.parametrize(
    "fault",
    [
        ("status", {"code": 400}),
        ("status", {"code": 404}),
        ("close_at", {"at": {"frac": 0.5}, "how": "rst"}),
        ("stall", {"at": {"event": 1}}),
    ],
)
def test_answer_that_began_is_asked_for_once(bench, fault):
    """A second answer would be paid for, and could follow the first."""
    assert not may(bench, fault)

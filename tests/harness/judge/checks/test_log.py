"""The log line that a scenario demands."""

from __future__ import annotations

from harness.judge.violation import Kind
from harness.scenario.model import Expect

WORDS = ("Once", " upon", " a", " time", ".")


def test_demanded_log_line_is_looked_for(bench):
    """``expect: {log: …}`` needs one line that matches."""
    wanted = bench.scenario(bench.answer(*WORDS), expect=Expect(log=r"Errors: \d+"))
    events = bench.answer(*WORDS)

    assert [Kind.LOG_MISSING] == bench.answer_kinds(
        events, wanted=wanted, log=("hello",)
    )
    assert [] == bench.answer_kinds(events, wanted=wanted, log=("Errors: 3",))


def test_a_relay_that_logs_nothing_in_virtual_time_is_not_blamed(bench):
    """Live, the same silence is."""
    wanted = bench.scenario(bench.answer(*WORDS), expect=Expect(log="."))
    events = bench.answer(*WORDS)

    assert [] == bench.answer_kinds(events, wanted=wanted)
    assert [Kind.LOG_MISSING] == bench.answer_kinds(
        events, wanted=wanted, virtual=False
    )

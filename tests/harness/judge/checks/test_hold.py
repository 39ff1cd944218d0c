"""Content, heads and comments that a target holds back."""

from __future__ import annotations

import pytest

from harness.judge.checks.hold import check_hold, text_holds
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import Kind

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", ".")


def test_late_content_is_held(bench):
    """11 ms late is beyond the limit of 10 ms of virtual time, 9 ms is within."""
    assert [Kind.HELD] == bench.answer_kinds(bench.answer(*WORDS), delay_ms=11)
    assert [] == bench.answer_kinds(bench.answer(*WORDS), delay_ms=9)


def test_late_head_is_held(bench):
    """A head that waits for the first event is held back."""
    late = 200 * MS
    assert [Kind.HEAD_HELD] == bench.answer_kinds(bench.answer(*WORDS), head_at_ns=late)


def test_a_wrong_stream_is_not_judged_by_time(bench):
    """A failed stream is a fast stream: no hold is taken from it."""
    events = bench.answer(*WORDS)[:2] + bench.answer(*WORDS)[3:]
    assert Kind.HELD not in bench.answer_kinds(events, delay_ms=500)


def test_comment_that_waits_for_the_next_event_is_held(bench):
    """A late keep-alive comment keeps nothing alive."""
    events = [bench.answer(*WORDS)[0], ": ping", *bench.answer(*WORDS)[1:]]
    wanted = bench.scenario(events)
    seen = bench.observed(events, wanted=wanted)
    reads = list(seen.reads)
    reads[1] = (reads[2][0], reads[1][1])

    assert [Kind.HELD] == bench.answer_kinds(events, wanted=wanted, reads=tuple(reads))


@pytest.mark.parametrize(
    ("upstream", "client", "holds"),
    [
        ([(5, 10), (11, 30)], [(11, 40)], [30, 10]),
        ([(11, 10)], [(5, 40), (11, 50)], [30, 40]),
        ([(4, 10), (8, 20)], [(6, 30), (8, 40)], [20, 10, 20]),
        ([(4, 10)], [(4, 10), (9, 50)], [0]),
        ([], [(4, 10)], []),
    ],
)
def test_hold_is_measured_by_character(upstream, client, holds):
    """Each piece of the upstream against each piece of the client that it is in."""
    assert holds == text_holds(upstream, client)


def test_done_that_waits_is_held(bench):
    """A client waits for the end as for text."""
    seen = bench.observed(bench.answer(*WORDS))
    last_ns, done = seen.reads[-1]
    late = (*seen.reads[:-1], (last_ns + 11 * MS, done))

    assert [Kind.HELD] == bench.answer_kinds(bench.answer(*WORDS), reads=late)


@pytest.mark.parametrize(("held_ms", "count"), [(15, 0), (15.1, 1)])
def test_the_harness_lag_is_added_to_the_limit(bench, held_ms, count):
    """A late harness must not blame the target; the message keeps the limit."""
    wanted = bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.exchange.expect
    )
    limits = Limits(hold_ms=10, slack_ms=5)
    seen = bench.observed(bench.answer(*WORDS))
    found = list(check_hold(expected, seen, round(held_ms * MS), limits))

    assert count == len(found)
    assert all("10 ms" in one.expected for one in found)

"""Content, heads and comments that a target holds back."""

from __future__ import annotations

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

"""Comparison of two answers: the levels at which they differ, and what is harmless."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.compare import (
    Level,
    compare,
    differ_in_repeats_only,
    first_difference,
)
from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.outcome import outcome_of
from harness.judge.evidence.reading import read_stream
from harness.judge.judgement import Judgement
from harness.judge.violation import Kind, Violation

WORDS = ("Once", " upon", " a", " time", ".")
WRONG = (Violation(kind=Kind.TEXT_LOST, where="", expected="", got=""),)


@pytest.fixture
def judged(bench):
    """Judgements of answers with those events; all are right unless told otherwise."""

    def make(events=None, *, violations=(), dropped=frozenset(), **changes):
        events = bench.answer(*WORDS) if events is None else events
        seen = bench.observed(events, **changes)
        reading = read_stream(seen.body)
        return Judgement(
            observation=seen,
            reading=reading,
            outcome=outcome_of(seen, reading),
            violations=violations,
            holds_ns=(),
            dropped_repeats=dropped,
        )

    return make


def levels(one: Judgement, two: Judgement) -> list[tuple[str, bool]]:
    """The levels at which two answers differ, and whether that is harmless."""
    return [(found.level.value, found.harmless) for found in compare(one, two)]


def test_the_same_answer_differs_nowhere(judged):
    """Equal evidence has no difference and no first event."""
    assert () == compare(judged(), judged())
    assert first_difference(judged(), judged()) is None


def test_another_status_is_a_difference(judged):
    """Both are named."""
    [found] = compare(judged(), judged(status=201))

    assert (Level.TRANSPORT, False) == (found.level, found.harmless)
    assert ("status 200", "status 201") == (found.baseline, found.candidate)


SSE = (b"content-type", b"text/event-stream")


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [
        ([SSE], [SSE, (b"X-New", b"1")], [("transport", True)]),
        ([SSE, (b"x-new", b"0")], [SSE, (b"X-New", b"1")], [("transport", False)]),
        ([SSE], [(b"Content-Type", b"text/event-stream")], []),
        ([SSE], [SSE, (b"Date", b"now"), (b"Via", b"us")], []),
        ([SSE, (b"connection", b"close")], [SSE], []),
    ],
)
def test_headers(judged, one, two, found):
    """A header of its own is harmless, the same with two values is not."""
    pair = judged(headers=tuple(one)), judged(headers=tuple(two))

    assert found == levels(*pair)
    assert found == levels(*reversed(pair))


def test_headers_of_a_targets_own_answer_are_its_own(judged):
    """From status 500 on, or without a head, if both targets answered so."""
    one, two = (
        judged(status=502, headers=((b"server-timing", value),))
        for value in (b"1", b"2")
    )
    other = judged(status=404, headers=((b"server-timing", b"3"),))

    assert [("transport", True)] == levels(one, two)
    assert ("transport", False) in levels(one, other)


def test_text_in_other_events_is_harmless(bench, judged):
    """The message is the same; bytes and number of events are not."""
    role, *rest = bench.answer(*WORDS)
    joined = judged([role, bench.chunk({"content": " upon a time"}), *rest[3:]])

    assert [("bytes", True), ("events", True)] == levels(judged(), joined)


def test_other_text_is_a_difference_of_the_message(bench, judged):
    """The bytes differ too, which is harmless by itself."""
    other = judged(bench.answer("No", *WORDS[1:]))

    assert [("bytes", True), ("message", False)] == levels(judged(), other)
    assert 0 == first_difference(judged(), other).index


def test_other_usage_is_a_difference_of_the_message(bench, judged):
    """Its event differs too, which is allowed where both are right."""
    events = [
        one.replace('"total_tokens":9', '"total_tokens":8')
        for one in bench.answer(*WORDS)
    ]

    found = [("bytes", True), ("events", True), ("message", False)]
    assert found == levels(judged(), judged(events))


@pytest.mark.parametrize("wrong", [0, 1])
def test_other_structure_is_harmless_only_where_both_are_right(bench, judged, wrong):
    """The oracle allows both ways to right answers, and nothing to wrong ones."""
    role, *rest = bench.answer(*WORDS)
    more = [role, bench.chunk({"content": " upon", "x": 1}), *rest[1:]]
    pair = [judged(), judged(more)]
    assert ("events", True) in levels(*pair)

    pair[wrong] = replace(pair[wrong], violations=WRONG)
    assert ("events", False) in levels(*pair)


def test_first_difference_is_the_end_of_the_shorter_answer(bench, judged):
    """The missing event is None."""
    found = first_difference(judged(bench.answer(*WORDS)[:2]), judged())

    assert (2, None) == (found.index, found.baseline)
    assert bench.answer(*WORDS)[2] == found.candidate.data


def test_first_difference_skips_empty_events(bench, judged):
    """An empty event would shift all others."""
    events = bench.answer(*WORDS)
    empty = [events[0], "", *events[1:]]

    assert first_difference(judged(empty), judged()) is None


def test_first_difference_sees_what_follows_done(bench, judged):
    """An event after the sentinel is an event."""
    more = judged([*bench.answer(*WORDS), '{"choices":[]}'])

    found = first_difference(judged(), more)
    assert (len(bench.answer(*WORDS)), None) == (found.index, found.baseline)


def test_ending_a_hang_is_harmless_and_hanging_is_not(bench, judged):
    """Where a hang is right, to end it is better."""
    events = bench.answer(*WORDS)[:3]
    hangs = judged(events, end=ClientEnd.TIMEOUT)
    ends = judged(events, end=ClientEnd.RESET)

    assert [("ending", True), ("transport", True)] == levels(hangs, ends)
    assert [("ending", False), ("transport", False)] == levels(ends, hangs)
    wrong = replace(ends, violations=WRONG)
    assert ("ending", False) in levels(hangs, wrong)


def test_the_same_failure_may_be_reported_in_two_ways(bench, judged):
    """A cut and a reset are the same to a client, a clean end is not."""
    events = bench.answer(*WORDS)[:3]
    cut, reset, clean = (
        judged(events, end=end)
        for end in (ClientEnd.TRUNCATED, ClientEnd.RESET, ClientEnd.COMPLETE)
    )

    assert [("transport", True)] == levels(cut, reset)
    assert [("ending", False), ("transport", False)] == levels(cut, clean)


def test_number_of_requests_is_harmless(judged):
    """The oracle's number was checked before."""
    twice = judged(upstream=judged().observation.upstream * 2)
    [found] = compare(judged(), twice)

    assert (Level.UPSTREAM, True) == (found.level, found.harmless)
    assert ("1 requests", "2 requests") == (found.baseline, found.candidate)


def test_of_many_streams_the_first_of_each_level_is_named(bench, judged):
    """Harmless and other differences are kept apart."""

    def group(*parts):
        return replace(judged(), parts=parts)

    same, other = judged(), judged(bench.answer("No", *WORDS[1:]))
    named = [replace(same, name=name) for name in ("a", "b", "c")]
    changed = [named[0], *(replace(other, name=name) for name in ("b", "c"))]

    found = compare(group(*named), group(*changed))

    assert [Level.BYTES, Level.MESSAGE] == [one.level for one in found]
    assert all(one.baseline.startswith("b: ") for one in found)
    assert 0 == first_difference(group(*named), group(*changed)).index
    assert first_difference(group(*named), group(*named)) is None


OPENING = frozenset({(0, "content")})


def test_repeats_alone_explain_a_difference_of_the_message(bench, judged):
    """Both must be right, and nothing else may differ."""
    kept = judged(bench.answer("ha", "ha", "!"))
    dropped = judged(bench.answer("ha", "!"), dropped=OPENING)

    assert differ_in_repeats_only(kept, dropped)
    assert not differ_in_repeats_only(kept, replace(dropped, violations=WRONG))
    same = replace(dropped, dropped_repeats=frozenset())
    assert not differ_in_repeats_only(kept, same)
    other = replace(dropped, observation=replace(dropped.observation, status=201))
    assert not differ_in_repeats_only(kept, other)


def test_of_many_streams_all_that_differ_must_differ_in_repeats(bench, judged):
    """One other difference is enough."""
    same = judged()
    kept = judged(bench.answer("ha", "ha", "!"))
    dropped = judged(bench.answer("ha", "!"), dropped=OPENING)
    other = judged(bench.answer("No", "!"))

    def group(*parts):
        return replace(same, parts=parts)

    assert differ_in_repeats_only(group(same, kept), group(same, dropped))
    assert not differ_in_repeats_only(group(same, kept), group(other, dropped))
    assert not differ_in_repeats_only(group(same, same), group(same, same))


def test_headers_of_the_upstreams_answer_are_compared(judged):
    """A status below 500 is the upstream's."""
    one, two = (
        judged(status=404, headers=((b"server-timing", value),))
        for value in (b"1", b"2")
    )

    assert [("transport", False)] == levels(one, two)

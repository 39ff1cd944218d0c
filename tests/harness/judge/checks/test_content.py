"""The text of an answer, and what else its events must say as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.evidence.observation import ClientEnd
from harness.judge.oracle.oracle import Contract
from harness.judge.verdict import Verdict, verdict_of
from harness.judge.violation import Kind
from harness.scenario.model import Abort, ClientPlan

WORDS = ("Once", " upon", " a", " time", ".")
TOLD = '{"error":{"message":"the upstream broke off"}}'


def test_text_may_be_cut_into_other_events(bench):
    """Text in fewer events is right: its characters count, not its events."""
    role, *rest = bench.answer(*WORDS)
    joined = bench.chunk({"content": " upon a time"})

    assert [] == bench.answer_kinds([role, joined, *rest[3:]])


def test_transparent_proxy_may_forward_what_is_broken(bench):
    """Empty and malformed events are only kept back by who repairs."""
    events = ["", *bench.answer(*WORDS)[:2], '{"cut', *bench.answer(*WORDS)[2:]]
    wanted = bench.scenario(events)

    found = bench.answer_kinds(events, wanted=wanted, contract=Contract.TRANSPARENT)

    assert [] == found


def test_lost_error_event_is_found(bench):
    """An in-band error that does not arrive is lost."""
    events = [*bench.answer(*WORDS)[:3], TOLD]
    found = bench.answer_kinds(events[:-1], wanted=bench.scenario(events))

    assert Kind.ERROR_LOST in found
    assert Kind.CUT_NOT_TOLD in found


def test_lost_comment_is_found(bench):
    """A keep-alive comment must pass."""
    events = [": ping", *bench.answer(*WORDS)]
    wanted = bench.scenario(events)

    assert [Kind.COMMENT_LOST] == bench.answer_kinds(events[1:], wanted=wanted)
    assert [] == bench.answer_kinds(events, wanted=wanted)


def test_comments_after_done_need_not_pass(bench):
    """Nothing follows [DONE], comments neither."""
    events = [*bench.answer(*WORDS), ": bye"]

    assert [] == bench.answer_kinds(events[:-1], wanted=bench.scenario(events))


def test_aborted_reading_must_be_a_beginning(bench):
    """What an aborting client read must be how the stream begins."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=2))
    )
    wrong = [bench.answer(*WORDS)[0], bench.answer(*WORDS)[2]]
    seen = bench.observed(wrong, wanted=wanted, end=ClientEnd.CLIENT_CLOSED)
    freed = replace(seen.upstream[0], finished=False, closed_at_ns=seen.end_at_ns)

    found = bench.answer_kinds(
        wrong, wanted=wanted, end=ClientEnd.CLIENT_CLOSED, upstream=(freed,)
    )

    assert [Kind.TEXT_CHANGED] == found


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        (TOLD, Kind.ERROR_INVENTED),
        ("[DONE]", Kind.DONE_INVENTED),
        ('{"choices":[],"usage":{"total_tokens":1}}', Kind.EVENT_ADDED),
    ],
)
def test_nothing_is_invented_before_the_client_leaves(bench, more, kind):
    """Of a stream that the client left, all that came is judged."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=3))
    )
    events = [*bench.answer(*WORDS)[:2], more]
    seen = bench.observed(events, wanted=wanted, end=ClientEnd.CLIENT_CLOSED)
    freed = replace(seen.upstream[0], finished=False, closed_at_ns=seen.end_at_ns)

    assert [kind] == bench.answer_kinds(
        events, wanted=wanted, end=ClientEnd.CLIENT_CLOSED, upstream=(freed,)
    )


def test_white_space_that_a_cumulative_stream_repeats_is_not_decided(bench):
    """How much white space such a text begins with, content cannot tell."""
    wanted = bench.scenario(
        bench.answer("\n", "Once", " upon"), ("cumulative", {"mode": "prefix"})
    )
    doubled = bench.play("proxy.v2:make_relay", wanted)

    assert [] == bench.kinds(doubled)
    assert frozenset({(0, "content")}) == doubled.dropped_repeats


def foreign(bench, events):
    """The scenario of those events, with a byte in the second that no UTF-8 has."""
    given = bench.response(events)
    segments = list(given.segments)
    data = segments[1].data.replace(b" upon", b" \xffupon")
    segments[1] = replace(segments[1], data=data)
    return bench.scenario(replace(given, segments=tuple(segments)))


@pytest.mark.parametrize(
    ("change", "right"),
    [
        (lambda events: events, True),
        (lambda events: [events[0], *events[2:-1], TOLD], True),
        (lambda events: [events[0], *events[2:]], False),
        (lambda events: [*events[:-1], TOLD], False),
    ],
)
def test_bytes_that_are_not_utf_8_may_pass_or_be_told_of(bench, change, right):
    """Nothing decides between the two; to lose their event in silence is wrong."""
    events = bench.answer(*WORDS)
    wanted = foreign(bench, events)
    passed = [event.replace(" upon", " \ufffdupon") for event in events]
    assert right is not bool(bench.answer_kinds(change(passed), wanted=wanted))


def test_who_is_transparent_passes_any_bytes(bench):
    """To keep the event from the client, told or not, is to drop it."""
    events = bench.answer(*WORDS)
    wanted = foreign(bench, events)
    without = [events[0], *events[2:]]
    found = bench.answer_kinds(without, wanted=wanted, contract=Contract.TRANSPARENT)
    assert Kind.TEXT_LOST in found


def test_kept_or_dropped_opening_repeat_is_right_and_counted_apart(bench):
    """v2 drops it, a transparent relay keeps it; neither is a regression."""
    wanted = bench.scenario(bench.answer("ha", "ha", "ha", "!"))
    dropped = bench.play("proxy.v2:make_relay", wanted)
    kept = bench.play("tests.planted.relays:passing", wanted)

    result = verdict_of([kept], [dropped])

    assert [] == bench.kinds(dropped)
    assert frozenset({(0, "content")}) == dropped.dropped_repeats
    assert frozenset() == kept.dropped_repeats
    assert Verdict.EXPECTED_DIVERGENCE is result.verdict
    assert 0 == dropped.hold.max_ns


def test_text_lost_after_the_opening_is_still_lost(bench):
    """The other reading covers the opening and nothing more."""
    wanted = bench.scenario(bench.answer("ha", "ha", "!", " and", " more"))
    wrong = bench.play("tests.planted.relays:drop_last_delta", wanted)

    assert ["text_lost"] == bench.kinds(wrong)


def test_client_that_left_may_have_read_the_text_without_its_repeat(bench):
    """Both readings of such an opening begin rightly."""
    given = bench.answer("ha", "ha", "!", " and", " more")
    wanted = bench.scenario(given, client=ClientPlan(abort=Abort(after_events=2)))

    def kinds(*texts):
        events = bench.answer(*texts)[: len(texts)]
        seen = bench.observed(events, wanted=wanted, end=ClientEnd.CLIENT_CLOSED)
        freed = replace(seen.upstream[0], finished=False, closed_at_ns=seen.end_at_ns)
        return bench.answer_kinds(
            events, wanted=wanted, end=ClientEnd.CLIENT_CLOSED, upstream=(freed,)
        )

    assert [] == kinds("ha", "!")
    assert [] == kinds("ha", "ha")
    assert [Kind.TEXT_CHANGED] == kinds("ha", "?")


def test_some_white_space_must_be_left_of_what_was_meant(bench):
    """How much is not decided, but none is a loss."""
    wanted = bench.scenario(
        bench.answer("\n", "Once", " upon"), ("cumulative", {"mode": "prefix"})
    )

    assert [] == bench.answer_kinds(
        bench.answer("\n\n", "Once", " upon"), wanted=wanted
    )
    lost = bench.answer_kinds(bench.answer("", "Once", " upon"), wanted=wanted)
    assert Kind.TEXT_LOST in lost

"""The demands of one answer of the upstream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import EndingKind
from harness.judge.oracle.demands import expect_body, expect_events, is_stream
from harness.judge.oracle.expectation import Contract
from harness.scenario.model import ExpectedEnding

WORDS = ("Once", " upon", " a", " time", ".")
REPAIRING, TRANSPARENT = Contract.REPAIRING, Contract.TRANSPARENT
SSE = ("Content-Type", "text/event-stream")


def wire_of(bench, given, *faults):
    """The upstream's only answer of a scenario."""
    return bench.script(bench.scenario(given, *faults), seed=1).attempts[0]


def demanded(bench, given, *faults, contract=REPAIRING, delivers=True, any_bytes=True):
    """The demands of an event stream."""
    return expect_events(
        wire_of(bench, given, *faults),
        contract,
        passes_any_bytes=any_bytes,
        delivers=delivers,
    )


def data(events):
    """The data of events."""
    return [event.data for event in events]


@pytest.mark.parametrize(
    ("status", "headers", "stream"),
    [
        (200, (SSE,), True),
        (399, (SSE,), True),
        (400, (SSE,), False),
        (200, (("content-type", "application/json"),), False),
        (200, (), True),
    ],
)
def test_what_is_an_event_stream(bench, status, headers, stream):
    """By status and content type; without one it may be one."""
    wire = wire_of(bench, bench.response(["{}"], status=status, headers=headers))

    assert stream is is_stream(wire)


JSON = (("Content-Type", "application/json"), ("Content-Length", "10"))


@pytest.mark.parametrize(
    ("status", "ending", "kind"),
    [
        (200, EndingKind.COMPLETE, ExpectedEnding.UNFINISHED),
        (404, EndingKind.COMPLETE, ExpectedEnding.ERROR),
        (200, EndingKind.RESET, ExpectedEnding.ERROR),
    ],
)
def test_a_body_passes_and_its_failure_is_reported(bench, status, ending, kind):
    """A failure status or a cut is an error; the bytes are due all the same."""
    given = bench.response(["{}"], status=status, headers=JSON, ending=ending)
    expected = expect_body(wire_of(bench, given), REPAIRING)

    assert b"data: {}\n\n" == expected.content.body
    assert (kind, status) == (expected.ending.kind, expected.head.status)
    assert (ending is EndingKind.COMPLETE) is expected.ending.upstream_clean


@pytest.mark.parametrize("contract", Contract)
def test_an_upstream_that_never_answers_is_an_error(bench, contract):
    """Only a transparent target may stay open as the upstream does."""
    fault = ("stall", {"at": {"after": "accept"}})
    expected = expect_body(wire_of(bench, bench.answer(*WORDS), fault), contract)

    assert (None, b"") == (expected.head.status, expected.content.body)
    assert ExpectedEnding.ERROR is expected.ending.kind
    assert (contract is TRANSPARENT) is expected.ending.hang_allowed


def test_a_whole_stream_is_due_as_it_was_sent(bench):
    """Every event, from the block that carried it, and [DONE] at its end."""
    expected = demanded(bench, [": hi", *bench.answer(*WORDS)])
    content = expected.content

    assert bench.answer(*WORDS) == data(content.reading.events)
    assert [event.end for event in content.reading.events] == list(content.source_ends)
    assert 1 == len(content.comments)
    assert expected.ending.done_sent
    assert expected.ending.upstream_clean
    assert ExpectedEnding.COMPLETE is expected.ending.kind


def test_nothing_is_due_after_done_but_from_who_forwards(bench):
    """Neither events nor comments."""
    given = [*bench.answer(*WORDS), '{"choices":[]}', ": bye"]

    repaired = demanded(bench, given).content
    assert ((), ()) == (repaired.reading.after_done, repaired.comments)
    forwarded = demanded(bench, given, contract=TRANSPARENT).content
    assert ['{"choices":[]}'] == data(forwarded.reading.after_done)


def test_a_repeat_is_optional_and_what_it_meant_is_due(bench):
    """Under the repairing contract; a transparent target forwards what was sent."""
    role, once = (bench.chunk(one) for one in ({"role": "assistant"}, {"content": "a"}))
    given = [role, once, *bench.answer(*WORDS)[1:]]
    fault = ("event_dup", {"index": 1})

    repaired = demanded(bench, given, fault).content
    assert given == data(repaired.reading.events)
    assert [once] == data(repaired.optional)
    assert repaired.repaired
    forwarded = demanded(bench, given, fault, contract=TRANSPARENT).content
    assert 1 + len(given) == len(forwarded.reading.events)
    assert not forwarded.optional


def test_a_growing_text_is_due_once(bench):
    """From the blocks that first carried each piece."""
    fault = ("cumulative", {"mode": "prefix"})
    expected = demanded(bench, bench.answer(*WORDS), fault).content
    [choice] = expected.reading.message.choices

    assert "".join(WORDS) == choice.content
    assert list(expected.source_ends) == sorted(set(expected.source_ends))


@pytest.mark.parametrize(
    ("broken", "lost"), [('{"choices":[{"delta":', True), ("upstream busy", False)]
)
def test_a_broken_event_may_have_held_text(bench, broken, lost):
    """Data that looks like an object is a loss, which must be reported."""
    given = bench.answer(*WORDS)
    given.insert(2, broken)
    expected = demanded(bench, given)

    assert bench.answer(*WORDS) == data(expected.content.reading.events)
    kind = ExpectedEnding.ERROR if lost else ExpectedEnding.COMPLETE
    assert kind is expected.ending.kind
    forwarded = demanded(bench, given, contract=TRANSPARENT)
    assert given == data(forwarded.content.reading.events)
    assert ExpectedEnding.COMPLETE is forwarded.ending.kind


@pytest.mark.parametrize(("any_bytes", "due"), [(True, 8), (False, 7)])
def test_bytes_that_are_not_utf_8_may_be_a_loss(bench, any_bytes, due):
    """A U+FFFD that was sent as such is a character like any other."""
    given = bench.response(bench.answer("Once", "X", "\ufffd", " upon", "."))
    segments = [
        replace(one, data=one.data.replace(b'"X"', b'"\xff"')) for one in given.segments
    ]
    given = replace(given, segments=tuple(segments))
    expected = demanded(bench, given, any_bytes=any_bytes)

    assert due == len(expected.content.reading.events)
    kind = ExpectedEnding.COMPLETE if any_bytes else ExpectedEnding.ERROR
    assert kind is expected.ending.kind


@pytest.mark.parametrize(("delivers", "due"), [(True, 3), (False, 2)])
def test_event_without_blank_line_at_a_clean_end(bench, delivers, due):
    """Due only where the target knows that a clean end completes it."""
    given = bench.response(bench.answer(*WORDS)[:3])
    last = given.segments[-1]
    cut = replace(last, data=last.data.rstrip(b"\n"))
    given = replace(given, segments=(*given.segments[:-1], cut))

    found = demanded(bench, given, delivers=delivers).content.reading.events
    assert due == len(found)


CUT = ("close_at", {"at": {"event": 3, "offset": 0}, "how": "fin"})


@pytest.mark.parametrize(
    ("end", "faults", "kind"),
    [
        (None, (), ExpectedEnding.COMPLETE),
        (-1, (), ExpectedEnding.COMPLETE),
        (3, (), ExpectedEnding.UNFINISHED),
        (None, (CUT,), ExpectedEnding.ERROR),
    ],
)
def test_first_law(bench, end, faults, kind):
    """[DONE], or every finish_reason and a clean end, is finished; all else is not."""
    assert kind is demanded(bench, bench.answer(*WORDS)[:end], *faults).ending.kind


def test_error_in_band_is_an_error_even_before_done(bench):
    """It must reach the client as it was sent."""
    told = '{"error":{"message":"no"}}'
    given = [*bench.answer(*WORDS)[:2], told, "[DONE]"]
    expected = demanded(bench, given)

    assert ExpectedEnding.ERROR is expected.ending.kind
    assert [told] == data(expected.content.reading.errors)


def test_headers_that_clients_act_on_are_due(bench):
    """Others are the target's own."""
    more = (("Retry-After", "1"), ("X-RateLimit-Limit", "9"), ("Server", "us"))
    given = bench.response(bench.answer(*WORDS), headers=(SSE, *more))

    assert (
        ("content-type", "text/event-stream"),
        ("retry-after", "1"),
        ("x-ratelimit-limit", "9"),
    ) == demanded(bench, given).head.headers


@pytest.mark.parametrize(
    ("code", "fails"), [(400, False), (429, True), (499, False), (500, True)]
)
def test_status_that_a_circuit_breaker_counts(bench, code, fails):
    """A client's own mistake is no failure of the upstream."""
    wanted = bench.scenario(bench.answer(*WORDS), ("status", {"code": code}))
    script = bench.script(wanted, seed=1)

    expected = bench.expectation(script, REPAIRING, wanted.exchange.expect)
    assert fails is expected.duty.fails

"""The events of an answer: none lost, added, changed or moved."""

from __future__ import annotations

import pytest

from harness.judge.check import judge
from harness.judge.checks.events import check_events
from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.reading import read_stream
from harness.judge.limits import Limits
from harness.judge.oracle.expectation import Content
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import Kind

WORDS = ("Once", " upon", " a", " time", ".")
CUT = ("close_at", {"at": {"event": 3, "offset": 0}, "how": "fin"})
TOLD = '{"error":{"message":"the upstream broke off"}}'
BARE = '{"choices":[{"index":0,"delta":{},"finish_reason":null}]}'


@pytest.mark.parametrize("extra", [BARE, '{"hello":"world"}'])
def test_event_that_nobody_sent_is_found(bench, extra):
    """A chunk with nothing in it is an event all the same."""
    events = bench.answer(*WORDS)
    changed = [events[0], extra, *events[1:]]

    assert Kind.EVENT_ADDED in bench.answer_kinds(changed)
    assert [] == bench.answer_kinds(changed, wanted=bench.scenario(changed))


@pytest.mark.parametrize(
    ("head", "where"), [(b"event: chunk\n", "event names"), (b"id: 7\n", "event ids")]
)
def test_fields_stay_with_their_events(bench, head, where):
    """A name or an id that is added, or lost, is a change."""
    data = bench.sse(bench.answer(*WORDS))
    named = ((1, head + data[0]), *((2, piece) for piece in data[1:]))
    wanted = bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.exchange.expect
    )
    seen = bench.observed(bench.answer(*WORDS), reads=named)

    found = judge(expected, seen, Limits(hold_ms=1000)).violations

    assert [(Kind.FIELD_CHANGED, where)] == [(one.kind, one.where) for one in found]


def test_text_behind_the_error_event_is_lost_to_a_client(bench):
    """A client stops at an error event: a target's own must come last."""
    wanted = bench.scenario(bench.answer(*WORDS), CUT)
    events = bench.answer(*WORDS)
    told_early = [*events[:2], TOLD, events[2]]

    found = bench.answer_kinds(told_early, wanted=wanted, end=ClientEnd.TRUNCATED)

    assert [Kind.EVENT_MOVED] == found


def test_error_before_what_should_precede_it_is_found(bench):
    """A client stops at the upstream's error too: what came before it stays before."""
    events = [*bench.answer(*WORDS)[:3], TOLD]
    wanted = bench.scenario(events)

    assert [] == bench.answer_kinds(events, wanted=wanted)
    assert Kind.EVENT_MOVED in bench.answer_kinds([TOLD, *events[:3]], wanted=wanted)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"model":"m"', '"model":"other"'),
        ('"object":"chat.completion.chunk"', '"object":"chat.completion"'),
        ('"id":"chatcmpl-1",', ""),
    ],
)
def test_envelope_says_what_the_upstream_said(bench, old, new):
    """Another model, object, or no id at all is a change; an id may be renamed."""
    events = bench.answer(*WORDS)
    changed = [event.replace(old, new) for event in events]
    renamed = [event.replace("chatcmpl-1", "chatcmpl-2") for event in events]

    assert [Kind.FIELD_CHANGED] == bench.answer_kinds(changed)
    assert [] == bench.answer_kinds(renamed)


def test_legal_writing_of_json_is_no_change(bench):
    """Null or absent, 1.0 or 1, escaped or not: the same to every client."""
    logprobs = {"tokens": [{"logprob": 0.0, "bytes": None}]}
    sent = [bench.chunk({"content": "ü"}, logprobs=logprobs), *bench.answer(*WORDS)]
    changed = [sent[0].replace("0.0", "0").replace(',"bytes":null', "")]
    changed[0] = changed[0].replace("ü", "\\u00fc")

    assert [] == bench.answer_kinds([*changed, *sent[1:]], wanted=bench.scenario(sent))


def test_transparent_proxy_drops_nothing(bench):
    """What is empty, broken or unknown is forwarded as well."""
    events = [BARE, '{"cut', '{"hello":"world"}', *bench.answer(*WORDS)]
    wanted = bench.scenario(events)

    for index in range(3):
        left = [*events[:index], *events[index + 1 :]]
        found = bench.answer_kinds(left, wanted=wanted, contract=Contract.TRANSPARENT)
        assert [Kind.EVENT_LOST] == found


MESSAGES = [
    '{"type":"message_start","message":{"role":"assistant"}}',
    '{"type":"content_block_delta","delta":{"text":"Once"}}',
    '{"type":"content_block_delta","delta":{"text":" upon"}}',
    '{"type":"message_stop"}',
]
"""A stream of another dialect: no choices, no [DONE]."""


@pytest.mark.parametrize("contract", Contract)
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda events: [*events[:1], *events[2:]], Kind.EVENT_LOST),
        (lambda events: [events[0], events[2], events[1], events[3]], Kind.EVENT_MOVED),
        (lambda events: [*events[:2], *events[1:]], Kind.EVENT_ADDED),
        (lambda events: [*events, '{"type":"ping"}'], Kind.EVENT_ADDED),
    ],
)
def test_a_dialect_that_is_not_read_passes_whole(bench, contract, change, kind):
    """Objects that nobody here can read may hold text: all come, once, in order."""
    wanted = bench.scenario(MESSAGES)
    assert [] == bench.answer_kinds(MESSAGES, wanted=wanted, contract=contract)
    assert kind in bench.answer_kinds(
        change(MESSAGES), wanted=wanted, contract=contract
    )


def test_object_that_nobody_sent_is_added_and_moves_nothing(bench):
    """Even where it is the first."""
    added = ['{"type":"ping"}', *MESSAGES]
    found = bench.answer_kinds(added, wanted=bench.scenario(MESSAGES))

    assert [Kind.EVENT_ADDED] == found


def test_optional_event_may_arrive_as_often_as_it_was_sent():
    """Once more is an event that nobody sent."""
    text = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"total_tokens":1}}\n\n'
    content = Content(reading=read_stream(text), optional=read_stream(usage).events)

    def kinds(body: bytes) -> list[Kind]:
        reading = read_stream(body)
        return [one.kind for one in check_events(content, reading, Contract.REPAIRING)]

    assert [] == kinds(text) == kinds(text + usage)
    assert [Kind.EVENT_ADDED] == kinds(text + usage + usage)

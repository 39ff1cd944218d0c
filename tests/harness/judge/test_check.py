"""Every kind of violation, provoked by an answer that has just that fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.check import judge
from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.judge.evidence.outcome import Outcome
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import SEVERITY, Kind
from harness.scenario.model import Abort, ClientPlan, Expect

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", ".")


def sse(events):
    """Events as bytes."""
    return [
        (event if event.startswith(":") else f"data: {event}").encode() + b"\n\n"
        for event in events
    ]


def observed(bench, events, *, wanted=None, delay_ms=0.0, **changes):
    """The observation of an answer of those events, each ``delay_ms`` late."""
    wanted = wanted or bench.scenario(bench.answer(*WORDS))
    wire = bench.script(wanted, seed=1).attempts[0]
    total = 0
    sent = []
    for write in wire.writes:
        total += len(write.data)
        sent.append((write.at_ns, total))
    reads = tuple(
        (sent[min(index, len(sent) - 1)][0] + round(delay_ms * MS), data)
        for index, data in enumerate(sse(events))
    )
    request = UpstreamRequest(
        at_ns=0,
        method="POST",
        path="/v1/chat/completions",
        headers=(),
        body=b"",
        sent=tuple(sent),
        lateness_ns=(),
        finished=True,
        closed_at_ns=None,
    )
    observation = Observation(
        target="t",
        virtual=True,
        status=200,
        http_version="HTTP/1.1",
        headers=((b"content-type", b"text/event-stream"),),
        head_at_ns=wire.head_at_ns,
        reads=reads,
        end=ClientEnd.COMPLETE,
        end_at_ns=reads[-1][0] if reads else 0,
        upstream=(request,),
    )
    return replace(observation, **changes)


def kinds(bench, events, *, wanted=None, contract=Contract.REPAIRING, **changes):
    """The kinds of violation that such an answer has, but for what clients make of it.

    That follows from the others, and has tests of its own (`test_clients.py`).
    """
    wanted = wanted or bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(bench.script(wanted, seed=1), contract, wanted.expect)
    seen = observed(bench, events, wanted=wanted, **changes)
    return [
        violation.kind
        for violation in judge(expected, seen, Limits(hold_ms=20)).violations
        if violation.kind is not Kind.CLIENT_WORSE
    ]


def test_right_answer_has_no_violation(bench):
    """What was sent, in time, is right."""
    assert [] == kinds(bench, bench.answer(*WORDS))


def test_text_may_be_cut_into_other_events(bench):
    """Text in fewer events is right: its characters count, not its events."""
    role, *rest = bench.answer(*WORDS)
    joined = bench.chunk({"content": " upon a time"})

    assert [] == kinds(bench, [role, joined, *rest[3:]])


CHANGES = [
    (lambda events: events[:2] + events[3:], Kind.TEXT_LOST),
    (lambda events: [*events[:3], *events[2:]], Kind.TEXT_ADDED),
    (
        lambda events: [event.replace("time", "mite") for event in events],
        Kind.TEXT_CHANGED,
    ),
    (lambda events: ["", *events], Kind.EMPTY_EVENT),
    (lambda events: [*events[:2], '{"cut', *events[2:]], Kind.MALFORMED_FORWARDED),
    (lambda events: [*events, '{"choices":[]}'], Kind.AFTER_DONE),
    (
        lambda events: [event for event in events if "stop" not in event],
        Kind.EVENT_LOST,
    ),
    (
        lambda events: [event.replace('"stop"', '"length"') for event in events],
        Kind.FINISH_CHANGED,
    ),
    (
        lambda events: [event for event in events if "usage" not in event],
        Kind.USAGE_CHANGED,
    ),
    (
        lambda events: [*events[:2], events[-3], *events[2:-3], *events[-2:]],
        Kind.EVENT_MOVED,
    ),
    (
        lambda events: [*events[:2], '{"choices":[],"x":1}', *events[2:]],
        Kind.EVENT_ADDED,
    ),
    (lambda events: events[:-1], Kind.DONE_LOST),
    (
        lambda events: [*events[:-1], '{"error":{"message":"no"}}', events[-1]],
        Kind.ERROR_INVENTED,
    ),
]


@pytest.mark.parametrize(("change", "kind"), CHANGES)
def test_wrong_answer_is_told_by_its_kind(bench, change, kind):
    """A right answer with one thing wrong has the violation of that name."""
    assert kind in kinds(bench, change(bench.answer(*WORDS)))


def test_transparent_proxy_may_forward_what_is_broken(bench):
    """Empty and malformed events are only kept back by who repairs."""
    events = ["", *bench.answer(*WORDS)[:2], '{"cut', *bench.answer(*WORDS)[2:]]
    wanted = bench.scenario(events)

    found = kinds(bench, events, wanted=wanted, contract=Contract.TRANSPARENT)

    assert [] == found


def test_late_content_is_held(bench):
    """Content later than the limit is held back; below it is not."""
    assert [Kind.HELD] == kinds(bench, bench.answer(*WORDS), delay_ms=20.5)
    assert [] == kinds(bench, bench.answer(*WORDS), delay_ms=19.5)


def test_late_head_is_held(bench):
    """A head that waits for the first event is held back."""
    late = 200 * MS
    assert [Kind.HEAD_HELD] == kinds(bench, bench.answer(*WORDS), head_at_ns=late)


def test_a_wrong_stream_is_not_judged_by_time(bench):
    """A failed stream is a fast stream: no hold is taken from it."""
    events = bench.answer(*WORDS)[:2] + bench.answer(*WORDS)[3:]
    assert Kind.HELD not in kinds(bench, events, delay_ms=500)


ENDS = [
    ({"end": ClientEnd.TRUNCATED}, Kind.NO_CLEAN_END),
    ({"end": ClientEnd.TIMEOUT}, Kind.HANG),
    ({"status": 500}, Kind.STATUS_CHANGED),
    ({"headers": ((b"content-type", b"text/html"),)}, Kind.CONTENT_TYPE_CHANGED),
    (
        {
            "headers": (
                (b"content-type", b"text/event-stream"),
                (b"content-length", b"9"),
                (b"transfer-encoding", b"chunked"),
            )
        },
        Kind.HEADERS_BROKEN,
    ),
    ({"log": ("crashed: KeyError on data",)}, Kind.CRASH),
]


@pytest.mark.parametrize(("changes", "kind"), ENDS)
def test_wrong_transport_is_told_by_its_kind(bench, changes, kind):
    """The same events under a wrong head or end have the violation of that name."""
    assert kind in kinds(bench, bench.answer(*WORDS), **changes)


CUT = ("close_at", {"at": {"event": 3, "offset": 0}, "how": "fin"})
TOLD = '{"error":{"message":"the upstream broke off"}}'


@pytest.mark.parametrize(
    ("tail", "end", "found"),
    [
        ([TOLD], ClientEnd.TRUNCATED, []),
        ([], ClientEnd.TRUNCATED, []),
        ([], ClientEnd.RESET, []),
        ([TOLD], ClientEnd.COMPLETE, []),
        ([], ClientEnd.COMPLETE, [Kind.CUT_NOT_TOLD]),
        (["[DONE]"], ClientEnd.COMPLETE, [Kind.SILENT_TRUNCATION]),
        ([TOLD, "[DONE]"], ClientEnd.COMPLETE, [Kind.DONE_INVENTED]),
        ([], ClientEnd.TIMEOUT, [Kind.HANG]),
    ],
)
def test_first_law(bench, tail, end, found):
    """An upstream that did not finish must not look finished, however it is told."""
    wanted = bench.scenario(bench.answer(*WORDS), CUT)
    events = [*bench.answer(*WORDS)[:3], *tail]

    assert found == kinds(bench, events, wanted=wanted, end=end)


def test_invented_finish_is_found(bench):
    """A finish_reason that the upstream never sent is the worst of lies."""
    wanted = bench.scenario(bench.answer(*WORDS), CUT)
    events = [*bench.answer(*WORDS)[:3], bench.chunk({}, finish="stop")]

    assert Kind.FINISH_INVENTED in kinds(bench, events, wanted=wanted)


def test_broken_json_that_nobody_tells_of_is_a_loss(bench):
    """A dropped event that may have held text, then [DONE], is a silent loss."""
    broken = bench.answer(*WORDS)
    broken[2] = broken[2][:40]
    events = [*broken[:2], *broken[3:]]

    found = kinds(bench, events, wanted=bench.scenario(broken))

    assert [Kind.LOSS_NOT_TOLD] == found


def test_lost_error_event_is_found(bench):
    """An in-band error that does not arrive is lost."""
    events = [*bench.answer(*WORDS)[:3], TOLD]
    found = kinds(bench, events[:-1], wanted=bench.scenario(events))

    assert Kind.ERROR_LOST in found
    assert Kind.CUT_NOT_TOLD in found


def test_lost_comment_is_found(bench):
    """A keep-alive comment must pass."""
    events = [": ping", *bench.answer(*WORDS)]
    wanted = bench.scenario(events)

    assert [Kind.COMMENT_LOST] == kinds(bench, events[1:], wanted=wanted)
    assert [] == kinds(bench, events, wanted=wanted)


def test_comments_after_done_need_not_pass(bench):
    """Nothing follows [DONE], comments neither."""
    events = [*bench.answer(*WORDS), ": bye"]

    assert [] == kinds(bench, events[:-1], wanted=bench.scenario(events))


def test_second_upstream_request_is_found(bench):
    """One question is asked once."""
    seen = observed(bench, bench.answer(*WORDS))

    assert [Kind.UPSTREAM_REQUESTS] == kinds(
        bench, bench.answer(*WORDS), upstream=seen.upstream * 2
    )


@pytest.mark.parametrize(
    ("finished", "closed_ms", "found"),
    [
        (False, None, [Kind.UPSTREAM_NOT_CLOSED]),
        (False, 250, [Kind.UPSTREAM_FREED_LATE]),
        (False, 150, []),
    ],
)
def test_client_that_leaves_frees_the_upstream(bench, finished, closed_ms, found):
    """After an abort the upstream is closed, and soon."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=1))
    )
    request = replace(
        observed(bench, bench.answer(*WORDS)).upstream[0],
        finished=finished,
        closed_at_ns=None if closed_ms is None else closed_ms * MS,
    )

    assert found == kinds(
        bench,
        bench.answer(*WORDS)[:1],
        wanted=wanted,
        end=ClientEnd.CLIENT_CLOSED,
        upstream=(request,),
    )


def test_aborted_reading_must_be_a_beginning(bench):
    """What an aborting client read must be how the stream begins."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=2))
    )
    wrong = [bench.answer(*WORDS)[0], bench.answer(*WORDS)[2]]
    seen = observed(bench, wrong, wanted=wanted, end=ClientEnd.CLIENT_CLOSED)
    freed = replace(seen.upstream[0], finished=False, closed_at_ns=seen.end_at_ns)

    found = kinds(
        bench, wrong, wanted=wanted, end=ClientEnd.CLIENT_CLOSED, upstream=(freed,)
    )

    assert [Kind.TEXT_CHANGED] == found


def test_demanded_log_line_is_looked_for(bench):
    """``expect: {log: …}`` needs one line that matches."""
    wanted = bench.scenario(bench.answer(*WORDS), expect=Expect(log=r"Errors: \d+"))
    events = bench.answer(*WORDS)

    assert [Kind.LOG_MISSING] == kinds(bench, events, wanted=wanted, log=("hello",))
    assert [] == kinds(bench, events, wanted=wanted, log=("Errors: 3",))


def test_error_status_must_arrive_as_it_was(bench):
    """The body of an error status is passed byte for byte."""
    wanted = bench.scenario(
        bench.answer(*WORDS), ("status", {"code": 429, "body": "json_error"})
    )
    body = bench.script(wanted, seed=1).attempts[0].body
    right = {
        "status": 429,
        "headers": ((b"content-type", b"application/json"),),
        "reads": ((0, body),),
    }
    wrong = {**right, "reads": ((0, body[:-1]),)}

    assert [] == kinds(bench, [], wanted=wanted, head_at_ns=0, **right)
    assert [Kind.BODY_CHANGED] == kinds(bench, [], wanted=wanted, **wrong)


def test_worst_violation_comes_first(bench):
    """Violations are ordered by severity, which every kind has."""
    found = kinds(bench, ["", *bench.answer(*WORDS)[:2]], end=ClientEnd.TIMEOUT)

    assert Kind.HANG is found[0]
    assert set(Kind) == set(SEVERITY)


def test_outcome_is_what_the_client_believed(bench):
    """A clean end with neither [DONE] nor finish_reason is unfinished."""
    wanted = bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.expect
    )
    seen = observed(bench, bench.answer(*WORDS)[:3])

    assert Outcome.UNFINISHED is judge(expected, seen, Limits(hold_ms=20)).outcome


BARE = '{"choices":[{"index":0,"delta":{},"finish_reason":null}]}'


@pytest.mark.parametrize("extra", [BARE, '{"hello":"world"}'])
def test_event_that_nobody_sent_is_found(bench, extra):
    """A chunk with nothing in it is an event all the same."""
    events = bench.answer(*WORDS)
    changed = [events[0], extra, *events[1:]]

    assert Kind.EVENT_ADDED in kinds(bench, changed)
    assert [] == kinds(bench, changed, wanted=bench.scenario(changed))


@pytest.mark.parametrize(
    ("head", "where"), [(b"event: chunk\n", "event names"), (b"id: 7\n", "event ids")]
)
def test_fields_stay_with_their_events(bench, head, where):
    """A name or an id that is added, or lost, is a change."""
    data = sse(bench.answer(*WORDS))
    named = ((1, head + data[0]), *((2, piece) for piece in data[1:]))
    wanted = bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.expect
    )
    seen = observed(bench, bench.answer(*WORDS), reads=named)

    found = judge(expected, seen, Limits(hold_ms=1000)).violations

    assert [(Kind.FIELD_CHANGED, where)] == [(one.kind, one.where) for one in found]


def test_text_behind_the_error_event_is_lost_to_a_client(bench):
    """A client stops at an error event: a target's own must come last."""
    wanted = bench.scenario(bench.answer(*WORDS), CUT)
    events = bench.answer(*WORDS)
    told_early = [*events[:2], TOLD, events[2]]

    found = kinds(bench, told_early, wanted=wanted, end=ClientEnd.TRUNCATED)

    assert [Kind.EVENT_MOVED] == found


def test_headers_that_clients_act_on_must_arrive(bench):
    """Retry-After is part of a 429."""
    wanted = bench.scenario(
        bench.answer(*WORDS),
        ("status", {"code": 429, "headers": {"retry-after": "7"}}),
    )
    right = {
        "status": 429,
        "headers": (
            (b"content-type", b"application/json"),
            (b"Retry-After", b"7"),
        ),
        "reads": ((0, bench.script(wanted, seed=1).attempts[0].body),),
    }

    assert [] == kinds(bench, [], wanted=wanted, **right)
    lost = {**right, "headers": right["headers"][:1]}
    assert [Kind.HEADER_CHANGED] == kinds(bench, [], wanted=wanted, **lost)
    cut = {**right, "end": ClientEnd.TRUNCATED}
    assert [Kind.NO_CLEAN_END] == kinds(bench, [], wanted=wanted, **cut)


def test_comment_that_waits_for_the_next_event_is_held(bench):
    """A keep-alive that comes late keeps nothing alive."""
    events = [bench.answer(*WORDS)[0], ": ping", *bench.answer(*WORDS)[1:]]
    wanted = bench.scenario(events)
    seen = observed(bench, events, wanted=wanted)
    reads = list(seen.reads)
    reads[1] = (reads[2][0], reads[1][1])

    assert [Kind.HELD] == kinds(bench, events, wanted=wanted, reads=tuple(reads))


def test_white_space_that_a_cumulative_stream_repeats_is_not_decided(bench):
    """How much white space such a text begins with, content cannot tell."""
    wanted = bench.scenario(
        bench.answer("\n", "Once", " upon"), ("cumulative", {"mode": "prefix"})
    )
    doubled = bench.play("proxy.v2:make_relay", wanted)

    assert [] == bench.kinds(doubled)
    assert frozenset({(0, "content")}) == doubled.dropped_repeats


def test_error_before_what_should_precede_it_is_found(bench):
    """A client stops at the upstream's error too: what came before it stays before."""
    events = [*bench.answer(*WORDS)[:3], TOLD]
    wanted = bench.scenario(events)

    assert [] == kinds(bench, events, wanted=wanted)
    assert Kind.EVENT_MOVED in kinds(bench, [TOLD, *events[:3]], wanted=wanted)


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
    seen = observed(bench, events, wanted=wanted, end=ClientEnd.CLIENT_CLOSED)
    freed = replace(seen.upstream[0], finished=False, closed_at_ns=seen.end_at_ns)

    assert [kind] == kinds(
        bench, events, wanted=wanted, end=ClientEnd.CLIENT_CLOSED, upstream=(freed,)
    )


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

    assert [Kind.FIELD_CHANGED] == kinds(bench, changed)
    assert [] == kinds(bench, renamed)


def test_legal_writing_of_json_is_no_change(bench):
    """Null or absent, 1.0 or 1, escaped or not: the same to every client."""
    logprobs = {"tokens": [{"logprob": 0.0, "bytes": None}]}
    sent = [bench.chunk({"content": "ü"}, logprobs=logprobs), *bench.answer(*WORDS)]
    changed = [sent[0].replace("0.0", "0").replace(',"bytes":null', "")]
    changed[0] = changed[0].replace("ü", "\\u00fc")

    assert [] == kinds(bench, [*changed, *sent[1:]], wanted=bench.scenario(sent))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"text/event-stream; charset=utf-8", []),
        (b'Text/Event-Stream;charset="UTF-8"', []),
        (b"text/event-stream; charset=latin-1", [Kind.CONTENT_TYPE_CHANGED]),
    ],
)
def test_content_type_means_the_same_with_utf_8(bench, value, found):
    """UTF-8 is what an event stream is without saying so."""
    headers = ((b"content-type", value),)
    assert found == kinds(bench, bench.answer(*WORDS), headers=headers)


def test_claimed_content_encoding_is_found(bench):
    """Plain bytes under ``content-encoding: gzip`` are read by nobody."""
    headers = (
        (b"content-type", b"text/event-stream"),
        (b"content-encoding", b"gzip"),
    )
    assert [Kind.HEADER_CHANGED] == kinds(bench, bench.answer(*WORDS), headers=headers)


def test_transparent_proxy_drops_nothing(bench):
    """What is empty, broken or unknown is forwarded as well."""
    events = [BARE, '{"cut', '{"hello":"world"}', *bench.answer(*WORDS)]
    wanted = bench.scenario(events)

    for index in range(3):
        left = [*events[:index], *events[index + 1 :]]
        found = kinds(bench, left, wanted=wanted, contract=Contract.TRANSPARENT)
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
    assert [] == kinds(bench, MESSAGES, wanted=wanted, contract=contract)
    assert kind in kinds(bench, change(MESSAGES), wanted=wanted, contract=contract)


def test_the_end_of_a_message_is_an_end(bench):
    """Without ``message_stop`` the same answer is not finished."""
    wanted = bench.scenario(MESSAGES)
    cut = bench.scenario(MESSAGES[:-1])
    assert [] == kinds(bench, MESSAGES[:-1], wanted=cut)
    assert Kind.DONE_INVENTED in kinds(bench, MESSAGES, wanted=cut)
    assert Kind.EVENT_LOST in kinds(bench, MESSAGES[:-1], wanted=wanted)


def foreign(bench, events):
    """The scenario of those events, with a byte in the second that no UTF-8 has."""
    given = bench.response(events)
    segments = list(given.segments)
    data = segments[1].data.replace(b" upon", b" \xffupon")
    segments[1] = replace(segments[1], data=data)
    return bench.scenario(replace(given, segments=tuple(segments)))


TOLD = '{"error":{"message":"text may be lost"}}'


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
    assert right is not bool(kinds(bench, change(passed), wanted=wanted))


def test_who_is_transparent_passes_any_bytes(bench):
    """To keep the event from the client, told or not, is to drop it."""
    events = bench.answer(*WORDS)
    wanted = foreign(bench, events)
    without = [events[0], *events[2:]]
    found = kinds(bench, without, wanted=wanted, contract=Contract.TRANSPARENT)
    assert Kind.TEXT_LOST in found

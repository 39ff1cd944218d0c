from __future__ import annotations

import json

import pytest

from proxy.v2 import make_relay
from proxy.v2.dialect import Dialect, Failure
from proxy.v2.phases import TRANSITIONS, Phase

UNSEEN = {"log", "count", "observe"}
NO_RETRY = {"STREAMING_RETRIES": "0"}

REQUEST = ("request", b"POST", b"/v1/chat/completions", (), b"{}")
MESSAGES = ("request", b"POST", b"/v1/messages?beta=true", (), b"{}")
SSE = ("head", 200, ((b"content-type", b"text/event-stream"),))
JSON = ("head", 200, ((b"content-type", b"application/json"),))
EVENT = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
SECOND = 1_000_000_000

SAMPLES = {
    "request": REQUEST,
    "head": SSE,
    "data": ("data", EVENT),
    "ended": ("ended", "truncated"),
    "client_gone": ("client_gone", "fin"),
    "writable": ("writable",),
    "timer": ("timer", "total"),
}

TO = {
    Phase.READY: [],
    Phase.ASKED: [REQUEST],
    Phase.WAITING: [REQUEST, ("ended", "reset")],
    Phase.STREAMING: [REQUEST, SSE],
    Phase.PASSING: [REQUEST, JSON],
    Phase.OVER: [REQUEST, ("client_gone", "fin")],
}


def transcript(*events, settings=None, at=0):
    """Return the commands that each event calls for, without those for operators."""
    relay = make_relay(settings or {}, 0)
    return [
        [command for command in relay.handle(at, event) if command[0] not in UNSEEN]
        for event in events
    ]


def logs(*events):
    """Return level and message of all that is logged for operators."""
    relay = make_relay({}, 0)
    return [
        command[1:3]
        for event in events
        for command in relay.handle(0, event)
        if command[0] == "log" and command[1] != "debug"
    ]


def over(*timers, upstream=True):
    """Return the commands that release everything."""
    closing = [("close_upstream",)] if upstream else []
    return [*[("cancel_timer", name) for name in timers], *closing]


class TestTranscripts:
    def test_stream_from_request_to_done(self):
        """An immediate head, immediate events, and an end at [DONE]."""
        expected = [
            [
                ("connect", 1),
                ("set_timer", "total", 900 * SECOND),
                ("set_timer", "first_byte", 300 * SECOND),
            ],
            [("send_head", 200, ((b"content-type", b"text/event-stream"),))],
            [
                ("cancel_timer", "first_byte"),
                ("set_timer", "idle", 60 * SECOND),
                ("send", EVENT),
            ],
            [],
            [],
            [("send", DONE), *over("total", "idle"), ("end",)],
            [],
            [],
        ]

        assert expected == transcript(
            REQUEST,
            SSE,
            ("data", EVENT),
            ("data", EVENT),
            ("data", b"data: "),
            ("data", b"[DONE]\n\n" + EVENT),
            ("data", EVENT),
            ("ended", "reset"),
        )

    def test_reads_after_the_first_cost_one_command(self):
        """Timers are not moved at every read."""
        other = EVENT.replace(b"Hello", b" world")

        *_, last = transcript(REQUEST, SSE, ("data", EVENT), ("data", other))

        assert [("send", other)] == last

    def test_clean_end_without_done_ends_cleanly(self):
        """A pending event is sent, and nothing is invented."""
        *_, last = transcript(REQUEST, SSE, ("data", EVENT[:-2]), ("ended", "complete"))

        ending = [*over("total", "idle", upstream=False), ("end",)]
        assert [("send", EVENT), *ending] == last

    @pytest.mark.parametrize(
        ("kind", "failure"),
        [
            ("truncated", Failure.TRUNCATED),
            ("reset", Failure.RESET),
            ("protocol_error", Failure.PROTOCOL_ERROR),
        ],
    )
    @pytest.mark.parametrize(
        ("request_", "dialect"),
        [(REQUEST, Dialect.OPENAI), (MESSAGES, Dialect.ANTHROPIC)],
    )
    def test_cut_is_told_and_never_looks_finished(
        self, kind, failure, request_, dialect
    ):
        """An error event in the dialect, no terminator, no unfinished event."""
        *_, last = transcript(
            request_, SSE, ("data", EVENT + b'data: {"a"'), ("ended", kind)
        )

        expected = [
            ("send", dialect.error_event(failure)),
            *over("total", "idle", upstream=False),
            ("abort",),
        ]
        assert expected == last

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("refused", "upstream_refused"),
            ("connect_timeout", "upstream_connect_timeout"),
            ("reset", "upstream_reset"),
            ("truncated", "upstream_truncated"),
            ("protocol_error", "upstream_protocol_error"),
            ("complete", "upstream_protocol_error"),
        ],
    )
    def test_failure_before_the_head_is_a_bad_gateway(self, kind, code):
        """The client gets a JSON error, and may retry."""
        *_, last = transcript(REQUEST, ("ended", kind), settings=NO_RETRY)

        (_, status, headers), (_, body) = last[:2]
        assert (504 if kind == "connect_timeout" else 502) == status
        assert (
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ) == headers
        assert code == json.loads(body)["error"]["code"]
        assert [*over("total", "first_byte", upstream=False), ("end",)] == last[2:]

    @pytest.mark.parametrize("kind", ["truncated", "reset"])
    def test_nothing_follows_the_last_event_of_another_dialect(self, kind):
        """An answer that said so is over, and only its connection was cut."""
        stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

        *_, last = transcript(MESSAGES, SSE, ("data", stop), ("ended", kind))

        assert [*over("total", "idle", upstream=False), ("abort",)] == last

    def test_event_too_large_fails_the_stream(self):
        """Earlier events are sent, then the error."""
        data = EVENT + b"data: " + b"x" * 2**24

        *_, last = transcript(REQUEST, SSE, ("data", EVENT), ("data", data))

        expected = [
            ("send", Dialect.OPENAI.error_event(Failure.TOO_LARGE)),
            *over("total", "idle"),
            ("abort",),
        ]
        assert expected == last

    def test_error_from_upstream_is_forwarded_and_nothing_invented(self):
        """An in-band error ends the stream as the upstream ended it."""
        error = b'data: {"error":{"message":"overloaded"}}\n\n'

        *_, sent, last = transcript(
            REQUEST, SSE, ("data", error), ("ended", "complete")
        )

        assert ("send", error) == sent[-1]
        assert [*over("total", "idle", upstream=False), ("end",)] == last


class TestPassing:
    @pytest.mark.parametrize(
        "head",
        [
            JSON,
            ("head", 429, ()),
            ("head", 503, ((b"content-type", b"text/event-stream"),)),
        ],
    )
    def test_other_answers_pass_byte_for_byte(self, head):
        """Other bodies are not examined."""
        body = b"\r\ndata: {\r\r[DONE]\n\n"

        *_, first, second, last = transcript(
            REQUEST,
            head,
            ("data", body),
            ("data", body),
            ("ended", "complete"),
            settings=NO_RETRY,
        )

        assert ("send", body) == first[-1]
        assert [("send", body)] == second
        assert [*over("total", "idle", upstream=False), ("end",)] == last

    @pytest.mark.parametrize("kind", ["truncated", "reset", "protocol_error"])
    def test_cut_body_is_aborted(self, kind):
        """The missing end is the only sign."""
        *_, last = transcript(REQUEST, JSON, ("data", b"{"), ("ended", kind))

        assert [*over("total", "idle", upstream=False), ("abort",)] == last

    def test_length_is_kept_only_where_the_body_is(self):
        """The length of an event stream is stale once an event is dropped."""
        length = (b"Content-Length", b"9")
        json_type = (b"content-type", b"application/json")
        sse_type = (b"content-type", b"text/event-stream")

        passing = transcript(REQUEST, ("head", 200, (json_type, length)))
        streaming = transcript(REQUEST, ("head", 200, (sse_type, length)))

        assert [("send_head", 200, (json_type, length))] == passing[-1]
        assert [("send_head", 200, (sse_type,))] == streaming[-1]


class TestTimers:
    @pytest.mark.parametrize("name", ["total", "first_byte"])
    def test_timeout_before_the_head_is_a_504(self, name):
        """A late upstream has another status than a failed one."""
        *_, last = transcript(REQUEST, ("timer", name))

        assert ("send_head", 504) == last[0][:2]
        code = {"total": "stream_timeout"}.get(name, f"upstream_{name}_timeout")
        assert code == json.loads(last[1][1])["error"]["code"]
        other = {"total", "first_byte"} - {name}
        assert [*over(*other), ("end",)] == last[2:]

    @pytest.mark.parametrize(
        ("failure", "name", "events", "left"),
        [
            (Failure.FIRST_BYTE_TIMEOUT, "first_byte", [], ["total"]),
            (Failure.TOTAL_TIMEOUT, "total", [], ["first_byte"]),
            (Failure.TOTAL_TIMEOUT, "total", [("data", EVENT)], ["idle"]),
        ],
    )
    def test_timeout_after_the_head_is_told_and_aborted(
        self, failure, name, events, left
    ):
        """The client gets an error, and the upstream is freed."""
        *_, last = transcript(REQUEST, SSE, *events, ("timer", name))

        expected = [
            ("send", Dialect.OPENAI.error_event(failure)),
            *over(*left),
            ("abort",),
        ]
        assert expected == last

    def test_timeout_of_a_body_that_passes_is_aborted(self):
        """Nothing of ours is put into a body that is not ours."""
        *_, last = transcript(REQUEST, JSON, ("data", b"{"), ("timer", "total"))

        assert [*over("idle"), ("abort",)] == last

    def test_settings_give_the_times(self):
        """Each timer has its variable."""
        begun, _, first = transcript(
            REQUEST,
            SSE,
            ("data", EVENT),
            settings={
                "STREAMING_TIMEOUT_SECONDS": "9",
                "STREAMING_FIRST_BYTE_TIMEOUT_SECONDS": "3",
                "STREAMING_IDLE_TIMEOUT_SECONDS": "0.5",
            },
            at=SECOND,
        )

        assert ("set_timer", "total", 10 * SECOND) in begun
        assert ("set_timer", "first_byte", 4 * SECOND) in begun
        assert ("set_timer", "idle", 1_500_000_000) in first

    @pytest.mark.parametrize("activity", [("data", b": ping\n"), ("writable",)])
    def test_idle_counts_from_the_last_sign_of_life(self, activity):
        """A read, or a client that held reading up, moves the moment."""
        relay = make_relay({}, 0)
        for at_s, event in [(0, REQUEST), (1, SSE), (2, ("data", EVENT))]:
            relay.handle(at_s * SECOND, event)
        relay.handle(50 * SECOND, activity)

        early = relay.handle(62 * SECOND, ("timer", "idle"))
        late = relay.handle(110 * SECOND, ("timer", "idle"))

        assert [("set_timer", "idle", 110 * SECOND)] == early
        assert ("abort",) == late[-1]

    def test_timer_that_is_not_set_is_late(self):
        """A timer that was cancelled on its way does nothing."""
        *_, last = transcript(REQUEST, SSE, ("data", EVENT), ("timer", "first_byte"))

        assert [] == last


class TestClientGone:
    @pytest.mark.parametrize("how", ["fin", "rst"])
    @pytest.mark.parametrize("phase", [Phase.ASKED, Phase.STREAMING, Phase.PASSING])
    def test_upstream_is_freed_and_nothing_is_sent(self, how, phase):
        """In every phase the upstream is closed and no timer stays."""
        *_, gone, late, end = transcript(
            *TO[phase], ("client_gone", how), ("data", EVENT), ("ended", "complete")
        )

        assert over("total", "first_byte") == gone
        assert [] == late == end

    def test_leaving_is_no_error(self):
        """It is logged, and the stream counts no error."""
        logged = logs(REQUEST, SSE, ("data", EVENT), ("client_gone", "rst"))

        assert ("info", "Client left") in logged
        completed = "Stream processing completed. Chunks processed: 1, Errors: 0"
        assert ("info", completed) == logged[-1]


class TestLogs:
    def test_lines_that_operators_watch(self):
        """The lines are word for word those of the runbook."""
        logged = logs(REQUEST, SSE, ("data", EVENT + EVENT + DONE))

        expected = [
            ("info", "Using new streaming architecture (v2)"),
            ("info", "State transition: Initial -> Stuttering"),
            ("info", "State transition: Stuttering -> Terminating"),
            ("info", "Stream processing completed. Chunks processed: 2, Errors: 0"),
        ]
        assert expected == logged

    def test_failure_is_a_warning_and_counts(self):
        """An upstream that failed shows in the log and in the count."""
        logged = logs(REQUEST, SSE, ("ended", "reset"))

        assert ("warning", "Upstream failed") in logged
        assert logged[-1][1].endswith("Errors: 1")


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_pair_of_phase_and_event_is_legal_or_an_error(phase, name):
    """Events that are illegal in a phase raise; the others are handled."""
    relay = make_relay({}, 0)
    for event in TO[phase]:
        relay.handle(0, event)

    if name in TRANSITIONS[phase]:
        assert isinstance(relay.handle(0, SAMPLES[name]), list)
    else:
        with pytest.raises(ValueError, match=f"{name} in phase {phase.value}"):
            relay.handle(0, SAMPLES[name])


@pytest.mark.parametrize(
    ("phase", "event", "follower", "settings"),
    [
        (Phase.READY, REQUEST, Phase.ASKED, {}),
        (Phase.ASKED, SSE, Phase.STREAMING, {}),
        (Phase.ASKED, JSON, Phase.PASSING, {}),
        (Phase.ASKED, ("head", 503, ()), Phase.WAITING, {}),
        (Phase.ASKED, ("head", 503, ()), Phase.PASSING, NO_RETRY),
        (Phase.ASKED, ("ended", "reset"), Phase.WAITING, {}),
        (Phase.ASKED, ("ended", "reset"), Phase.OVER, NO_RETRY),
        (Phase.ASKED, ("timer", "first_byte"), Phase.OVER, {}),
        (Phase.ASKED, ("writable",), Phase.ASKED, {}),
        (Phase.WAITING, ("timer", "retry"), Phase.ASKED, {}),
        (Phase.WAITING, ("timer", "total"), Phase.OVER, {}),
        (Phase.WAITING, ("timer", "idle"), Phase.WAITING, {}),
        (Phase.WAITING, ("data", EVENT), Phase.WAITING, {}),
        (Phase.WAITING, ("ended", "complete"), Phase.WAITING, {}),
        (Phase.STREAMING, ("data", EVENT), Phase.STREAMING, {}),
        (Phase.STREAMING, ("data", DONE), Phase.OVER, {}),
        (Phase.STREAMING, ("ended", "complete"), Phase.OVER, {}),
        (Phase.STREAMING, ("ended", "truncated"), Phase.OVER, {}),
        (Phase.STREAMING, ("timer", "total"), Phase.OVER, {}),
        (Phase.PASSING, ("data", EVENT), Phase.PASSING, {}),
        (Phase.PASSING, ("ended", "complete"), Phase.OVER, {}),
        (Phase.PASSING, ("ended", "reset"), Phase.OVER, {}),
        (Phase.OVER, ("data", EVENT), Phase.OVER, {}),
    ],
)
def test_what_is_decided_moves_the_phase(phase, event, follower, settings):
    """An event leads where the relay's decision upon it leads."""
    relay = make_relay(settings, 0)
    for earlier in TO[phase]:
        relay.handle(0, earlier)

    relay.handle(0, event)

    assert relay._phase is follower


@pytest.mark.parametrize("phase", [*Phase][1:])
def test_client_that_leaves_ends_the_exchange_in_every_phase(phase):
    """Nothing leads on from there."""
    relay = make_relay({}, 0)
    for event in (*TO[phase], ("client_gone", "fin")):
        relay.handle(0, event)

    assert relay._phase is Phase.OVER


def test_request_that_the_breaker_refuses_is_over():
    """It never was asked."""
    shared = {}
    failing = make_relay({"STREAMING_MAX_ERRORS": "1", **NO_RETRY}, 0, shared)
    for event in (REQUEST, ("ended", "reset")):
        failing.handle(0, event)
    relay = make_relay({}, 0, shared)

    relay.handle(0, REQUEST)

    assert relay._phase is Phase.OVER


def test_bad_setting_stops_the_start():
    """A relay is not made with a setting that does not parse."""
    with pytest.raises(ValueError, match="STREAMING_STUTTER: expected"):
        make_relay({"STREAMING_STUTTER": "maybe"}, 0)

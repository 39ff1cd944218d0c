"""Retries and the circuit breaker, over a simulated clock."""

from __future__ import annotations

import heapq
import itertools
import json

import pytest

from proxy.v2 import breaker_state, make_relay

SECOND = 1_000_000_000
MS = 1_000_000
CHAT = b"/v1/chat/completions"
SSE = (b"content-type", b"text/event-stream")
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
OVERLOADED = b'data: {"error":{"message":"overloaded","code":503}}\n\n'
TOO_LONG = b'data: {"error":{"code":"context_length_exceeded"}}\n\n'

GOOD = (("head", 200, (SSE,)), ("data", TEXT + DONE))
CUT = (("head", 200, (SSE,)), ("data", TEXT), ("ended", "truncated"))
RESET = (("ended", "reset"),)
REFUSED = (("ended", "refused"),)
SILENT = ()


def answer(status, body=b"sorry", *headers):
    """Return an attempt that is answered with a status."""
    return (("head", status, headers), ("data", body), ("ended", "complete"))


class Exchange:
    """One stream: the endings of its attempts, and the relay's commands.

    The events of an attempt follow 1 ms after its begin; the last ones repeat.
    """

    def __init__(
        self, *attempts, shared=None, seed=1, target=CHAT, at_ns=0, **settings
    ):
        variables = {f"STREAMING_{k.upper()}": str(v) for k, v in settings.items()}
        self.relay = make_relay(variables, seed, shared)
        self.attempts = attempts
        self.now = self.began = at_ns
        self.commands = []
        self.connects = []
        self.order = itertools.count()
        self.pending = []
        self.timers = {}
        self.current = 0
        self.tell(("request", b"POST", target, (), b"{}"))

    def tell(self, event):
        """Hand an event over and perform what follows."""
        for command in self.relay.handle(self.now, event):
            self.perform(command)

    def perform(self, command):
        """Do what a driver does."""
        self.commands.append((self.now, *command))
        name, *values = command
        if name == "connect":
            (self.current,) = values
            self.connects.append(self.now)
            number = min(self.current, len(self.attempts)) - 1
            for event in self.attempts[number]:
                entry = (self.now + MS, next(self.order), self.current, event)
                heapq.heappush(self.pending, entry)
        elif name == "close_upstream":
            self.current = 0
        elif name == "set_timer":
            self.timers[values[0]] = values[1]
        elif name == "cancel_timer":
            self.timers.pop(values[0], None)

    def run(self, until_ns=10**13):
        """Let time pass until nothing is left, or for so long."""
        while not self.over:
            due = [(at, name) for name, at in self.timers.items()]
            at_ns = min([entry[0] for entry in self.pending] + [at for at, _ in due])
            if at_ns > until_ns:
                self.now = until_ns
                return self
            self.now = at_ns
            if self.pending and self.pending[0][0] == at_ns:
                _, _, number, event = heapq.heappop(self.pending)
                if number == self.current:
                    self.tell(event)
            else:
                name = min(due)[1]
                del self.timers[name]
                self.tell(("timer", name))
        return self

    @property
    def over(self):
        """Whether the answer has ended."""
        return any(name in {"end", "abort"} for _, name, *_ in self.commands)

    @property
    def status(self):
        """The status that the client got."""
        found = [values[0] for _, name, *values in self.commands if name == "send_head"]
        assert len(found) == 1
        return found[0]

    @property
    def headers(self):
        """The headers that the client got."""
        return next(v[1] for _, name, *v in self.commands if name == "send_head")

    @property
    def body(self):
        """The bytes that the client got."""
        return b"".join(v[0] for _, name, *v in self.commands if name == "send")

    @property
    def logs(self):
        """All log messages."""
        return [values[1] for _, name, *values in self.commands if name == "log"]

    def counted(self, wanted):
        """The labels of all counts by this name."""
        return [
            values[2]
            for _, name, *values in self.commands
            if name == "count" and values[0] == wanted
        ]

    @property
    def pauses(self):
        """Nanoseconds from each attempt's end to the next."""
        pairs = itertools.pairwise(self.connects)
        return [later - earlier - MS for earlier, later in pairs]


class TestRetry:
    @pytest.mark.parametrize(
        ("first", "cause"),
        [
            (REFUSED, "upstream_refused"),
            ((("ended", "connect_timeout"),), "upstream_connect_timeout"),
            (RESET, "upstream_reset"),
            ((("ended", "truncated"),), "upstream_truncated"),
            (answer(502), "status_502"),
            (answer(503), "status_503"),
            (answer(504), "status_504"),
        ],
    )
    def test_client_gets_the_answer_of_the_attempt_that_had_one(self, first, cause):
        """It sees nothing of what went before, and operators do."""
        found = Exchange(first, GOOD).run()

        assert (found.status, found.body) == (200, TEXT + DONE)
        assert "Operation succeeded after 1 retries" in found.logs
        assert found.counted("retries") == [{"cause": cause}]
        assert found.counted("streams") == [{"outcome": "complete", "cause": ""}]

    def test_pauses_double_with_ten_per_cent_of_chance(self):
        """And differ from stream to stream."""
        pauses = [Exchange(RESET, seed=seed).run().pauses for seed in range(40)]

        assert all(180 * MS <= first <= 220 * MS for first, _ in pauses)
        assert all(360 * MS <= second <= 440 * MS for _, second in pauses)
        assert len({first for first, _ in pauses}) == 40

    def test_last_answer_passes_byte_for_byte(self):
        """The upstream's own words, status and headers."""
        first = answer(503, b"first")
        last = answer(502, b"\xff last\r\n", (b"X-Request-Id", b"7\xe9"))

        found = Exchange(first, first, last).run()

        assert len(found.connects) == 3
        assert (found.status, found.body) == (502, b"\xff last\r\n")
        assert found.headers == ((b"X-Request-Id", b"7\xe9"),)
        assert not [line for line in found.logs if "succeeded" in line]

    def test_last_failure_without_an_answer_is_told(self):
        """A 503 that went before it is no answer any more."""
        found = Exchange(answer(503), RESET, RESET).run()

        assert found.status == 502
        assert json.loads(found.body)["error"]["code"] == "upstream_reset"

    def test_retries_can_be_left_out(self):
        """0 means one attempt."""
        assert len(Exchange(RESET, retries=0).run().connects) == 1

    def test_no_head_goes_out_before_the_decision(self):
        """An error that is to be retried is held back."""
        found = Exchange(answer(503), SILENT).run(until_ns=SECOND)

        assert len(found.connects) == 2
        assert not [name for _, name, *_ in found.commands if name == "send_head"]

    @pytest.mark.parametrize(
        "first",
        [
            CUT,
            (("head", 200, (SSE,)), ("ended", "reset")),
            answer(500),
            answer(400),
            answer(429),
            (("ended", "protocol_error"),),
        ],
    )
    def test_what_is_not_retried(self, first):
        """Once an answer began, or where asking again would not help."""
        assert len(Exchange(first, GOOD).run().connects) == 1

    @pytest.mark.parametrize("first", [SILENT, (("head", 200, (SSE,)),)])
    def test_slow_first_byte_is_never_retried(self, first):
        """The upstream is working; a second request would be paid too."""
        found = Exchange(first, GOOD, first_byte_timeout_seconds=2).run()

        assert len(found.connects) == 1
        assert b"upstream_first_byte_timeout" in found.body

    @pytest.mark.parametrize(
        "header",
        [
            (b"Retry-After", b"1"),
            (b"retry-after-ms", b"1000"),
            (b"Retry-After", b"Wed, 25 Nov 2026 12:00:01 GMT"),
        ],
    )
    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_is_honoured(self, status, header):
        """Asked to wait a second, it waits a second or a little longer."""
        date = (b"Date", b"Wed, 25 Nov 2026 12:00:00 GMT")

        found = Exchange(answer(status, b"", header, date), GOOD).run()

        (pause,) = found.pauses
        assert SECOND <= pause <= 1.1 * SECOND
        assert found.status == 200

    def test_retry_after_beyond_the_limit_passes_at_once(self):
        """The client learns when to try again."""
        later = (b"Retry-After", b"11")
        found = Exchange(answer(503, b"busy", later), GOOD).run()

        assert (found.status, found.body, found.now) == (503, b"busy", MS)
        assert later in found.headers

    def test_total_time_is_bounded(self):
        """No attempt begins after the limit, whatever is left of the retries."""
        found = Exchange(
            RESET, retries=50, retry_backoff_ms=100, retry_max_seconds=2
        ).run()

        assert found.connects[-1] <= 2 * SECOND
        assert 4 <= len(found.connects) <= 6
        assert found.status == 502

    def test_each_attempt_has_its_own_time_to_the_first_byte(self):
        """Pauses and earlier attempts are not taken off it."""
        found = Exchange(RESET, SILENT, first_byte_timeout_seconds=2).run()

        assert found.now == found.connects[-1] + 2 * SECOND

    def test_limit_of_the_stream_holds_while_waiting(self):
        """A pause is part of the stream."""
        found = Exchange(
            RESET, retry_backoff_ms=5000, timeout_seconds=1, retry_max_seconds=60
        ).run()

        assert (found.status, found.now) == (504, SECOND)
        assert json.loads(found.body)["error"]["code"] == "stream_timeout"

    def test_client_that_leaves_while_waiting_ends_it(self):
        """No attempt follows, and no timer stays."""
        found = Exchange(RESET).run(until_ns=50 * MS)
        found.tell(("client_gone", "fin"))

        assert found.timers == {}
        assert len(found.connects) == 1
        labels = {"outcome": "client_gone", "cause": "fin"}
        assert found.counted("streams") == [labels]

    def test_rest_of_an_answer_that_was_given_up_is_late(self):
        """A driver may have read it already."""
        found = Exchange(answer(503)).run(until_ns=50 * MS)

        for event in [("data", b"x"), ("ended", "complete"), ("writable",)]:
            assert found.relay.handle(found.now, event) == []


def failing(shared, attempt, times, **settings):
    """Let streams fail one after another; return the last."""
    settings = {"retries": 0, "max_errors": 3, **settings}
    for _ in range(times):
        found = Exchange(attempt, shared=shared, **settings).run()
    return found


class TestBreaker:
    @pytest.mark.parametrize(
        "attempt",
        [
            REFUSED,
            RESET,
            CUT,
            answer(500),
            answer(503),
            answer(529),
            (("head", 200, (SSE,)), ("data", OVERLOADED), ("ended", "complete")),
            (("head", 200, (SSE,)), ("data", OVERLOADED + DONE)),
            (("head", 200, (SSE,)), ("data", TEXT + OVERLOADED + DONE)),
        ],
    )
    def test_failures_in_a_row_open_the_circuit(self, attempt):
        """Before a head, in the middle, by status, and by an error event."""
        shared = {}
        last = failing(shared, attempt, 3)
        refused = Exchange(GOOD, shared=shared, max_errors=3).run()

        assert "Circuit breaker opened due to 3 failures" in last.logs
        assert last.counted("breaker_changes") == [{"to": "open"}]
        assert refused.connects == []
        assert (refused.status, refused.now) == (503, 0)
        labels = {"outcome": "refused", "cause": "circuit_open"}
        assert refused.counted("streams") == [labels]

    @pytest.mark.parametrize(
        "attempt",
        [
            answer(400),
            answer(401),
            answer(404),
            answer(429),
            (("head", 200, (SSE,)), ("data", TOO_LONG + DONE)),
        ],
    )
    def test_bad_requests_never_count(self, attempt):
        """A client that asks wrongly takes the upstream from nobody."""
        shared = {}
        failing(shared, attempt, 20)

        assert Exchange(GOOD, shared=shared, max_errors=3).run().status == 200

    def test_bad_requests_do_not_hide_a_failing_upstream(self):
        """They do not begin the count anew."""
        shared = {}
        for attempt in [RESET, answer(429), RESET, answer(400), RESET]:
            failing(shared, attempt, 1)

        assert Exchange(GOOD, shared=shared, max_errors=3).run().status == 503

    @pytest.mark.parametrize("attempt", [SILENT, CUT[:1], CUT[:2]])
    def test_clients_that_leave_never_count(self, attempt):
        """In whatever phase they do."""
        shared = {}
        for _ in range(20):
            left = Exchange(attempt, shared=shared, max_errors=3)
            left.run(until_ns=10 * MS)
            left.tell(("client_gone", "rst"))

        assert Exchange(GOOD, shared=shared, max_errors=3).run().status == 200

    def test_stream_that_is_longer_than_allowed_does_not_count(self):
        """Our limit is not a failure of an upstream that is working."""
        shared = {}
        failing(shared, CUT[:2], 5, timeout_seconds=2)

        assert Exchange(GOOD, shared=shared, max_errors=3).run().status == 200

    def test_stream_without_any_byte_counts(self):
        """The limit of the stream passed, and the upstream was not working."""
        shared = {}
        failing(shared, CUT[:1], 3, timeout_seconds=2, first_byte_timeout_seconds=3)

        assert Exchange(GOOD, shared=shared, max_errors=3).run().status == 503

    @pytest.mark.parametrize(
        ("target", "path"),
        [
            (CHAT, ["error", "code"]),
            (b"/v1/responses", ["error", "code"]),
            (b"/v1/messages", ["error", "type"]),
        ],
    )
    def test_refusal_is_json_in_the_dialect_and_says_when(self, target, path):
        """Clients know both, and back off."""
        shared = {}
        failing(shared, RESET, 3)

        refused = Exchange(GOOD, shared=shared, max_errors=3, target=target).run()

        found = json.loads(refused.body)
        for key in path:
            found = found[key]
        assert found in {"circuit_open", "api_error"}
        headers = dict(refused.headers)
        assert headers[b"content-type"] == b"application/json"
        assert 26 <= int(headers[b"retry-after"]) <= 37

    def test_clients_that_are_refused_together_are_told_different_times(self):
        """Or they would all return at one instant."""
        shared = {}
        failing(shared, RESET, 3, breaker_open_seconds=600)
        told = {
            dict(Exchange(GOOD, shared=shared, seed=seed).run().headers)[b"retry-after"]
            for seed in range(50)
        }

        assert len(told) > 20

    def test_one_probe_of_many_clients_goes(self):
        """Fifty after the pause: one is the probe, the others are refused."""
        shared = {}
        failing(shared, RESET, 3)
        later = 40 * SECOND
        herd = [
            Exchange(SILENT, shared=shared, seed=seed, at_ns=later)
            for seed in range(50)
        ]

        assert sum(len(one.connects) for one in herd) == 1
        assert [one.status for one in herd if one.over] == [503] * 49

    def test_probe_that_begins_well_lets_the_others_in(self):
        """They need not wait for its end."""
        shared = {}
        failing(shared, RESET, 3)
        probe = Exchange(CUT[:2], shared=shared, at_ns=40 * SECOND)
        probe.run(until_ns=41 * SECOND)

        assert "Circuit breaker half-open" in probe.logs
        assert "Circuit breaker closed" in probe.logs
        next_one = Exchange(GOOD, shared=shared, at_ns=41 * SECOND).run()
        assert next_one.status == 200

    def test_comment_is_no_good_sign(self):
        """A keep-alive does not prove that there is an answer."""
        shared = {}
        failing(shared, RESET, 3)
        pinging = (("head", 200, (SSE,)), ("data", b": ping\n\n"))
        probe = Exchange(pinging, shared=shared, at_ns=40 * SECOND)
        probe.run(until_ns=41 * SECOND)

        refused = Exchange(GOOD, shared=shared, at_ns=41 * SECOND).run()
        assert refused.status == 503
        probe.tell(("data", TEXT))
        assert Exchange(GOOD, shared=shared, at_ns=41 * SECOND).run().status == 200

    def test_probe_that_fails_opens_the_circuit_again(self):
        """For as long as before, and its client gets the failure."""
        shared = {}
        failing(shared, RESET, 3)
        probe = Exchange(RESET, shared=shared, at_ns=40 * SECOND).run()

        assert "Circuit breaker opened due to 4 failures" in probe.logs
        assert (probe.status, len(probe.connects)) == (502, 1)
        again = Exchange(GOOD, shared=shared, at_ns=60 * SECOND).run()
        assert again.status == 503

    def test_probe_that_begins_with_an_error_does_not_close_it(self):
        """An error event is no good sign, though its stream ends cleanly."""
        shared = {}
        failing(shared, RESET, 3)
        told = (("head", 200, (SSE,)), ("data", OVERLOADED), ("ended", "complete"))
        probe = Exchange(told, shared=shared, at_ns=40 * SECOND).run()

        assert "Circuit breaker closed" not in probe.logs
        assert "Circuit breaker opened due to 4 failures" in probe.logs

    @pytest.mark.parametrize("attempt", [SILENT, CUT[:1], answer(400)])
    def test_probe_that_is_given_up_does_not_wedge(self, attempt):
        """Its client left, or asked wrongly: the next one is the probe."""
        shared = {}
        failing(shared, RESET, 3)
        probe = Exchange(attempt, shared=shared, at_ns=40 * SECOND)
        probe.run(until_ns=41 * SECOND)
        if not probe.over:
            probe.tell(("client_gone", "fin"))

        assert Exchange(GOOD, shared=shared, at_ns=42 * SECOND).run().status == 200

    def test_retries_count_and_stop_where_the_circuit_opens(self):
        """The attempt that opened it is the last, and its answer passes."""
        shared = {}
        found = Exchange(
            answer(503, b"busy"), shared=shared, max_errors=2, retries=9
        ).run()

        assert len(found.connects) == 2
        assert (found.status, found.body) == (503, b"busy")

    def test_stream_that_waits_is_refused_where_others_opened_the_circuit(self):
        """Its next attempt needs leave like any other."""
        shared = {}
        waiting = Exchange(RESET, shared=shared, max_errors=4).run(until_ns=50 * MS)
        failing(shared, RESET, 3, max_errors=4)
        waiting.run()

        assert (waiting.status, len(waiting.connects)) == (503, 1)
        assert b"circuit_open" in waiting.body

    def test_streams_that_share_nothing_do_not_touch_each_other(self):
        """Each has a breaker of its own."""
        failing(None, RESET, 20)

        assert Exchange(GOOD, max_errors=3).run().status == 200


def test_state_of_the_circuit_is_a_figure_for_operators():
    """Closed before any stream, then moved by the streams."""
    shared = {}
    assert breaker_state(shared) == 0
    failing(shared, RESET, 3)
    assert breaker_state(shared) == 2
    Exchange(SILENT, shared=shared, at_ns=40 * SECOND)
    assert breaker_state(shared) == 1

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import h11
import pytest

from proxy.driver import Driver
from proxy.http.response_framer import ResponseFramer
from proxy.operations.logs import StreamLogger
from proxy.operations.metrics import StreamStats

SECOND = 1_000_000_000
OK = ("send_head", 200, ((b"a", b"b"),))
HEAD = ("head", 200, ())


class Script:
    """A relay that answers each event, by its name, from a table."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        self.seen: list[tuple[Any, ...]] = []
        self.times: list[int] = []

    def handle(self, now_ns: int, event: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        self.seen.append(event)
        self.times.append(now_ns)
        reply = self.table.get(event[0], [])
        if isinstance(reply, Exception):
            raise reply
        return reply(event) if callable(reply) else reply


class Call:
    """An attempt: records what is done to it, delivers what a test wants."""

    def __init__(self, deliver: Callable[[list[Any]], None]) -> None:
        self.deliver = deliver
        self.done: list[str] = []

    def close(self) -> None:
        self.done.append("close")

    def drain(self) -> None:
        self.done.append("drain")

    def pause(self) -> None:
        self.done.append("pause")

    def resume(self) -> None:
        self.done.append("resume")


class Timer:
    def __init__(self, at_ns: int, call: Callable[[], None]) -> None:
        self.at_ns = at_ns
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class DriverBench:
    """A client, a clock and an upstream, all in memory."""

    def __init__(self, table: dict[str, Any], *, http_11: bool = True) -> None:
        self.relay = Script({"request": [("connect", 1)], **table})
        self.now_ns = 1000
        self.writes: list[bytes] = []
        self.ends: list[bool] = []
        self.measured: list[tuple[Any, ...]] = []
        self.calls: list[Call] = []
        self.timers: list[Timer] = []
        self.driver = Driver(
            relay=self.relay,
            framer=ResponseFramer(
                method=b"POST", http_11=http_11, keep_alive=True, architecture="v2"
            ),
            client=self,
            connect=self.connect,
            log=StreamLogger(logging.getLogger("proxy.test"), "7", "v2"),
            metrics=self,
            clock=lambda: self.now_ns,
            call_later=self.call_later,
        )
        self.driver.start(("request", b"POST", b"/v1/x", (), b""))

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def begun(self) -> None:
        self.measured.append(("begun",))

    def over(self, facts: StreamStats) -> None:
        self.measured.append(("over", facts))

    def count(self, name: str, amount: float, labels: dict[str, str]) -> None:
        self.measured.append(("count", name, amount, labels))

    def observe(self, name: str, value: float, labels: dict[str, str]) -> None:
        self.measured.append(("observe", name, value, labels))

    def finished(self, *, keep_alive: bool) -> None:
        self.ends.append(keep_alive)

    def connect(self, deliver: Callable[[list[Any]], None]) -> Call:
        self.calls.append(Call(deliver))
        return self.calls[-1]

    def call_later(self, delay_s: float, call: Any, *args: Any) -> Any:
        at_ns = self.now_ns + round(delay_s * 1e9)
        self.timers.append(Timer(at_ns, lambda: call(*args)))
        return self.timers[-1]

    def deliver(self, *events: tuple[Any, ...]) -> None:
        self.calls[-1].deliver(list(events))

    def pass_ns(self, duration_ns: int) -> None:
        self.now_ns += duration_ns
        for timer in list(self.timers):
            if timer.at_ns <= self.now_ns and not timer.cancelled:
                timer.cancelled = True
                timer.call()

    @property
    def seen(self) -> list[tuple[Any, ...]]:
        return self.relay.seen[1:]

    @property
    def body(self) -> bytes:
        return b"".join(self.writes).partition(b"\r\n\r\n")[2]


def test_what_one_turn_calls_for_is_one_write():
    """Head and pieces of one turn leave together, each piece as its own chunk."""
    bench = DriverBench({"head": [OK], "data": [("send", b"ab"), ("send", b"c")]})
    bench.deliver(HEAD, ("data", b"abc"))
    assert len(bench.writes) == 1
    assert bench.body == b"2\r\nab\r\n1\r\nc\r\n"
    assert bench.ends == []


def test_an_end_writes_the_terminator_and_keeps_the_connection():
    """A clean end lets the upstream finish, and the client may ask again."""
    bench = DriverBench({"head": [OK], "ended": [("end",)]})
    bench.deliver(HEAD, ("ended", "complete"))
    assert bench.body == b"0\r\n\r\n"
    assert bench.ends == [True]
    assert bench.calls[0].done == ["drain"]


def test_an_abort_flushes_and_closes_without_the_terminator():
    """Earlier bytes are not lost, and nothing looks finished."""
    abort = [("send", b"last"), ("abort",), ("send", b"never")]
    bench = DriverBench({"head": [OK], "ended": abort})
    bench.deliver(HEAD, ("ended", "truncated"))
    assert bench.body == b"4\r\nlast\r\n"
    assert bench.ends == [False]


def test_an_end_short_of_the_length_closes_the_connection():
    """As Go's server does where a handler wrote less than it promised."""
    head = ("send_head", 200, ((b"Content-Length", b"9"),))
    bench = DriverBench({"head": [head], "ended": [("send", b"short"), ("end",)]})
    bench.deliver(HEAD, ("ended", "complete"))
    assert bench.body == b"short"
    assert bench.ends == [False]


def test_events_of_an_attempt_that_was_replaced_are_dropped():
    """A retry in the middle of a turn ends what the old attempt has to say."""
    bench = DriverBench({"head": [("close_upstream",), ("connect", 2)]})
    first = bench.calls[0]
    bench.deliver(("head", 503, ()), ("data", b"late"), ("ended", "complete"))
    first.deliver([("data", b"later")])
    assert bench.seen == [("head", 503, ())]
    assert first.done == ["close"]
    assert len(bench.calls) == 2


def test_nothing_is_delivered_after_close_upstream():
    """A closed attempt has nothing to say, not even that it ended."""
    bench = DriverBench({"data": [("close_upstream",)]})
    bench.deliver(("data", b"x"), ("ended", "reset"))
    assert bench.seen == [("data", b"x")]


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_client_that_leaves_frees_the_upstream_first(how):
    """The relay gets the event, may log, and may do nothing else."""
    commands = [("log", "info", "gone", {}), ("send", b"x"), ("connect", 2)]
    bench = DriverBench({"head": [OK], "client_gone": commands})
    bench.deliver(HEAD)
    bench.driver.client_gone(how)
    bench.driver.client_gone(how)
    assert bench.calls[0].done == ["close"]
    assert bench.seen == [HEAD, ("client_gone", how)]
    assert len(bench.calls) == 1
    assert bench.ends == []
    bench.deliver(("data", b"late"))
    assert bench.seen[-1] == ("client_gone", how)


def test_a_relay_that_raises_as_its_client_leaves_is_logged(caplog):
    """The upstream is freed nevertheless."""
    bench = DriverBench({"client_gone": RuntimeError("secret")})
    with caplog.at_level("DEBUG", logger="proxy.test"):
        bench.driver.client_gone("fin")
    assert caplog.messages == ["The proxy failed", "= answer over"]
    assert "secret" not in caplog.text
    assert bench.calls[0].done == ["close"]


def test_commands_after_the_end_do_nothing():
    """The answer is over; its connection stays usable."""
    end = [OK, ("end",), ("log", "info", "x", {}), ("fly",), ("send", b"late")]
    bench = DriverBench({"head": end})
    bench.deliver(HEAD)
    assert bench.body == b"0\r\n\r\n"
    assert bench.ends == [True]


def test_a_client_that_leaves_stops_the_timers():
    """No timer of a stream outlives it."""
    bench = DriverBench({"head": [("set_timer", "idle", 5 * SECOND)]})
    bench.deliver(HEAD)
    bench.driver.client_gone("fin")
    assert [timer.cancelled for timer in bench.timers] == [True]


def test_timers_fire_once_at_their_time_and_can_be_moved():
    """A timer that is set again is moved; one that is cancelled is silent."""
    table = {
        "head": [("set_timer", "a", 2 * SECOND), ("set_timer", "b", SECOND)],
        "data": [("set_timer", "a", 3 * SECOND), ("cancel_timer", "b")],
    }
    bench = DriverBench(table)
    bench.deliver(HEAD, ("data", b"x"))
    bench.pass_ns(2 * SECOND)
    assert ("timer", "b") not in bench.seen
    assert ("timer", "a") not in bench.seen
    bench.pass_ns(SECOND)
    bench.pass_ns(SECOND)
    assert bench.seen[-1] == ("timer", "a")
    assert bench.seen.count(("timer", "a")) == 1


def test_a_timer_that_a_loop_fires_early_waits_for_its_time():
    """A relay never sees a timer before the time that it set."""
    bench = DriverBench({"head": [("set_timer", "a", 2 * SECOND)]})
    bench.deliver(HEAD)
    bench.now_ns = 2 * SECOND - 1
    bench.timers[0].call()
    assert ("timer", "a") not in bench.seen
    bench.pass_ns(1)
    assert bench.seen[-1] == ("timer", "a")
    assert bench.relay.times[-1] == 2 * SECOND


def test_a_client_that_does_not_read_stops_the_upstream_and_the_clocks():
    """A slow reader is not a silent upstream: the timers stop."""
    bench = DriverBench({"head": [OK, ("set_timer", "idle", 1000 + SECOND)]})
    bench.deliver(HEAD)
    bench.driver.client_blocked()
    bench.driver.client_blocked()
    assert bench.calls[0].done == ["pause"]
    bench.pass_ns(60 * SECOND)
    assert bench.seen == [HEAD]
    bench.driver.client_writable()
    assert bench.seen == [HEAD, ("writable",)]
    assert bench.calls[0].done == ["pause", "resume"]
    bench.pass_ns(SECOND - 1)
    assert bench.seen[-1] == ("writable",)
    bench.pass_ns(1)
    assert bench.seen[-1] == ("timer", "idle")


def test_a_relay_and_a_client_pause_independently():
    """The upstream is read only when neither wants it paused."""
    bench = DriverBench(
        {"head": [("pause_upstream",)], "timer": [("resume_upstream",)]}
    )
    bench.deliver(HEAD)
    bench.driver.client_blocked()
    bench.driver.client_writable()
    assert bench.calls[0].done == ["pause", "pause"]
    bench.relay.table["data"] = [("resume_upstream",)]
    bench.deliver(("data", b""))
    assert bench.calls[0].done[-1] == "resume"


def test_a_new_attempt_of_a_blocked_client_starts_paused():
    """A retry does not fill the memory either."""
    bench = DriverBench({"ended": [("connect", 2)]})
    bench.driver.client_blocked()
    bench.deliver(("ended", "refused"))
    assert bench.calls[1].done == ["pause"]


@pytest.mark.parametrize(
    ("table", "status"),
    [
        ({"head": RuntimeError("secret payload")}, b"500"),
        ({"head": [("send", b"x")]}, b"500"),
        ({"head": [("end",)]}, b"500"),
        ({"head": [("fly",)]}, b"500"),
        ({"head": [("send_head", 200, ((b"a", b"b\nc"),))]}, b"502"),
    ],
    ids=["raises", "body-first", "end-first", "unknown", "bad-head"],
)
def test_a_relay_that_breaks_its_contract_ends_its_own_stream(table, status, caplog):
    """Before the head the client gets an error; the log never shows a payload."""
    bench = DriverBench(table)
    with caplog.at_level("DEBUG", logger="proxy.test"):
        bench.deliver(HEAD)
    answer = b"".join(bench.writes)
    assert answer.split()[1] == status
    assert b"secret" not in answer
    assert "secret" not in caplog.text
    assert bench.calls[0].done == ["close"]
    assert len(bench.ends) == 1
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "p")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    assert isinstance(connection.next_event(), h11.Response)


def test_a_relay_that_raises_after_its_head_is_cut_off():
    """An error of ours does not finish the answer."""
    bench = DriverBench({"head": [OK, ("send", b"x")], "data": RuntimeError("no")})
    bench.deliver(HEAD, ("data", b"y"))
    assert bench.body == b"1\r\nx\r\n"
    assert bench.ends == [False]


def test_the_architecture_line_is_not_doubled(caplog):
    """The server logs the choice at info; a relay's own line would be a second."""
    lines = [
        ("log", "debug", "Using new streaming architecture (v2)", {}),
        ("log", "info", "State transition: Initial -> Stuttering", {"at": 1}),
    ]
    with caplog.at_level("DEBUG", logger="proxy.test"):
        DriverBench({"request": lines})
    assert caplog.messages == ["State transition: Initial -> Stuttering"]
    assert caplog.records[0].fields == {"stream": "7", "at": 1}


def test_each_answer_logs_how_it_ended_once(caplog):
    """One line closes the account of a stream."""
    with caplog.at_level("INFO", logger="proxy.test"):
        bench = DriverBench({"head": [OK], "ended": [("abort",)]})
        bench.deliver(HEAD, ("ended", "reset"))
        bench.driver.client_gone("fin")
        bench.driver.stop()
    assert [record.fields["outcome"] for record in caplog.records] == ["aborted"]


def test_a_stop_frees_the_upstream_without_a_word_to_the_relay():
    """Shutting down is nobody's failure."""
    bench = DriverBench({"head": [OK]})
    bench.deliver(HEAD)
    bench.driver.stop()
    assert bench.calls[0].done == ["close"]
    assert bench.seen == [HEAD]


def test_the_loops_own_clock_is_the_default():
    """Without a scheduler of its own a driver takes the running loop's."""

    async def run() -> None:
        bench = DriverBench({})
        driver = Driver(
            relay=Script({"request": [OK, ("end",)]}),
            framer=ResponseFramer(
                method=b"GET", http_11=True, keep_alive=True, architecture="v1"
            ),
            client=bench,
            connect=bench.connect,
            log=StreamLogger(logging.getLogger("proxy.test"), "8", "v1"),
            metrics=bench,
        )
        driver.start(("request", b"GET", b"/v1/x", (), b""))
        assert bench.ends == [True]

    asyncio.run(run())


def facts(bench: DriverBench) -> StreamStats:
    """Return the figures of the one answer."""
    assert bench.measured[0] == ("begun",)
    (found,) = [m[1] for m in bench.measured if m[0] == "over"]
    return found


def test_a_relay_measures_through_its_driver():
    """``count`` and ``observe`` are handed on, after the answer's end too."""
    counted = ("count", "retries", 2, {"to": "open"})
    observed = ("observe", "hold_seconds", 0.25, {})
    bench = DriverBench({"head": [OK, counted, ("end",), observed]})
    bench.deliver(HEAD)
    assert counted in bench.measured
    assert observed in bench.measured


def test_the_driver_measures_what_a_frozen_relay_cannot():
    """First byte of body from the request on; the longest time without a write."""
    sends = iter([[], [], [("send", b"1")], [], [("send", b"2")], [("end",)]])
    bench = DriverBench({"head": [OK], "data": lambda _: next(sends)})
    bench.deliver(HEAD)
    for step in (1, 2, 4, 8, 16, 32):
        bench.now_ns += step * SECOND
        bench.deliver(("data", b"x"))
    found = facts(bench)
    assert found.ttft_ns == 7 * SECOND
    assert found.hold_ns == 16 * SECOND
    assert found.duration_ns == 63 * SECOND
    assert (found.outcome, found.cause, found.attempts) == ("complete", None, 1)
    assert found.bytes_out == len(b"".join(bench.writes))


@pytest.mark.parametrize(
    "kind", ["refused", "connect_timeout", "reset", "truncated", "protocol_error"]
)
def test_a_cut_that_a_relay_ends_cleanly_is_counted_all_the_same(kind):
    """v1 makes a clean end of a cut; its failure would not be seen otherwise."""
    bench = DriverBench({"ended": [OK, ("end",)]})
    bench.deliver(("ended", kind))
    assert (facts(bench).outcome, facts(bench).cause) == ("complete", kind)


def test_a_timer_that_ends_an_answer_is_its_cause():
    """And one that only leads to a further attempt is none."""
    wait = ("set_timer", "limit", 1000 + SECOND)
    bench = DriverBench({"request": [("connect", 1), wait], "timer": [OK, ("abort",)]})
    bench.pass_ns(SECOND)
    assert (facts(bench).outcome, facts(bench).cause) == ("aborted", "timeout")
    retry = [("connect", 2)]
    bench = DriverBench(
        {"request": [("connect", 1), wait], "timer": retry, "head": [OK]}
    )
    bench.relay.table["data"] = [("end",)]
    bench.deliver(("ended", "reset"))
    bench.pass_ns(SECOND)
    bench.deliver(HEAD, ("data", b"x"))
    found = facts(bench)
    assert (found.outcome, found.cause, found.attempts) == ("complete", None, 2)


@pytest.mark.parametrize(
    ("status", "connects", "cause"),
    [(503, True, "upstream_status"), (503, False, "unavailable"), (429, True, None)],
)
def test_a_status_counts_as_a_failure_from_500_on(status, connects, cause):
    """An answer without an attempt was never asked for: an open circuit."""
    end = [("send_head", status, ()), ("end",)]
    bench = DriverBench({"request": [("connect", 1)] if connects else end, "head": end})
    if connects:
        bench.deliver(("head", status, ()))
    assert facts(bench).cause == cause


def test_a_client_that_leaves_is_no_failure():
    """Nor is it one of the upstream."""
    bench = DriverBench({})
    bench.driver.client_gone("rst")
    assert facts(bench).outcome == "client gone (rst)"
    assert facts(bench).cause is None


@pytest.mark.parametrize("attempts", [2, 7])
def test_a_relay_may_connect_again_after_an_attempt_ended(attempts):
    """Without a limit; events of the old attempt are ignored."""
    table = {"ended": lambda _: [("set_timer", "retry", bench.now_ns + SECOND)]}
    table["timer"] = lambda _: [("connect", len(bench.calls) + 1)]
    table["head"] = [OK, ("end",)]
    bench = DriverBench(table)
    for number in range(1, attempts):
        old = bench.calls[-1]
        bench.deliver(("ended", "connect_timeout"))
        assert len(bench.calls) == number
        bench.pass_ns(SECOND)
        old.deliver([("head", 200, ())])
        assert bench.ends == []
    bench.deliver(HEAD)
    assert bench.ends == [True]
    assert facts(bench).attempts == attempts


def test_a_client_that_leaves_during_the_wait_for_an_attempt_ends_it():
    """No timer is left that would connect for nobody."""
    table = {"ended": [("set_timer", "retry", 1000 + SECOND)]}
    table["timer"] = [("connect", 2)]
    bench = DriverBench(table)
    bench.deliver(("ended", "reset"))
    bench.driver.client_gone("fin")
    bench.pass_ns(2 * SECOND)
    assert len(bench.calls) == 1
    assert all(timer.cancelled for timer in bench.timers)


def test_an_end_before_the_framings_end_leaves_the_rest_to_be_drained():
    """``[DONE]``: the relay closes and ends in one turn; a few bytes will follow."""
    done = [("send", b"x"), ("close_upstream",), ("end",)]
    bench = DriverBench({"head": [OK], "data": done})
    bench.deliver(HEAD, ("data", b"x"))
    assert bench.calls[0].done == ["drain"]


@pytest.mark.parametrize(
    "ending", [[("abort",)], [("close_upstream",), ("abort",)], [("close_upstream",)]]
)
def test_whatever_is_not_a_clean_end_closes_at_once(ending):
    """An upstream that is given up is not read on."""
    bench = DriverBench({"head": [OK], "data": ending})
    bench.deliver(HEAD, ("data", b"x"))
    assert bench.calls[0].done == ["close"]


def test_a_timeout_that_ends_cleanly_closes_at_once():
    """v1 ends it cleanly; the upstream may continue for hours."""
    end = [OK, ("close_upstream",), ("end",)]
    bench = DriverBench(
        {"request": [("connect", 1), ("set_timer", "t", 2000)], "timer": end}
    )
    bench.pass_ns(SECOND)
    assert bench.calls[0].done == ["close"]


def test_an_attempt_that_is_closed_hears_nothing_more_in_that_turn():
    """And a further attempt of the same turn is not closed with it."""
    again = [("close_upstream",), ("connect", 2)]
    bench = DriverBench({"head": again, "data": [OK, ("send", b"late")]})
    bench.calls[0].deliver([HEAD, ("data", b"x")])
    assert [call.done for call in bench.calls] == [["close"], []]
    assert bench.writes == []

"""The proxy's connections to the upstream, kept between exchanges."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.http import pool as pool_module
from proxy.http.origin import Origin
from proxy.http.pool import ConnectionPool, UpstreamAttempt

pytestmark = pytest.mark.e2e

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"


def looped(test):
    """Run an asynchronous test."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 10))

    return run


class Server:
    """Answers each request on a connection by the next entry of a plan.

    ``ok`` answers, ``ok-close`` answers and closes after a moment, ``fin`` and ``rst``
    close as soon as the request came, ``junk`` answers and sends more, ``mute`` waits.
    """

    def __init__(self, *plan: str) -> None:
        self.plan = list(plan)
        self.connections = 0
        self.requests = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readexactly(3)
                self.requests += 1
                step = self.plan.pop(0)
                if step in ("fin", "rst"):
                    break
                if step == "mute":
                    await reader.read()
                    break
                writer.write(ANSWER)
                if step == "junk":
                    await asyncio.sleep(0.02)
                    writer.write(b"x")
                elif step == "ok-close":
                    await asyncio.sleep(0.02)
                    step = "fin"
                    break
        if step == "rst":
            writer.transport.abort()
        writer.close()


class Bench:
    """A pool before a server."""

    def __init__(self, server: Server, pool: ConnectionPool, told: list[str]) -> None:
        self.server = server
        self.pool = pool
        self.told = told
        self.reports: list[Any] = []

    def call(self, **kwargs: Any) -> tuple[UpstreamAttempt, list[Any], asyncio.Event]:
        """Start an exchange."""
        events: list[Any] = []
        over = asyncio.Event()

        def deliver(turn: list[Any]) -> None:
            events.extend(turn)
            if turn[-1][0] == "ended":
                over.set()

        call = UpstreamAttempt(
            self.pool,
            b"REQ",
            deliver,
            no_body=False,
            decode=False,
            connect_timeout_s=kwargs.pop("connect_timeout_s", 5),
            write_log=lambda *fact: self.reports.append(fact),
        )
        return call, events, over

    async def ask(self, **kwargs: Any) -> str:
        """Return how one exchange ended."""
        _, events, over = self.call(**kwargs)
        await over.wait()
        assert [event[0] for event in events][-1] == "ended"
        kind: str = events[-1][1]
        if kind == "complete":
            assert events[1] == ("data", b"abc")
        return kind


@contextlib.asynccontextmanager
async def bench(*plan: str, size: int = 4, idle_s: float = 5) -> AsyncIterator[Bench]:
    """Run a server and a pool."""
    server = Server(*plan)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    told: list[str] = []
    origin = Origin.parse(f"http://127.0.0.1:{port}")
    pool = ConnectionPool(origin, size=size, idle_s=idle_s, count=told.append)
    try:
        yield Bench(server, pool, told)
    finally:
        pool.close()
        listener.close()
        for writer in server.writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


@looped
async def test_exchanges_follow_one_another_on_one_connection():
    """No handshake for the second and third."""
    async with bench("ok", "ok", "ok") as b:
        assert [await b.ask() for _ in range(3)] == ["complete"] * 3
        assert b.server.connections == 1
        assert b.told == ["new", "reused", "reused"]
        assert b.pool.idle == 1


@looped
async def test_a_pool_of_none_keeps_none():
    """Every exchange has a connection of its own."""
    async with bench("ok", "ok", size=0) as b:
        assert [await b.ask(), await b.ask()] == ["complete"] * 2
        assert b.server.connections == 2
        assert b.pool.idle == 0


@looped
async def test_the_pool_keeps_no_more_than_its_size_and_drops_the_oldest():
    """Exchanges side by side have connections of their own, as many as it takes."""
    async with bench(*["ok"] * 6, size=2) as b:
        calls = [b.call() for _ in range(6)]
        for _, _, over in calls:
            await over.wait()
        assert b.server.connections == 6
        assert b.pool.idle == 2


@looped
async def test_a_connection_that_waited_too_long_is_closed():
    """The limit is ours, or the server's promise if that is shorter."""
    async with bench("ok", "ok", idle_s=0.05) as b:
        await b.ask()
        await asyncio.sleep(0.1)
        assert b.pool.idle == 0
        await b.ask()
        assert b.told == ["new", "new"]


@looped
async def test_a_promise_that_is_too_short_keeps_nothing():
    """``Keep-Alive: timeout=0``."""
    async with bench("ok") as b:
        await b.ask()
        transport = b.pool.take()
        assert transport is not None
        b.pool.give(transport, 0.4)
        assert transport.is_closing()
        assert b.pool.idle == 0


@pytest.mark.parametrize("how", ["ok-close", "junk"])
@looped
async def test_a_connection_that_stirs_while_it_waits_is_taken_out(how):
    """A FIN, or an unexpected byte: nothing of it reaches the next answer."""
    async with bench(how, "ok") as b:
        await b.ask()
        await asyncio.sleep(0.08)
        assert b.pool.idle == 0
        assert await b.ask() == "complete"
        assert b.told == ["new", "new"]


@looped
async def test_a_fin_that_the_loop_has_not_seen_is_seen_before_use():
    """The loop is blocked while the FIN arrives; the socket still shows it."""
    async with bench("ok", "ok") as b:
        await b.ask()
        b.server.writers[0].transport.abort()
        await asyncio.sleep(0)
        assert b.pool.idle == 1
        assert b.pool.take() is None
        assert await b.ask() == "complete"
        assert b.told == ["new", "new"]


@pytest.mark.parametrize("how", ["fin", "rst"])
@looped
async def test_a_used_connection_that_dies_without_an_answer_is_tried_again(how):
    """Once, on a fresh connection (class 18); the answer is whole."""
    async with bench("ok", how, "ok") as b:
        await b.ask()
        assert await b.ask() == "complete"
        assert b.told == ["new", "reused", "again"]
        assert b.server.connections == 2


@pytest.mark.parametrize(("how", "kind"), [("fin", "truncated"), ("rst", "reset")])
@looped
async def test_a_second_death_is_the_answer(how, kind):
    """And a fresh connection that dies is never tried again by the pool."""
    async with bench("ok", how, how) as b:
        await b.ask()
        ending = await b.ask()
        assert ending in ("truncated", "reset")
        assert b.server.requests == 3
    async with bench(how) as b:
        assert await b.ask() in ("truncated", "reset")
        assert b.told == ["new"]


@looped
async def test_an_upstream_that_was_at_work_is_not_asked_again(monkeypatch):
    """A death long after the request is no stale connection (class 36)."""
    monkeypatch.setattr(pool_module, "_STALE_S", 0.02)
    async with bench("ok", "mute", "ok") as b:
        await b.ask()
        _, events, over = b.call()
        await asyncio.sleep(0.05)
        b.server.writers[0].transport.abort()
        await over.wait()
        assert events[-1][0] == "ended"
        assert b.told == ["new", "reused"]


@looped
async def test_a_call_that_is_closed_takes_its_connection_along():
    """At once, whatever phase it is in; nothing waits, nothing is delivered."""
    async with bench("ok", "mute", "mute") as b:
        await b.ask()
        for _ in range(2):
            call, events, _ = b.call()
            await asyncio.sleep(0.02)
            call.close()
            await asyncio.sleep(0.02)
            assert events == []
        assert b.pool.idle == 0
        assert b.told == ["new", "reused", "new"]


@looped
async def test_a_pause_holds_on_the_connection_that_is_tried_again():
    """A client that is blocked is not overrun by the second try."""
    async with bench("ok", "fin", "ok") as b:
        await b.ask()
        call, events, over = b.call()
        call.pause()
        await asyncio.sleep(0)
        call.resume()
        await over.wait()
        assert events[-1] == ("ended", "complete")


@looped
async def test_what_cannot_be_reached_is_refused_with_its_reason():
    """The reason is for the log, the kind for the relay."""
    async with bench() as b:
        dead = ConnectionPool(Origin.parse("http://127.0.0.1:1"))
        b.pool = dead
        assert await b.ask() == "refused"
        ((level, message, fields),) = b.reports
        assert (level, message) == ("warning", "upstream connection failed")
        assert fields["kind"] == "refused"
        assert "refused" in fields["reason"]


@looped
async def test_a_connection_that_comes_too_late_is_a_connect_timeout():
    """Another ending than refused: nobody said no."""
    async with bench() as b:

        async def never(*_args: Any, **_kwargs: Any) -> None:
            await asyncio.sleep(60)

        asyncio.get_running_loop().create_connection = never  # type: ignore[method-assign]
        assert await b.ask(connect_timeout_s=0.02) == "connect_timeout"
        assert b.reports[0][2]["reason"] == "not within 0.02 s"


@looped
async def test_a_pool_that_is_closed_keeps_nothing_any_more():
    """Answers may still be finished after it."""
    async with bench("ok") as b:
        _, _, over = b.call()
        b.pool.close()
        await over.wait()
        assert b.pool.idle == 0


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        (b"0\r\n\r\n", True),
        (b"1\r\nx\r\n0\r\n\r\n", True),
        (b"", False),
        (b"zz\r\n", False),
        (b"0\r\n\r\nx", False),
        (b"1ffff\r\n" + bytes(0x1FFFF) + b"\r\n0\r\n\r\n", False),
    ],
    ids=["terminator", "more", "silence", "junk", "surplus", "too-much"],
)
@looped
async def test_a_drained_answer_keeps_its_connection_where_it_ends_soon(rest, kept):
    """A few bytes after ``[DONE]``, and for a quarter of a second at most."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(CHUNKED)
        await asyncio.sleep(0.03)
        writer.write(rest)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    gone = asyncio.Event()
    async with bench() as b:
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        b.pool = ConnectionPool(Origin.parse(f"http://127.0.0.1:{port}"), size=1)
        call, events, _ = b.call()
        await asyncio.sleep(0.015)
        assert events[-1] == ("data", b"abc")
        told = len(events)
        call.drain()
        if kept:
            await asyncio.sleep(0.1)
        else:
            await asyncio.wait_for(gone.wait(), 0.4)
        assert b.pool.idle == kept
        assert len(events) == told
        await asyncio.sleep(0.3)
        assert b.pool.idle == kept
        b.pool.close()
        listener.close()
        await gone.wait()

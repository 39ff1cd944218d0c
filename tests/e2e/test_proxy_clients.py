"""Clients that leave, stop reading or read slowly, and what it does to the upstream.

Classes 7 (client gone), 13 (slow client) and 42 (half-closed) of
docs/design/failure-classes.md.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy import v1, v2
from proxy.rollout.config import DEFAULT_LIMITS
from tests.e2e.proxy_bench import (
    CHUNKED,
    FIN,
    HOLD,
    ONCE,
    RST,
    STREAM,
    TERMINATOR,
    Bench,
    Stopwatch,
    Upstream,
    bench,
    chunk,
    post,
    referee,
    reset,
    text,
)

pytestmark = pytest.mark.e2e

LIMIT_S = 0.1
"""How soon an upstream must be freed."""

REAL = {"v1": v1.make_relay, "v2": v2.make_relay}
SWITCH = {
    "v1": {"NEW_STREAMING_ROLLOUT_PERCENTAGE": "0"},
    "v2": {"NEW_STREAMING_ROLLOUT_PERCENTAGE": "100"},
}


def event(words: str) -> bytes:
    """One event with one delta."""
    choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


ONE, TWO = event("one"), event(" two")
FLOOD = [event("y" * 60_000 + f" {n}") for n in range(400)]
"""24 MB: more than kernel and proxy hold together."""

PHASES: dict[str, tuple[list[Any], bytes | None]] = {
    # what the upstream plays, and up to where the client reads
    "before-head": ([HOLD], None),
    "between-head-and-body": ([CHUNKED, HOLD], None),
    "in-the-first-event": ([CHUNKED, chunk(ONE[:20]), HOLD], None),
    "between-events": ([CHUNKED, chunk(ONE), chunk(TWO), HOLD], b"two"),
    "in-an-event": ([CHUNKED, chunk(ONE), chunk(TWO), chunk(ONE[:20]), HOLD], b"two"),
    "blocked-in-write": ([CHUNKED, *map(chunk, FLOOD), HOLD], b"y" * 100),
}


def leave(writer: asyncio.StreamWriter, how: str) -> None:
    """End the connection from the client's side."""
    if how == FIN:
        writer.close()
    elif how == RST:
        reset(writer)
    else:
        writer.write_eof()


async def gone_after(
    b: Bench, upstream: Upstream, until: bytes | None, how: str
) -> float:
    """Leave at a place; return the seconds until the upstream saw it."""
    reader, writer = await b.open()
    writer.write(post(STREAM))
    await upstream.asked.wait()
    if until is not None:
        await reader.readuntil(until)
    await asyncio.sleep(0.15)
    try:
        async with Stopwatch() as watch:
            leave(writer, how)
            # An upstream that writes notices by its write, one that waits by its read.
            await asyncio.wait_for(upstream.freed.wait(), 5)
    finally:
        writer.transport.abort()
    return watch.seconds


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("how", [FIN, RST, "half-close"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_client_that_leaves_frees_the_upstream_at_once(phase, how, version):
    """In every phase; closing the sending half alone counts as leaving (class 42)."""
    script, until = PHASES[phase]
    lag: list[float] = []

    async def scene(b: Bench, upstream: Upstream) -> None:
        lag.append(await gone_after(b, upstream, until, how))
        assert not [t for t in asyncio.all_tasks() if "_connect" in repr(t)]

    bench([script], scene, environ=SWITCH[version], relay=REAL)
    assert lag[0] < LIMIT_S


@pytest.mark.parametrize("how", [FIN, RST])
def test_a_client_that_leaves_while_a_retry_waits_ends_it(how):
    """Nobody is asked again for a client that is gone."""
    asked: list[int] = []

    class Again:
        """Waits after a failure, then tries again."""

        def __init__(self, *_: object) -> None:
            pass

        def handle(self, now_ns: int, told: tuple[Any, ...]) -> list[tuple[Any, ...]]:
            match told:
                case ("request", *_):
                    return [("connect", 1)]
                case ("ended", _):
                    return [("set_timer", "retry", now_ns + 200_000_000)]
                case ("timer", _):
                    return [("connect", 2)]
            return []

    async def scene(b: Bench, upstream: Upstream) -> None:
        _, writer = await b.open()
        writer.write(post(STREAM))
        await upstream.asked.wait()
        await asyncio.sleep(0.05)
        leave(writer, how)
        await asyncio.sleep(0.3)
        asked.append(len(upstream.requests))
        writer.transport.abort()

    bench([[RST]], scene, relay=Again)
    assert asked == [1]


@pytest.mark.parametrize("how", [FIN, RST, "half-close"])
def test_a_client_that_sent_too_much_and_leaves_is_noticed_too(how):
    """Its FIN waits behind bytes that nobody reads; the upstream is still freed."""
    lag: list[float] = []
    more = b"GET /v1/x HTTP/1.1\r\nHost: p\r\n\r\n"

    async def scene(b: Bench, upstream: Upstream) -> None:
        _, writer = await b.open()
        writer.write(post(STREAM))
        await upstream.asked.wait()
        writer.write(more * (80_000 // len(more)))
        (client,) = b.proxy._clients
        while client._transport.is_reading():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.005)
        # Little enough for the receive window: a FIN behind bytes that do not fit
        # stays with the client's kernel, and nobody could see it.
        writer.write(more * 200)
        await asyncio.sleep(0.05)
        async with Stopwatch() as watch:
            leave(writer, how)
            await asyncio.wait_for(upstream.freed.wait(), 5)
        lag.append(watch.seconds)
        writer.transport.abort()

    bench([[CHUNKED, HOLD]], scene, environ=SWITCH["v2"], relay=REAL)
    assert lag[0] < LIMIT_S


@pytest.mark.parametrize("how", [FIN, RST])
def test_a_client_that_leaves_while_v2_waits_to_try_again_ends_it(how):
    """The real relay, between its first attempt and its second."""
    asked: list[int] = []
    slow = {"STREAMING_RETRY_BACKOFF_MS": "300", **SWITCH["v2"]}

    async def scene(b: Bench, upstream: Upstream) -> None:
        for leaves in (True, False):
            _, writer = await b.open()
            writer.write(post(STREAM))
            await upstream.asked.wait()
            await asyncio.sleep(0.1)
            if leaves:
                leave(writer, how)
            await asyncio.sleep(0.5)
            asked.append(len(upstream.requests))
            writer.transport.abort()

    bench([[RST]], scene, environ=slow, relay=REAL)
    # No retry for the client that left; two for the one that stayed.
    assert asked == [1, 3]


def test_fifty_clients_that_leave_free_fifty_upstreams():
    """At the same time, in different phases."""

    async def scene(b: Bench, upstream: Upstream) -> None:
        writers = []
        for _ in range(50):
            reader, writer = await b.open()
            writer.write(post(STREAM))
            await reader.readuntil(b"one")
            writers.append(writer)
        assert len(upstream.writers) == 50
        async with Stopwatch() as watch:
            for number, writer in enumerate(writers):
                leave(writer, (FIN, RST)[number % 2])
            while upstream.open:  # noqa: ASYNC110 - polled: there are fifty of them
                await asyncio.sleep(0.005)
        assert watch.seconds < 2.5 * LIMIT_S
        assert b.proxy._pool.idle == 0

    bench([[CHUNKED, chunk(ONE), chunk(TWO), HOLD]], scene, environ=SWITCH["v2"])


def test_two_hundred_aborts_with_a_small_pool_leak_nothing():
    """Class 18: the pool has room for four, and serves immediately afterwards."""

    async def scene(b: Bench, upstream: Upstream) -> None:
        for round_ in range(20):
            pairs = [await b.open() for _ in range(10)]
            for _, writer in pairs:
                writer.write(post(STREAM))
            for number, (reader, writer) in enumerate(pairs):
                if number % 2:
                    await reader.readuntil(b"one")
                leave(writer, (FIN, RST)[(number + round_) % 2])
        await asyncio.sleep(0.2)
        assert upstream.open == 0
        assert b.proxy._pool.idle == 0
        assert len(b.proxy._clients) == 0
        upstream.scripts = [
            [CHUNKED, chunk(ONE), chunk(b"data: [DONE]\n\n"), TERMINATOR, HOLD]
        ]
        for _ in range(3):
            answer, _ = await asyncio.wait_for(b.ask(post(STREAM, extra=ONCE)), 1)
            assert b"[DONE]" in answer

    bench(
        [[CHUNKED, chunk(ONE), chunk(TWO), HOLD]],
        scene,
        environ=SWITCH["v2"],
        relay=REAL,
        limits=replace(DEFAULT_LIMITS, pool_size=4),
    )


async def stalled(b: Bench) -> tuple[Callable[[], Any], socket.socket]:
    """Connect a client with a small buffer that does not read yet."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", b.port))
    await loop.sock_sendall(sock, post(STREAM, extra=ONCE))
    return (lambda: loop.sock_recv(sock, 1 << 20)), sock


async def settled(upstream: Upstream) -> int:
    """Wait until the upstream cannot write any more; return what it wrote."""
    before = -1
    while upstream.written != before:
        before = upstream.written
        await asyncio.sleep(0.2)
    return before


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_client_that_does_not_read_bounds_what_the_proxy_holds(version):
    """The buffer stays small while it waits; nothing is lost or doubled after it."""
    held: list[int] = []

    async def scene(b: Bench, upstream: Upstream) -> None:
        receive, sock = await stalled(b)
        wrote = await settled(upstream)
        assert wrote < len(b"".join(FLOOD)) * 0.7
        (client,) = b.proxy._clients
        held.append(client._transport.get_write_buffer_size())
        received = bytearray()
        while data := await receive():
            received += data
        sock.close()
        body = text(referee(bytes(received)))
        assert body == b"".join(FLOOD) + b"data: [DONE]\n\n"

    script = [CHUNKED, *map(chunk, FLOOD), chunk(b"data: [DONE]\n\n"), TERMINATOR, HOLD]
    bench([script], scene, environ=SWITCH[version], relay=REAL)
    # asyncio's mark of 64 KiB, and what one read of 256 KiB can add to it.
    assert held[0] < 700_000


def test_a_slow_reader_gets_everything_and_slows_nobody_else():
    """Another stream continues while one is blocked."""
    quick: list[float] = []

    async def scene(b: Bench, upstream: Upstream) -> None:
        _, sock = await stalled(b)
        await settled(upstream)
        upstream.scripts = [[CHUNKED, chunk(ONE), chunk(TWO), TERMINATOR, HOLD]]
        for _ in range(20):
            async with Stopwatch() as watch:
                await b.ask(post(STREAM, extra=ONCE))
            quick.append(watch.seconds)
        sock.close()

    bench([[CHUNKED, *map(chunk, FLOOD), HOLD]], scene, environ=SWITCH["v2"])
    assert sorted(quick)[10] < 0.05


def test_a_client_that_never_reads_again_is_cut_off(caplog):
    """After the write limit the upstream is free and the connection is gone."""
    took: list[float] = []

    async def scene(b: Bench, upstream: Upstream) -> None:
        _, sock = await stalled(b)
        started = time.monotonic()
        await asyncio.wait_for(upstream.freed.wait(), 5)
        took.append(time.monotonic() - started)
        assert len(b.proxy._clients) == 0
        sock.close()

    with caplog.at_level(logging.INFO, logger="proxy"):
        bench(
            [[CHUNKED, *map(chunk, FLOOD), HOLD]],
            scene,
            environ=SWITCH["v2"],
            limits=replace(DEFAULT_LIMITS, write_s=0.3),
        )
    assert 0.25 < took[0] < 5

"""The clients of a bench: many streams at the same time, read as they arrive.

Only what a bench needs is judged: that every event arrived, once and in order, when the
first one did, and how old each was when it was read.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

from harness.bench.workload import MARK, REQUEST, Workload
from harness.cassette.model import Headers
from harness.dialects.registry import OPENAI_CHAT

__all__ = ["LoadResult", "run_load"]

_END = OPENAI_CHAT.end.encode()

_CONNECTS_AT_ONCE = 64
"""Connections that are made at the same time: a listen queue is not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What all streams of a load brought.

    Attributes:
        events: Text deltas that arrived.
        lost: Text deltas that were missing, repeated or out of order.
        unfinished: Streams without a whole answer that ends in ``[DONE]``.
        wall_ns: From the first request to the last byte.
        ttft_ns: For every stream, from its request to its first text.
        delay_ns: For every event, its age when it was read.
        headers: Header lines of the first answer, names in lower case.
    """

    events: int
    lost: int
    unfinished: int
    wall_ns: int
    ttft_ns: Sequence[int]
    delay_ns: Sequence[int]
    headers: Sequence[tuple[bytes, bytes]]


class _Stream(asyncio.Protocol):
    def __init__(self, request: bytes, over: asyncio.Future[None]) -> None:
        self._request = request
        self._over = over
        self._parser = httptools.HttpResponseParser(self)
        self._tail = b""
        self._now_ns = 0
        self._transport: asyncio.Transport | None = None
        self.sent_ns = 0
        self.first_ns = 0
        self.expected = 0
        self.wrong = 0
        self.done = False
        self.whole = False
        self.delay_ns = array("q")
        self.headers: list[tuple[bytes, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def begin(self) -> None:
        """Send the request."""
        self.sent_ns = time.monotonic_ns()
        if self._transport is not None:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._now_ns = time.monotonic_ns()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._finish()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; httptools calls this."""
        self.headers.append((name.lower(), value))

    def on_body(self, data: bytes) -> None:
        """Read a part of the body; httptools calls this."""
        text = self._tail + data if self._tail else data
        end = 0
        for found in MARK.finditer(text):
            end = found.end()
            self.delay_ns.append(self._now_ns - int(found[2]))
            self.wrong += int(found[1]) != self.expected
            self.expected = int(found[1]) + 1
        self._tail = text[end:]
        if not self.first_ns and self.expected:
            self.first_ns = self._now_ns
        if _END in self._tail:
            self.done = True

    def on_message_complete(self) -> None:
        """Take note that the answer is whole; httptools calls this."""
        self.whole = True
        self._finish()

    def _finish(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()


async def run_load(
    url: str, workload: Workload, headers: Headers = (), *, deadline_s: float
) -> LoadResult:
    """Request all streams of a load and read them to their ends.

    Args:
        url: Where the target listens.
        workload: Number of streams, and what each should bring.
        headers: Sent with every request.
        deadline_s: A stream that has not ended by then counts as unfinished.
    """
    parts = urlsplit(url)
    request = _request(parts.netloc, parts.path, headers)
    loop = asyncio.get_running_loop()
    streams: list[_Stream] = []
    places = asyncio.Semaphore(_CONNECTS_AT_ONCE)

    async def connect() -> None:
        over: asyncio.Future[None] = loop.create_future()
        stream = _Stream(request, over)
        async with places:
            await loop.create_connection(
                lambda: stream, parts.hostname or "", parts.port or 80
            )
        streams.append(stream)
        overs.append(over)

    overs: list[asyncio.Future[None]] = []
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workload.streams):
                group.create_task(connect())
        start_ns = time.monotonic_ns()
        for stream in streams:
            stream.begin()
        await asyncio.wait(overs, timeout=deadline_s)
        wall_ns = time.monotonic_ns() - start_ns
    finally:
        for stream in streams:
            stream.close()
    return _load_result(streams, workload, wall_ns)


def _load_result(
    streams: list[_Stream], workload: Workload, wall_ns: int
) -> LoadResult:
    delays = array("q")
    for stream in streams:
        delays.extend(stream.delay_ns)
    begun = [stream for stream in streams if stream.first_ns]
    missing = workload.total - len(delays)
    wrong = sum(stream.wrong for stream in streams)
    return LoadResult(
        events=len(delays),
        lost=max(missing, 0) + wrong,
        unfinished=sum(not (stream.done and stream.whole) for stream in streams),
        wall_ns=wall_ns,
        ttft_ns=[stream.first_ns - stream.sent_ns for stream in begun],
        delay_ns=delays,
        headers=streams[0].headers if streams else (),
    )


def _request(host: str, base: str, headers: Headers) -> bytes:
    lines = [
        f"POST {base.rstrip('/')}{OPENAI_CHAT.path} HTTP/1.1",
        f"host: {host}",
        "content-type: application/json",
        f"content-length: {len(REQUEST)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + REQUEST

"""Stamps the bytes of a connection at the moment at which the loop reads them.

Every read is kept raw, with its time, and judged by our own reader: nothing is between
the socket and the stamp. Until the head of the answer is whole, the bytes also go to
the client library that wrote the request (`httpx_backend`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.cassette.model import Framing
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.response_reader import ResponseReader
from harness.play.sockets import close_with_fin, reset
from harness.scenario.model import AbortHow, ClientPlan
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser

__all__ = ["StampedConnection"]


class StampedConnection(asyncio.Protocol):
    """A connection of a client that keeps every read with its time.

    Args:
        reader: Judges the answer.
        clock: Monotonic nanoseconds.
        plan: What the client does; None: it reads to the end.

    Attributes:
        raw: Every read, with its time.
        sent_at_ns: When the kernel had the last byte of the request.
        left_at_ns: When the client left, as planned; None: it did not.
        body_length: Bytes of the body so far.
        reused: True where the connection had served another exchange before.
        sent: Done when the whole request was sent.
        over: Done when the answer ended, or the client left.
    """

    def __init__(
        self,
        reader: ResponseReader,
        *,
        clock: Callable[[], int],
        plan: ClientPlan | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.reader = reader
        self.raw: list[tuple[int, bytes]] = []
        self.sent_at_ns: int | None = None
        self.left_at_ns: int | None = None
        self.sent: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self.transport: asyncio.Transport | None = None
        self.body_length = 0
        self.reused = False
        self._clock = clock
        self._plan = plan or ClientPlan()
        self._abort = self._plan.abort
        self._events = 0
        self._half_closed = False
        self._parser = EventStreamParser()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._writable = asyncio.Event()
        self._writable.set()
        self._unread: bytearray | None = bytearray()
        self._readable = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is TCP
        self.transport = transport
        transport.set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        now_ns = self._clock()
        if self.over.done():
            return
        self.raw.append((now_ns, data))
        self._count(self.reader.feed(now_ns, data))
        if self._unread is not None:
            self._unread += data
            self._readable.set()
        if self.reader.end is not None:
            self._finish()
        elif self._has_read_enough():
            self.leave()

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport closes itself after it."""
        self.reader.feed_eof(self._clock())
        self._readable.set()
        self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        if not self.over.done():
            # Without an error it was closed by this side, and the plan knows why.
            if exc is not None:
                self.reader.feed_reset(self._clock())
            self._finish()
        self._readable.set()
        self._writable.set()
        if not self._closed.done():
            self._closed.set_result(None)

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._writable.set()

    def leave(self) -> None:
        """Close the connection as the plan says, unless the answer is over."""
        if self.over.done() or self.transport is None:
            return
        how = AbortHow.RST if self._abort is None else self._abort.how
        if how is AbortHow.HALF_CLOSE:
            if not self._half_closed:
                self._half_closed = True
                self.transport.write_eof()
            return
        self.left_at_ns = self._clock()
        self._finish()
        if how is AbortHow.RST:
            reset(self.transport)
        else:
            close_with_fin(self.transport)

    @property
    def has_head(self) -> bool:
        """Whether the head of the answer is complete."""
        return self.reader.head_at_ns is not None

    @property
    def plan(self) -> ClientPlan:
        """What the client does."""
        return self._plan

    def can_be_kept(self) -> bool:
        """Whether another request may follow on the connection (RFC 9112, 9.3)."""
        reader = self.reader
        says_close = any(
            name.lower() == b"connection" and b"close" in value.lower()
            for name, value in reader.headers
        )
        return (
            self.transport is not None
            and not self.transport.is_closing()
            and not self._half_closed
            and reader.end is ClientEnd.COMPLETE
            and reader.http_version == "HTTP/1.1"
            and reader.framing is not Framing.CLOSE
            and not reader.surplus
            and not says_close
        )

    async def close(self) -> None:
        """Close what is still open, and wait until the socket is free."""
        if self.transport is not None:
            self.transport.close()
            await self._closed

    async def send(self, data: bytes) -> None:
        """Send a part of the request; return when the kernel has it.

        Raises:
            BrokenPipeError: The connection is closed.
        """
        if self.transport is None or self.transport.is_closing():
            raise BrokenPipeError("the connection is closed")
        self.transport.write(data)
        await self._writable.wait()
        self.sent_at_ns = self._clock()

    async def read(self, at_most: int) -> bytes:
        """Return bytes for the parser of the client library; ``b""`` at the end.

        Raises:
            ConnectionResetError: The connection was reset.
        """
        if not self.sent.done():
            self.sent.set_result(None)
        while not self._unread and not self.over.done():
            self._readable.clear()
            await self._readable.wait()
        if self._unread:
            data = bytes(self._unread[:at_most])
            del self._unread[: len(data)]
            return data
        if self.reader.end is ClientEnd.RESET or self.left_at_ns is not None:
            raise ConnectionResetError("the connection was reset")
        return b""

    def stop_buffering(self) -> None:
        """Keep no more bytes for `read`: the client library has the head."""
        self._unread = None

    def _count(self, pieces: list[bytes]) -> None:
        self.body_length += sum(map(len, pieces))
        if self._abort is not None and self._abort.after_events is not None:
            for piece in pieces:
                found = self._parser.feed(piece)
                self._events += sum(isinstance(e, ServerSentEvent) for e in found)

    def _has_read_enough(self) -> bool:
        abort = self._abort
        if abort is None or not self.has_head:
            return False
        if abort.after_events is not None:
            return self._events >= abort.after_events
        return abort.after_bytes is not None and self.body_length >= abort.after_bytes

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)
        self._readable.set()

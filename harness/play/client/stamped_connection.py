"""Stamps what a connection brings, at the moment at which the loop reads it.

`Tape` keeps every read of one connection raw, with its time, and has it judged by our
own reader. `TapedTransport` puts it under httpx, which writes the request and reads the
head of the answer as a client of our users would; from then on nothing stands between
the socket and the tape.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpcore
import httpx

from harness.cassette.model import Framing
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.response_reader import ResponseReader
from harness.play.client.throttle import Sipping
from harness.play.upstream.script_player import reset
from harness.scenario.client import AbortHow, ClientPlan
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser

__all__ = ["Line", "Tape", "TapedTransport"]


class Tape(asyncio.Protocol):
    """What one connection brought, and when.

    Args:
        reader: Judges the answer.
        clock: Monotonic nanoseconds.
        plan: What the client does; None: it reads to the end.

    Attributes:
        reader: As given.
        raw: Every read, with its time.
        sent_at_ns: When the last byte of the request was handed to the kernel.
        left_at_ns: When the client left, as its plan said; None: it did not.
        body_length: Bytes of the body so far.
        reused: True where the connection had served another exchange before.
        sent: Done when the request was sent whole.
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
            _send_fin(self.transport)

    @property
    def head_came(self) -> bool:
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
        """Send a part of the request; return when the kernel took it.

        Raises:
            httpcore.WriteError: The connection is closed.
        """
        if self.transport is None or self.transport.is_closing():
            raise httpcore.WriteError("the connection is closed")
        self.transport.write(data)
        await self._writable.wait()
        self.sent_at_ns = self._clock()

    async def read(self, at_most: int) -> bytes:
        """Return bytes for the parser of httpx; ``b""`` at the end.

        Raises:
            httpcore.ReadError: The connection was reset.
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
            raise httpcore.ReadError("the connection was reset")
        return b""

    def forget_unread(self) -> None:
        """Keep no bytes for httpx any more: it has read the head."""
        self._unread = None

    def _count(self, pieces: list[bytes]) -> None:
        self.body_length += sum(map(len, pieces))
        if self._abort is not None and self._abort.after_events is not None:
            for piece in pieces:
                found = self._parser.feed(piece)
                self._events += sum(isinstance(e, ServerSentEvent) for e in found)

    def _has_read_enough(self) -> bool:
        abort = self._abort
        if abort is None or not self.head_came:
            return False
        if abort.after_events is not None:
            return self._events >= abort.after_events
        return abort.after_bytes is not None and self.body_length >= abort.after_bytes

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)
        self._readable.set()


def _send_fin(transport: asyncio.Transport) -> None:
    """Close with FIN.

    A socket that is closed while bytes wait to be read sends RST (RFC 2525, section
    2.17), so they are read first. The loop's own socket object cannot be read from.
    """
    connection = transport.get_extra_info("socket")
    with socket.socket(fileno=os.dup(connection.fileno())) as twin:
        try:
            while twin.recv(1 << 16, socket.MSG_DONTWAIT):
                pass
            twin.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # nothing more to read, or the peer is gone already
    transport.close()


class _TapedStream(httpcore.AsyncNetworkStream):
    """A tape as httpcore wants to see a connection."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - httpcore's signature; `fetch` has the deadline
        return await self._tape.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - as above
        if buffer:
            await self._tape.send(buffer)

    async def aclose(self) -> None:
        """Leave the connection open: what the tape hears is not over yet."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - as above
    ) -> httpcore.AsyncNetworkStream:
        if self._tape.plan.read is not None:
            raise httpcore.ConnectError("a client that reads slowly speaks no TLS here")
        plain = self._tape.transport
        assert plain is not None  # noqa: S101 - connect_tcp has set it
        try:
            secure = await asyncio.get_running_loop().start_tls(
                plain, self._tape, ssl_context, server_hostname=server_hostname
            )
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        assert isinstance(secure, asyncio.Transport)  # noqa: S101 - as the plain one
        secure.set_write_buffer_limits(high=0)
        self._tape.transport = secure
        return self

    def get_extra_info(self, info: str) -> Any:
        transport = self._tape.transport
        if info == "ssl_object" and transport is not None:
            return transport.get_extra_info("ssl_object")
        return None


class Line:
    """A client's connection that may serve one exchange after another.

    Attributes:
        reused: Whether the last exchange had the connection of the one before.
    """

    def __init__(self) -> None:
        self.reused = False
        self._parked: asyncio.Transport | None = None

    def park(self, tape: Tape) -> bool:
        """Keep the connection of a tape, where it allows another exchange."""
        if not tape.can_be_kept():
            return False
        assert tape.transport is not None  # noqa: S101 - `can_be_kept` asked
        self._parked = tape.transport
        tape.transport.set_protocol(_Idle())
        return True

    def take(self) -> asyncio.Transport | None:
        """Return the kept connection, unless its peer closed it meanwhile."""
        parked, self._parked = self._parked, None
        self.reused = parked is not None and not parked.is_closing()
        return parked if self.reused else None

    def close(self) -> None:
        """Close what is kept."""
        if self._parked is not None:
            self._parked.close()
            self._parked = None


class _Idle(asyncio.Protocol):
    """Waits between two exchanges; asyncio closes the transport where the peer does."""


class _TapedBackend(httpcore.AsyncNetworkBackend):
    """Connects one tape, once."""

    def __init__(self, tape: Tape, line: Line | None) -> None:
        self._tape = tape
        self._line = line

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - as above
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        kept = self._line.take() if self._line is not None else None
        if kept is not None:
            protocol = self._protocol()
            kept.set_protocol(protocol)
            protocol.connection_made(kept)
            self._tape.reused = True
            return _TapedStream(self._tape)
        loop = asyncio.get_running_loop()
        try:
            if self._tape.plan.receive_buffer is None:
                await loop.create_connection(self._protocol, host, port)
            else:
                connected = await self._small_socket(loop, host, port)
                await loop.create_connection(self._protocol, sock=connected)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return _TapedStream(self._tape)

    def _protocol(self) -> asyncio.BaseProtocol:
        read = self._tape.plan.read
        return self._tape if read is None else Sipping(self._tape, read)

    async def _small_socket(
        self, loop: asyncio.AbstractEventLoop, host: str, port: int
    ) -> socket.socket:
        """Connect a socket whose buffer was made small before: later is too late."""
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, self._tape.plan.receive_buffer or 0
            )
            await loop.sock_connect(connecting, address)
        except BaseException:
            connecting.close()
            raise
        return connecting

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Body(httpx.AsyncByteStream):
    """The rest of the answer, which nobody reads through httpx."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


class TapedTransport(httpx.AsyncBaseTransport):
    """Sends a request of httpx on a connection that is taped.

    Args:
        tape: Gets what comes.
        line: A connection to go on with, where it has one; None: a fresh one.
    """

    def __init__(self, tape: Tape, line: Line | None = None) -> None:
        backend = _TapedBackend(tape, line)
        self._pool = httpcore.AsyncConnectionPool(network_backend=backend)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        response = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """See `httpx.AsyncBaseTransport`."""
        await self._pool.aclose()

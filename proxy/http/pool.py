"""The pool of connections to the upstream that are kept between exchanges.

Every exchange has its own connection while it lasts, one per stream; the limit is for
connections that wait for another exchange. Whether a connection may be kept is decided
at the end of its answer (:mod:`proxy.http.upstream_connection`). While it waits it must
stay silent: a byte, a FIN or a reset removes it.

An upstream may close a waiting connection just as the next request is sent. That is
checked before a connection is used. If it still happens, before any byte of an answer
and within a second, the exchange is tried once more on a fresh connection. After that
time the upstream was working on the request, and would receive it twice.
"""

from __future__ import annotations

import asyncio
import os
import select
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Literal

from proxy.http.origin import Origin
from proxy.http.upstream_connection import Deliver, UpstreamConnection

__all__ = ["ConnectionPool", "UpstreamAttempt", "WriteLog"]

WriteLog = Callable[[str, str, Mapping[str, Any]], None]
"""Writes a line of the log: level, message, fields."""

_STALE_S = 1.0
"""A dead connection shows within a round trip."""

_DRAIN_S = 0.25
_DRAIN_BYTES = 64 * 1024
"""The limit of the rest of an answer that a relay knows to be whole."""

_PROMISE_MARGIN_S = 0.5
"""The part of an upstream's promise to keep a connection that is not used."""


class ConnectionPool:
    """The connections to one origin.

    Args:
        tls: How to check the certificate, if the origin uses TLS.
        size: How many connections may wait; 0 keeps none.
        idle_s: Seconds that one may wait.
        count: Called with the kind of each exchange's connection: ``new``, ``reused``,
            or ``again`` if a reused one was dead.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        tls: ssl.SSLContext | None = None,
        size: int = 0,
        idle_s: float = 15.0,
        count: Callable[[str], None] = lambda _how: None,
    ) -> None:
        self.origin = origin
        self.tls = tls
        self.count = count
        self._size = size
        self._idle_s = idle_s
        self._idle: dict[_IdleConnection, None] = {}
        self._draining: set[UpstreamAttempt] = set()
        self._closed = False

    @property
    def idle(self) -> int:
        """The number of waiting connections."""
        return len(self._idle)

    @property
    def keeps(self) -> bool:
        """Whether a connection may be kept."""
        return self._size > 0 and not self._closed

    def take(self) -> asyncio.Transport | None:
        """Return the connection that waited least; None if there is none."""
        while self._idle:
            connection, _ = self._idle.popitem()
            transport = connection.leave()
            if not transport.is_closing() and not _readable(transport):
                return transport
            transport.abort()
        return None

    def give(self, transport: asyncio.Transport, promised_s: float | None) -> None:
        """Keep a connection for another exchange, or close it.

        Args:
            transport: The connection, without an exchange in progress.
            promised_s: Seconds for which the upstream promised to keep it, if known.
        """
        idle_s = self._idle_s
        if promised_s is not None:
            idle_s = min(idle_s, promised_s - _PROMISE_MARGIN_S)
        if not self.keeps or idle_s <= 0:
            transport.abort()
            return
        if len(self._idle) >= self._size:
            oldest = next(iter(self._idle))
            self._drop(oldest)
        connection = _IdleConnection(transport, self._drop)
        self._idle[connection] = None
        transport.set_protocol(connection)
        connection.expire_in(idle_s)

    def close(self) -> None:
        """Close all waiting connections, and keep none from now on."""
        self._closed = True
        for connection in tuple(self._idle):
            self._drop(connection)
        for attempt in tuple(self._draining):
            self._drained(attempt)

    def drain(self, attempt: UpstreamAttempt) -> None:
        """Read an answer to its end, for a limited time."""
        self._draining.add(attempt)
        asyncio.get_running_loop().call_later(_DRAIN_S, self._drained, attempt)

    def _drained(self, attempt: UpstreamAttempt) -> None:
        if attempt in self._draining:
            self._draining.discard(attempt)
            attempt.close()

    def _drop(self, connection: _IdleConnection) -> None:
        self._idle.pop(connection, None)
        connection.leave().abort()


class _IdleConnection(asyncio.Protocol):
    """A waiting connection; any byte or close removes it."""

    __slots__ = (
        "_drop",
        "_timer",
        "_transport",
    )

    def __init__(
        self, transport: asyncio.Transport, drop: Callable[[_IdleConnection], None]
    ) -> None:
        self._transport = transport
        self._drop = drop
        self._timer: asyncio.TimerHandle | None = None

    def expire_in(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(delay_s, self._drop, self)

    def leave(self) -> asyncio.Transport:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return self._transport

    def data_received(self, data: bytes) -> None:
        del data
        self._drop(self)

    def eof_received(self) -> None:
        self._drop(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._drop(self)


class UpstreamAttempt:
    """An attempt to get an answer: it finds a connection, and then controls it.

    Args:
        pool: Lends and takes back connections.
        request: The bytes to send.
        deliver: Called once per turn with the events of that turn.
        no_body: Whether the answer has no body, whatever its head says.
        decode: Whether to decode a compressed event stream.
        connect_timeout_s: Limit of a connection attempt, in seconds.
        write_log: Called with the reason of a failed connection attempt.
    """

    __slots__ = (
        "_closed",
        "_connect_timeout_s",
        "_decode",
        "_deliver",
        "_no_body",
        "_paused",
        "_pool",
        "_protocol",
        "_request",
        "_task",
        "_used_at_s",
        "_write_log",
    )

    def __init__(  # noqa: PLR0913 - all it touches is handed in
        self,
        pool: ConnectionPool,
        request: bytes,
        deliver: Deliver,
        *,
        no_body: bool,
        decode: bool,
        connect_timeout_s: float,
        write_log: WriteLog,
    ) -> None:
        self._pool = pool
        self._request = request
        self._deliver = deliver
        self._no_body = no_body
        self._decode = decode
        self._connect_timeout_s = connect_timeout_s
        self._write_log = write_log
        self._task: asyncio.Task[None] | None = None
        self._paused = False
        self._closed = False
        transport = pool.take()
        if transport is None:
            pool.count("new")
            self._protocol = self._fresh()
            return
        pool.count("reused")
        self._used_at_s = asyncio.get_running_loop().time()
        self._protocol = self._make(stale=self._stale)
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(transport)

    def close(self) -> None:
        """Close immediately, also while connecting; nothing more is delivered."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        self._protocol.close()

    def drain(self) -> None:
        """Read the rest of a whole answer, to keep its connection.

        The terminator is often in a segment of its own after ``[DONE]``. An upstream
        that sends much more, or does not end, is closed.
        """
        if self._pool.keeps and self._protocol.drain(_DRAIN_BYTES):
            self._pool.drain(self)
        else:
            self.close()

    def pause(self) -> None:
        """Stop reading."""
        self._paused = True
        self._protocol.pause()

    def resume(self) -> None:
        """Continue reading."""
        self._paused = False
        self._protocol.resume()

    def _make(self, stale: Callable[[], bool] | None = None) -> UpstreamConnection:
        return UpstreamConnection(
            self._request,
            self._deliver,
            no_body=self._no_body,
            decode=self._decode,
            release=self._pool.give,
            stale=stale,
        )

    def _fresh(self) -> UpstreamConnection:
        protocol = self._make()
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._connect(loop, protocol))
        return protocol

    def _stale(self) -> bool:
        """Continue on a fresh connection, if the reused one was dead from the start."""
        waited_s = asyncio.get_running_loop().time() - self._used_at_s
        if self._closed or waited_s > _STALE_S:
            return False
        self._pool.count("again")
        self._write_log(
            "debug", "upstream connection was stale, trying a fresh one", {}
        )
        self._protocol = self._fresh()
        if self._paused:
            self._protocol.pause()
        return True

    async def _connect(
        self, loop: asyncio.AbstractEventLoop, protocol: UpstreamConnection
    ) -> None:
        origin = self._pool.origin
        kind: Literal["refused", "connect_timeout"] = "refused"
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await loop.create_connection(
                    lambda: protocol, origin.host, origin.port, ssl=self._pool.tls
                )
        except TimeoutError:
            kind, reason = (
                "connect_timeout",
                f"not within {self._connect_timeout_s:g} s",
            )
        except ssl.SSLCertVerificationError as error:
            reason = f"certificate refused: {error.verify_message}"
        except (OSError, UnicodeError) as error:
            # Also an unknown or invalid name.
            reason = str(error)
            if isinstance(error, ConnectionError) and error.errno:
                reason = os.strerror(error.errno).lower()
        else:
            return
        finally:
            # A stream may last for hours; the task that connected it need not.
            self._task = None
        self._write_log(
            "warning",
            "upstream connection failed",
            {"to": origin.authority, "kind": kind, "reason": reason},
        )
        protocol.fail(kind)


def _readable(transport: asyncio.Transport) -> bool:
    """Tell whether there is something unread: a FIN, or stray bytes."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))

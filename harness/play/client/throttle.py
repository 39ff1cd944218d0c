"""A client that reads slowly, or pauses, on a real socket: reads are bounded.

Unread bytes wait in the kernel, so TCP itself holds up the peer.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from harness.scenario.model import READ_EVERY_NS, ReadPlan
from harness.units import NS_PER_S

__all__ = ["CountingProtocol", "ThrottledReader"]

_READ_MAX = 1 << 16


class CountingProtocol(Protocol):
    """A protocol of asyncio that counts the bytes of the body that it read."""

    @property
    def body_length(self) -> int:
        """Bytes of the body so far."""

    @property
    def has_head(self) -> bool:
        """Whether the head of the answer is complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""


class ThrottledReader(asyncio.BufferedProtocol):
    """A protocol that reads for another one, no more than a plan allows.

    Args:
        inner: Receives the bytes.
        plan: How fast to read, or when to pause.
    """

    def __init__(self, inner: CountingProtocol, plan: ReadPlan) -> None:
        self._inner = inner
        self._pause = plan.pause
        self._has_rate = plan.bytes_per_s is not None
        self._transport: asyncio.Transport
        self._asleep: asyncio.TimerHandle | None = None
        self._buffer = bytearray(min(plan.bytes_per_read or _READ_MAX, _READ_MAX))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is TCP
        self._transport = transport
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol`."""
        if self._asleep is not None:
            self._asleep.cancel()
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._inner.resume_writing()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's
        """See `asyncio.BufferedProtocol`: as much as one read may bring."""
        size = len(self._buffer)
        if self._pause is not None:
            # Byte by byte near the pause would be exact, but slow; a KiB is enough.
            left = self._pause.after_bytes - self._inner.body_length
            size = max(1, min(size, max(left, 1024)))
        return memoryview(self._buffer)[:size]

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        self._inner.data_received(bytes(self._buffer[:nbytes]))
        if self._transport.is_closing():
            return
        if self._has_rate:
            self._sleep(READ_EVERY_NS / NS_PER_S)
        elif (
            self._pause is not None
            and self._inner.body_length >= self._pause.after_bytes
            and self._inner.has_head
        ):
            for_ms, self._pause = self._pause.for_ms, None
            self._sleep(None if for_ms is None else for_ms / 1000)

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport closes itself after it."""
        self._inner.eof_received()

    def _sleep(self, seconds: float | None) -> None:
        self._transport.pause_reading()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._asleep = loop.call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._asleep = None
        if not self._transport.is_closing():
            self._transport.resume_reading()

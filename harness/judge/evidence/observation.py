"""The observation: everything that both ends saw of one stream through one target.

All times are integer nanoseconds on one clock; zero is when the client had sent its
request. Live, the clock is CLOCK_MONOTONIC of the one process that is both client and
upstream; in virtual time it is the simulated clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ClientEnd", "Observation", "UpstreamRequest"]


class ClientEnd(StrEnum):
    """How the answer ended on the client's wire."""

    COMPLETE = "complete"
    """The framing was completed; for a close-delimited body, FIN."""

    TRUNCATED = "truncated"
    """FIN before the framing said so, or before a head."""

    RESET = "reset"
    """RST."""

    PROTOCOL_ERROR = "protocol_error"
    """Bytes that are not HTTP, or a broken transfer chunk."""

    REFUSED = "refused"
    """The target refused the connection."""

    TIMEOUT = "timeout"
    """Still open when the client's deadline passed."""

    CLIENT_CLOSED = "client_closed"
    """The client left, as planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamRequest:
    """One request that the target made, and what the upstream did with it.

    Attributes:
        at_ns: When its head was complete.
        path: The request target.
        sent: For every write, its time and the body bytes written so far.
        lateness_ns: For every write, actual minus planned time.
        finished: True when the whole script was performed.
        closed_at_ns: When the target closed the connection while the script still
            ran or stalled; None: it did not.
        taken: As ``sent``, with the time at which the target took the bytes, which is
            later where it did not read; kept only where the client reads slowly.
        played: Index of the script's draft that it got.
    """

    at_ns: int
    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    sent: tuple[tuple[int, int], ...]
    lateness_ns: tuple[int, ...]
    finished: bool
    closed_at_ns: int | None
    taken: tuple[tuple[int, int], ...] = ()
    played: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One stream through one target.

    Attributes:
        target: Name of the target.
        virtual: True where a relay was driven by the simulated clock.
        status: HTTP status; None: no head arrived.
        http_version: ``HTTP/1.1`` or ``HTTP/1.0``; None: no head arrived.
        headers: Header lines as they arrived.
        head_at_ns: When the head was complete.
        reads: Body bytes after transfer decoding, with the time of their read.
        end: How the answer ended on the wire.
        upstream: The requests that reached this target's upstream for this stream.
        surplus: Bytes that arrived after a complete answer.
        log: Lines that the target logged during this stream, where they can be
            assigned to it.
        invalid: Why this observation is no evidence; None: it is.
        started_ns: Its zero, counted from the first request of its scenario.
        reused: Whether it used the client connection of the exchange before.
    """

    target: str
    virtual: bool
    status: int | None
    http_version: str | None
    headers: tuple[tuple[bytes, bytes], ...]
    head_at_ns: int | None
    reads: tuple[tuple[int, bytes], ...]
    end: ClientEnd
    end_at_ns: int
    upstream: tuple[UpstreamRequest, ...]
    surplus: bytes = b""
    log: tuple[str, ...] = ()
    invalid: str | None = None
    started_ns: int = 0
    reused: bool = False

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(data for _, data in self.reads)

    def header(self, name: str) -> bytes | None:
        """Return the first value of a header, or None. Names compare without case."""
        wanted = name.lower().encode("latin-1")
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

"""How a body travels, besides its bytes and times: coding, transfer chunks, connection.

All of it belongs to a whole answer. It is kept apart, so that borders, positions and
meanings stay those of the plain body; `harness.play.upstream.response_writer` carries
it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from harness.cassette.model import Headers

__all__ = [
    "ChunkStyle",
    "ContentCoding",
    "Delivery",
    "Heartbeat",
    "SendSizes",
    "SocketPlan",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentCoding:
    """The content coding of a body (RFC 9110, section 8.4).

    Attributes:
        name: ``deflate`` has the zlib wrapper, as section 8.4.1.2 asks for.
        flush: True where every write can be decoded when it came; False: whatever the
            compressor gives out by itself, mostly at the end.
        cut: Bytes left out at the end of the coded body, which ends cleanly all the
            same.
    """

    name: Literal["gzip", "deflate"]
    flush: bool = True
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStyle:
    """How transfer chunks are written (RFC 9112, section 7.1).

    Attributes:
        extension: What stands behind every chunk size, with its semicolon.
        trailers: Field lines between the last chunk and the end.
        missing: Bytes that the last chunk promises and that never come; the line end
            behind it does not come either.
    """

    extension: str = ""
    trailers: Headers = ()
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a stalled upstream says again and again, until somebody ends it.

    Attributes:
        every_ns: From one to the next.
        data: One comment or one event, whole.
    """

    every_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSizes:
    """The sends into which all on the wire is cut, head and chunk sizes too.

    Attributes:
        sizes: Bytes of one send after another, over and over.
        gap_ns: From one to the next; what is late delays what follows.
    """

    sizes: tuple[int, ...]
    gap_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPlan:
    """What the upstream does with the connection.

    Attributes:
        accept_ns: So long after it came about a new connection is read from.
        nodelay: False leaves small sends to Nagle's algorithm (RFC 9293, 3.7.4).
        idle_ns: A connection that is kept after the answer is closed when it was idle
            so long; None: never.
        requests: A kept connection is closed after so many answers, without a word;
            None: never.
        dirty: True keeps the connection open also where bytes lie on it that belong
            to no answer.
    """

    accept_ns: int = 0
    nodelay: bool = True
    idle_ns: int | None = None
    requests: int | None = None
    dirty: bool = False

    def scaled(self, speed: float) -> SocketPlan:
        """Return the plan with every wait divided by ``speed``."""
        return replace(
            self,
            accept_ns=round(self.accept_ns / speed),
            idle_ns=None if self.idle_ns is None else round(self.idle_ns / speed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How an answer travels, besides its bytes and times; by default nothing is odd.

    Attributes:
        raw_lines: More lines of the head, written as they are.
        framing_headers: The header lines that tell the framing, right or wrong; None:
            those that fit the framing.
        coding: How the body is compressed on the wire; the writes are plain.
        chunks: How transfer chunks are written.
        surplus: Bytes behind a complete answer, in the send that completes it.
        heartbeat: What is said during a stall for ever.
        send_sizes: Into which sends the bytes on the wire are cut; None: one for a
            write.
        socket: What is done with the connection.
    """

    raw_lines: tuple[str, ...] = ()
    framing_headers: Headers | None = None
    coding: ContentCoding | None = None
    chunks: ChunkStyle = field(default_factory=ChunkStyle)
    surplus: bytes = b""
    heartbeat: Heartbeat | None = None
    send_sizes: SendSizes | None = None
    socket: SocketPlan = field(default_factory=SocketPlan)

    def scaled(self, speed: float) -> Delivery:
        """Return it with every wait divided by ``speed``."""
        beat, sizes = self.heartbeat, self.send_sizes
        return replace(
            self,
            heartbeat=beat and replace(beat, every_ns=round(beat.every_ns / speed)),
            send_sizes=sizes and replace(sizes, gap_ns=round(sizes.gap_ns / speed)),
            socket=self.socket.scaled(speed),
        )

"""How an answer is sent: content coding, transfer chunks, sends, and the connection.

These values are apart from the writes, whose borders, positions and meanings stay those
of the plain body. `harness.play.upstream.response_writer` carries them out.
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
        name: ``deflate`` has the zlib wrapper, as section 8.4.1.2 demands.
        flush: Whether each write can be decoded when it arrives. False: the compressor
            decides when it writes, mostly at the end.
        cut: Bytes missing at the end of the coded body, whose framing is complete.
    """

    name: Literal["gzip", "deflate"]
    flush: bool = True
    cut: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStyle:
    """How transfer chunks are written (RFC 9112, section 7.1).

    Attributes:
        extension: Text after every chunk size, with its semicolon.
        trailers: Field lines between the last chunk and the end.
        missing: Bytes that the last chunk promises but that are never sent; the line
            end after that chunk is not sent either.
    """

    extension: str = ""
    trailers: Headers = ()
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A message that a stalled upstream repeats until somebody ends the stream.

    Attributes:
        every_ns: Time from one to the next.
        data: One whole comment or event.
    """

    every_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSizes:
    """The sizes of the sends of all bytes on the wire, head and chunk sizes included.

    Attributes:
        sizes: Bytes of each send; after the last, the first size follows again.
        gap_ns: Time from one send to the next; a late send delays the following ones.
    """

    sizes: tuple[int, ...]
    gap_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketPlan:
    """What the upstream does with the connection.

    Attributes:
        accept_ns: Time from a new connection to the first read from it.
        nodelay: False leaves small sends to Nagle's algorithm (RFC 9293, 3.7.4).
        idle_ns: Idle time after which a kept connection is closed. None: never.
        requests: Number of answers after which a kept connection is closed without
            notice. None: never.
        dirty: Whether the connection stays open even where it holds bytes that belong
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
    """How an answer is sent, apart from its bytes and times; the default is ordinary.

    Attributes:
        raw_lines: More lines of the head, written as they are.
        framing_headers: The header lines of the framing, right or wrong. None: those
            that fit the framing.
        coding: The compression of the body on the wire; the writes are plain.
        surplus: Bytes after a complete answer, in the send that completes it.
        heartbeat: The message during a stall that never ends.
        send_sizes: The sizes of sends. None: one send for each write.
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
        """Return the delivery with every wait divided by ``speed``."""
        beat, sizes = self.heartbeat, self.send_sizes
        return replace(
            self,
            heartbeat=beat and replace(beat, every_ns=round(beat.every_ns / speed)),
            send_sizes=sizes and replace(sizes, gap_ns=round(sizes.gap_ns / speed)),
            socket=self.socket.scaled(speed),
        )

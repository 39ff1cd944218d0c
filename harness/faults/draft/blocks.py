"""The values of a stream as blocks: what is sent, and what was meant by it.

A block is one event or comment, or any bytes in their place. An `EventDraft` is changed
by faults of events and lines; `harness.faults.draft.edit` makes many changes in one
pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from harness.cassette.model import Framing, Headers

__all__ = [
    "MAX_BODY",
    "Block",
    "BlockPart",
    "EventDraft",
    "Meaning",
    "StreamEnd",
]

MAX_BODY = 256 * 1024 * 1024
"""Most bytes that a changed stream may have. A fault that asks for more is refused
before it takes the machine's memory; 256 MiB is sixty-four giant events of 4 MiB."""


class StreamEnd(StrEnum):
    """What the upstream does after its last byte."""

    COMPLETE = "complete"
    """The framing is completed: terminator, full length, or FIN where that is it."""

    TRUNCATED = "truncated"
    """FIN before the framing said so; on a close-delimited body it looks complete."""

    RESET = "reset"
    """RST."""

    STALL = "stall"
    """Nothing more, and the connection stays open."""

    HALF_CLOSED = "half_closed"
    """FIN before the framing said so, and the other direction stays open."""

    REFUSED = "refused"
    """There is no connection: it is refused."""


class Meaning(StrEnum):
    """What a repairing proxy must make of a block."""

    AS_SENT = "as_sent"
    """Deliver what was sent."""

    REPLACED = "replaced"
    """Deliver ``meant`` instead."""

    NOTHING = "nothing"
    """Deliver nothing, and nothing is lost: a repeat, a line of noise."""

    LOST = "lost"
    """Cannot be delivered; text may be lost with it, and the client must be told."""


@dataclass(frozen=True, slots=True)
class BlockPart:
    """Bytes of one block that travel in one write.

    Attributes:
        at_ns: When they are written, nanoseconds since the end of the request.
        data: The bytes.
        segment: Parts that follow one another with the same number share a write.
    """

    at_ns: int
    data: bytes
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One event or comment with its line ends, or any bytes in their place.

    Attributes:
        parts: What is sent, split where the recording was.
        meaning: What a repairing proxy must make of it.
        meant: The block's bytes as meant, for `Meaning.REPLACED`.
    """

    parts: tuple[BlockPart, ...]
    meaning: Meaning = Meaning.AS_SENT
    meant: bytes = b""

    @property
    def sent(self) -> bytes:
        """What is sent, whole."""
        return b"".join(part.data for part in self.parts)

    @property
    def size(self) -> int:
        """How many bytes are sent."""
        return sum(len(part.data) for part in self.parts)

    @property
    def starts_ns(self) -> int:
        """When the first byte is written."""
        return self.parts[0].at_ns

    @property
    def at_ns(self) -> int:
        """When the last byte is written: the moment the event exists for a reader."""
        return self.parts[-1].at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """A response as a list of blocks.

    Attributes:
        status: HTTP status code.
        http_version: ``HTTP/1.1`` or ``HTTP/1.0``.
        headers: Header lines; framing headers are left to ``framing``.
        framing: How the end of the body is marked.
        head_at_ns: When the head is written; None: the upstream ends without one.
        blocks: The body.
        end: What happens after the last block, at ``end_at_ns``.
        next_segment: A number that no part uses yet.
        notes: What the faults did, in words, for the report.
    """

    status: int
    http_version: str
    headers: Headers
    framing: Framing
    head_at_ns: int | None
    blocks: tuple[Block, ...]
    end: StreamEnd
    end_at_ns: int
    next_segment: int
    notes: tuple[str, ...] = ()

    def time_after(self, place: int) -> int:
        """Return when the block after ``place`` begins, or the stream ends."""
        if place + 1 < len(self.blocks):
            return max(self.blocks[place].at_ns, self.blocks[place + 1].starts_ns)
        return max(self.blocks[place].at_ns, self.end_at_ns)

    def time_before(self, place: int) -> int:
        """Return when what stands before block ``place`` was written."""
        if place > 0:
            return self.blocks[place - 1].at_ns
        return self.head_at_ns or 0

    def with_note(self, note: str) -> EventDraft:
        """Return the draft with one more sentence about what a fault did."""
        return replace(self, notes=(*self.notes, note))

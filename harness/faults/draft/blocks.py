"""The stream as a list of blocks, each with the bytes sent and the bytes meant.

A block is one event or comment, or any bytes in their place. Faults of events and lines
change an `EventDraft`; `harness.faults.draft.edit` makes many changes in one pass.
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
"""The largest size of a changed stream, in bytes. A fault that asks for more is refused
before it takes the machine's memory; 256 MiB is sixty-four large events of 4 MiB."""


class StreamEnd(StrEnum):
    """What the upstream does after its last byte."""

    COMPLETE = "complete"
    """It completes the framing: terminator, full length, or FIN where that is the end
    of the body."""

    TRUNCATED = "truncated"
    """FIN before the end of the framing; a close-delimited body looks complete."""

    RESET = "reset"
    """RST."""

    STALL = "stall"
    """It sends nothing more and keeps the connection open."""

    HALF_CLOSED = "half_closed"
    """FIN before the end of the framing; the other direction stays open."""

    REFUSED = "refused"
    """It refuses the connection."""


class Meaning(StrEnum):
    """What a repairing proxy must do with a block."""

    AS_SENT = "as_sent"
    """Deliver what was sent."""

    REPLACED = "replaced"
    """Deliver ``meant`` instead."""

    NOTHING = "nothing"
    """Deliver nothing. Nothing is lost: the block is a repeat or noise."""

    LOST = "lost"
    """The block cannot be delivered. Text may be lost, so the client must be told."""


@dataclass(frozen=True, slots=True)
class BlockPart:
    """Bytes of one block that travel in one write.

    Attributes:
        at_ns: When they are written, in nanoseconds since the end of the request.
        segment: Consecutive parts with the same number share a write.
    """

    at_ns: int
    data: bytes
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One event or comment with its line ends, or any bytes in their place.

    Attributes:
        parts: The bytes sent, split as in the recording.
        meaning: What a repairing proxy must do with the block.
        meant: The bytes to deliver instead, for `Meaning.REPLACED`.
    """

    parts: tuple[BlockPart, ...]
    meaning: Meaning = Meaning.AS_SENT
    meant: bytes = b""

    @property
    def sent(self) -> bytes:
        """All bytes that are sent."""
        return b"".join(part.data for part in self.parts)

    @property
    def size(self) -> int:
        """The number of bytes that are sent."""
        return sum(len(part.data) for part in self.parts)

    @property
    def starts_ns(self) -> int:
        """When the first byte is written."""
        return self.parts[0].at_ns

    @property
    def at_ns(self) -> int:
        """When the last byte is written, so when a reader can have the event."""
        return self.parts[-1].at_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """A response as a list of blocks.

    Attributes:
        http_version: ``HTTP/1.1`` or ``HTTP/1.0``.
        headers: Header lines without those that ``framing`` stands for.
        framing: How the end of the body is marked.
        head_at_ns: When the head is written. None: the upstream sends no head.
        blocks: The body.
        end: What happens after the last block, at ``end_at_ns``.
        next_segment: A segment number that no part uses yet.
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
        """Return when the block after ``place`` begins or the stream ends."""
        if place + 1 < len(self.blocks):
            return max(self.blocks[place].at_ns, self.blocks[place + 1].starts_ns)
        return max(self.blocks[place].at_ns, self.end_at_ns)

    def time_before(self, place: int) -> int:
        """Return when the bytes before block ``place`` were written."""
        if place > 0:
            return self.blocks[place - 1].at_ns
        return self.head_at_ns or 0

    def with_note(self, note: str) -> EventDraft:
        """Return the draft with one more sentence about what a fault did."""
        return replace(self, notes=(*self.notes, note))

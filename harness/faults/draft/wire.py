"""A response as timed writes, with the byte range of every block in its body."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.cassette.model import Framing, Headers
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.delivery import Delivery

__all__ = ["BlockSpan", "WireDraft", "Write"]


@dataclass(frozen=True, slots=True)
class Write:
    """One send of the upstream.

    Attributes:
        at_ns: Nanoseconds since the end of the request.
        data: Body bytes; one transfer chunk where the framing is chunked.
        raw: Whether the bytes go onto the wire as they are, without the framing.
    """

    at_ns: int
    data: bytes
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSpan:
    """The byte range of a block in the body, and the block's meaning.

    Attributes:
        start: Offset of the first byte.
        end: Offset after the last byte.
        meaning: What a repairing proxy must do with the block.
        meant: The bytes to deliver instead, for `Meaning.REPLACED`.
        partial: Whether the stream stops within the block, which is then the last.
    """

    start: int
    end: int
    meaning: Meaning
    meant: bytes
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WireDraft:
    """A response as timed writes; the other attributes are as in `EventDraft`.

    Attributes:
        writes: The body, in order.
        spans: The byte ranges of the blocks, in order and without gaps.
        promised_length: The value of a content-length header. None: the true length.
        delivery: How the answer is sent.
    """

    status: int
    http_version: str
    headers: Headers
    framing: Framing
    head_at_ns: int | None
    writes: tuple[Write, ...]
    spans: tuple[BlockSpan, ...]
    end: StreamEnd
    end_at_ns: int
    promised_length: int | None = None
    delivery: Delivery = field(default_factory=Delivery)
    notes: tuple[str, ...] = field(default=())

    def scaled(self, speed: float) -> WireDraft:
        """Return the draft with every wait divided by ``speed``."""
        if speed == 1.0:
            return self
        return replace(
            self,
            head_at_ns=None
            if self.head_at_ns is None
            else round(self.head_at_ns / speed),
            writes=tuple(
                Write(round(write.at_ns / speed), write.data, write.raw)
                for write in self.writes
            ),
            end_at_ns=round(self.end_at_ns / speed),
            delivery=self.delivery.scaled(speed),
        )

    @property
    def body(self) -> bytes:
        """All body bytes, without raw writes."""
        return b"".join(write.data for write in self.writes if not write.raw)

    def with_note(self, note: str) -> WireDraft:
        """Return the draft with one more sentence about what a fault did."""
        return replace(self, notes=(*self.notes, note))

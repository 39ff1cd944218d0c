"""A stream on its way from cassette to script.

Two forms, in this order. An `EventDraft` is a list of blocks (events and comments), so
that events and lines can be changed; lowering it gives a `WireDraft`, a list of timed
writes, so that borders, times and the ending can be changed. Both remember for every
block what a repairing proxy must make of it; the oracle reads nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.cassette.model import EndingKind, Framing, Headers, Response
from harness.faults.draft.blocks import Block, EventDraft, Finish, Meaning, Piece
from harness.faults.draft.transport import (
    ChunkStyle,
    Coding,
    Heartbeat,
    Pieces,
    SocketPlan,
)
from harness.sse.lines import block_ends

__all__ = [
    "Block",
    "EventDraft",
    "Finish",
    "Meaning",
    "Piece",
    "Span",
    "WireDraft",
    "Write",
    "draft_response",
    "lower",
]


@dataclass(frozen=True, slots=True)
class Write:
    """One send of the upstream.

    Attributes:
        at_ns: Nanoseconds since the end of the request.
        data: Body bytes; one transfer chunk where the framing is chunked.
        raw: True where the bytes go onto the wire as they are, past the framing.
    """

    at_ns: int
    data: bytes
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The place of a block in the body, and its meaning; ``end`` is exclusive.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        meaning: What a repairing proxy must make of it.
        meant: Its bytes as meant, for `Meaning.REPLACED`.
        partial: True where the stream stops within the block; only the last can be.
    """

    start: int
    end: int
    meaning: Meaning
    meant: bytes
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WireDraft:
    """A response as timed writes; attributes as in `EventDraft`.

    Attributes:
        writes: The body, in order.
        spans: The blocks by byte range of the body, in order, whole.
        promised_length: What a content-length header says; None: the true length.
        raw_lines: More lines of the head, written as they are.
        framing_headers: The header lines that tell the framing, right or wrong; None:
            those that fit ``framing``.
        coding: How the body is compressed on the wire; ``writes`` are plain.
        chunks: How transfer chunks are written.
        surplus: Bytes behind a complete answer, in the send that completes it.
        heartbeat: What is said during a stall for ever.
        pieces: Into which sends the bytes on the wire are cut; None: one for a write.
        socket: What is done with the connection.
    """

    status: int
    http_version: str
    headers: Headers
    framing: Framing
    head_at_ns: int | None
    writes: tuple[Write, ...]
    spans: tuple[Span, ...]
    finish: Finish
    finish_at_ns: int
    promised_length: int | None = None
    raw_lines: tuple[str, ...] = ()
    framing_headers: Headers | None = None
    coding: Coding | None = None
    chunks: ChunkStyle = field(default_factory=ChunkStyle)
    surplus: bytes = b""
    heartbeat: Heartbeat | None = None
    pieces: Pieces | None = None
    socket: SocketPlan = field(default_factory=SocketPlan)
    notes: tuple[str, ...] = field(default=())

    def scaled(self, speed: float) -> WireDraft:
        """Return the draft with every wait divided by ``speed``."""
        if speed == 1.0:
            return self
        beat, pieces = self.heartbeat, self.pieces
        return replace(
            self,
            head_at_ns=None
            if self.head_at_ns is None
            else round(self.head_at_ns / speed),
            writes=tuple(
                Write(round(write.at_ns / speed), write.data, write.raw)
                for write in self.writes
            ),
            finish_at_ns=round(self.finish_at_ns / speed),
            heartbeat=beat and replace(beat, every_ns=round(beat.every_ns / speed)),
            pieces=pieces and replace(pieces, gap_ns=round(pieces.gap_ns / speed)),
            socket=self.socket.scaled(speed),
        )

    @property
    def body(self) -> bytes:
        """All body bytes that are written, raw writes left out."""
        return b"".join(write.data for write in self.writes if not write.raw)

    def noted(self, note: str) -> WireDraft:
        """Return the draft with one more sentence about what a fault did."""
        return replace(self, notes=(*self.notes, note))


_FINISHES = {
    EndingKind.COMPLETE: Finish.COMPLETE,
    EndingKind.TRUNCATED: Finish.TRUNCATED,
    EndingKind.RESET: Finish.RESET,
    EndingKind.TIMEOUT: Finish.STALL,
    EndingKind.CLIENT_CLOSED: Finish.STALL,
    EndingKind.RECORDER_STOPPED: Finish.STALL,
}

_FRAMING_HEADERS = frozenset({"transfer-encoding", "content-length"})


def draft_response(response: Response) -> EventDraft:
    """Take a recorded response apart into blocks, times and borders kept.

    A body that is not an event stream is one block per segment. Endings follow DESIGN
    section 5: a recording that stopped while the stream ran is replayed as a stall.
    """
    headers = tuple(
        (name, value)
        for name, value in response.headers
        if name.lower() not in _FRAMING_HEADERS
    )
    first = response.segments[0].at_ns if response.segments else response.ending.at_ns
    return EventDraft(
        status=response.status,
        http_version=response.http_version
        if response.http_version in {"HTTP/1.0", "HTTP/1.1"}
        else "HTTP/1.1",
        headers=headers,
        framing=response.framing,
        # A cassette keeps no time for the head; it was there with the first byte.
        head_at_ns=first,
        blocks=_blocks(response),
        finish=_FINISHES[response.ending.kind],
        finish_at_ns=response.ending.at_ns,
        next_segment=len(response.segments),
    )


def lower(draft: EventDraft) -> WireDraft:
    """Turn blocks into writes: pieces of one segment that touch become one write."""
    groups: list[list[Piece]] = []
    spans: list[Span] = []
    offset = 0
    for block in draft.blocks:
        start = offset
        for piece in block.pieces:
            offset += len(piece.data)
            if groups and piece.segment == groups[-1][-1].segment:
                groups[-1].append(piece)
            else:
                groups.append([piece])
        spans.append(
            Span(start=start, end=offset, meaning=block.meaning, meant=block.meant)
        )
    writes = tuple(_writes(groups))
    return WireDraft(
        status=draft.status,
        http_version=draft.http_version,
        headers=draft.headers,
        framing=draft.framing,
        head_at_ns=draft.head_at_ns,
        writes=writes,
        spans=tuple(spans),
        finish=draft.finish,
        finish_at_ns=max(draft.finish_at_ns, writes[-1].at_ns if writes else 0),
        notes=draft.notes,
    )


def _writes(groups: Iterable[Sequence[Piece]]) -> Iterator[Write]:
    """Yield a write for each group; none overtakes the one before it."""
    now_ns = 0
    for pieces in groups:
        # A write goes out when its last byte is due.
        now_ns = max(now_ns, *(piece.at_ns for piece in pieces))
        yield Write(now_ns, b"".join(piece.data for piece in pieces))


def _blocks(response: Response) -> tuple[Block, ...]:
    body = response.body
    kind = response.header("content-type")
    if kind is not None and "text/event-stream" not in kind.lower():
        borders = _segment_ends(response)
    else:
        borders = block_ends(body)
    if not borders or borders[-1] < len(body):
        borders.append(len(body))
    blocks = []
    start = 0
    cutter = _Cutter(response)
    for end in borders:
        if end > start:
            blocks.append(Block(pieces=cutter.take(end)))
            start = end
    return tuple(blocks)


def _segment_ends(response: Response) -> list[int]:
    ends = []
    offset = 0
    for segment in response.segments:
        offset += len(segment.data)
        ends.append(offset)
    return ends


class _Cutter:
    """Hands out the body's bytes up to a border, split as the segments were."""

    def __init__(self, response: Response) -> None:
        self._segments = response.segments
        self._index = 0
        self._inside = 0
        self._offset = 0

    def take(self, end: int) -> tuple[Piece, ...]:
        pieces = []
        while self._offset < end:
            segment = self._segments[self._index]
            wanted = min(end - self._offset, len(segment.data) - self._inside)
            data = segment.data[self._inside : self._inside + wanted]
            if data:
                pieces.append(Piece(segment.at_ns, data, self._index))
            self._offset += wanted
            self._inside += wanted
            if self._inside == len(segment.data):
                self._index += 1
                self._inside = 0
        return tuple(pieces)

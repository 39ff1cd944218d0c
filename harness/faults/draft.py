"""A stream on its way from cassette to script.

Two forms, in this order. An `EventDraft` is a list of blocks (events and comments), so
that events and lines can be changed; lowering it gives a `WireDraft`, a list of timed
writes, so that borders, times and the ending can be changed. Both remember for every
block what a repairing proxy must make of it; the oracle reads nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.cassette.model import EndingKind, Framing, Headers, Response
from harness.faults.transport import ChunkStyle, Coding, Heartbeat, Pieces, SocketPlan

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


class Finish(StrEnum):
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
class Piece:
    """Bytes of one block that travel in one write.

    Attributes:
        at_ns: When they are written, nanoseconds since the end of the request.
        data: The bytes.
        segment: Pieces that follow one another with the same number share a write.
    """

    at_ns: int
    data: bytes
    segment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One event or comment with its line ends, or any bytes in their place.

    Attributes:
        pieces: What is sent, split where the recording was.
        meaning: What a repairing proxy must make of it.
        meant: The block's bytes as meant, for `Meaning.REPLACED`.
    """

    pieces: tuple[Piece, ...]
    meaning: Meaning = Meaning.AS_SENT
    meant: bytes = b""

    @property
    def sent(self) -> bytes:
        """What is sent, whole."""
        return b"".join(piece.data for piece in self.pieces)

    @property
    def at_ns(self) -> int:
        """When the last byte is written: the moment the event exists for a reader."""
        return self.pieces[-1].at_ns


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
        finish: What happens after the last block, at ``finish_at_ns``.
        next_segment: A number that no piece uses yet.
        notes: What the faults did, in words, for the report.
    """

    status: int
    http_version: str
    headers: Headers
    framing: Framing
    head_at_ns: int | None
    blocks: tuple[Block, ...]
    finish: Finish
    finish_at_ns: int
    next_segment: int
    notes: tuple[str, ...] = ()

    def with_sent(
        self,
        index: int,
        sent: bytes,
        *,
        meaning: Meaning,
        meant: bytes = b"",
    ) -> EventDraft:
        """Return the draft with block ``index`` sent as other bytes.

        The block is written at once, at the time of its last piece; it keeps sharing a
        write with its neighbours where it did before.
        """
        old = self.blocks[index]
        last = old.pieces[-1]
        new = Block(
            pieces=(Piece(last.at_ns, sent, last.segment),),
            meaning=meaning,
            meant=meant,
        )
        blocks = (*self.blocks[:index], new, *self.blocks[index + 1 :])
        return replace(self, blocks=blocks)

    def with_inserted(
        self,
        index: int,
        sent: bytes,
        *,
        at_ns: int,
        meaning: Meaning = Meaning.AS_SENT,
        meant: bytes = b"",
    ) -> EventDraft:
        """Return the draft with a new block before block ``index``, in its own write.

        Where it stands between two blocks of one write, that write is split.
        """
        piece = Piece(at_ns, sent, self.next_segment)
        block = Block(pieces=(piece,), meaning=meaning, meant=meant)
        before, after = self.blocks[:index], self.blocks[index:]
        if before:
            split = before[-1].pieces[-1].segment
            after = tuple(_renumber(later, split, piece.segment + 1) for later in after)
        return replace(
            self, blocks=(*before, block, *after), next_segment=piece.segment + 2
        )

    def without(self, index: int) -> EventDraft:
        """Return the draft without block ``index``."""
        return replace(self, blocks=self.blocks[:index] + self.blocks[index + 1 :])

    def noted(self, note: str) -> EventDraft:
        """Return the draft with one more sentence about what a fault did."""
        return replace(self, notes=(*self.notes, note))


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
    writes: list[Write] = []
    spans: list[Span] = []
    offset = 0
    last_segment: int | None = None
    for block in draft.blocks:
        start = offset
        for piece in block.pieces:
            offset += len(piece.data)
            if writes and piece.segment == last_segment:
                # A write goes out when its last byte is due.
                joined = writes[-1].data + piece.data
                writes[-1] = Write(max(writes[-1].at_ns, piece.at_ns), joined)
            else:
                writes.append(Write(piece.at_ns, piece.data))
            last_segment = piece.segment
        spans.append(
            Span(start=start, end=offset, meaning=block.meaning, meant=block.meant)
        )
    return WireDraft(
        status=draft.status,
        http_version=draft.http_version,
        headers=draft.headers,
        framing=draft.framing,
        head_at_ns=draft.head_at_ns,
        writes=tuple(writes),
        spans=tuple(spans),
        finish=draft.finish,
        finish_at_ns=draft.finish_at_ns,
        notes=draft.notes,
    )


# A run of two or more line ends closes a block (WHATWG: LF, CRLF, or CR alone).
_BLOCK_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2,}")


def _blocks(response: Response) -> tuple[Block, ...]:
    body = response.body
    kind = response.header("content-type")
    if kind is not None and "text/event-stream" not in kind.lower():
        borders = _segment_ends(response)
    else:
        borders = [match.end() for match in _BLOCK_END.finditer(body)]
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


def _renumber(block: Block, old: int, new: int) -> Block:
    if all(piece.segment != old for piece in block.pieces):
        return block
    pieces = tuple(
        Piece(piece.at_ns, piece.data, new if piece.segment == old else piece.segment)
        for piece in block.pieces
    )
    return replace(block, pieces=pieces)

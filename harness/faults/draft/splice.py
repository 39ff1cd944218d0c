"""Bytes put into a stream at any place, between two events or within one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.faults.draft.blocks import Block, EventDraft, Meaning, Piece
from harness.faults.draft.decoded import event_block, read_blocks, time_before
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import Position, block_at, body_offset
from harness.faults.errors import FaultError
from harness.sse.lines import block_ends
from harness.sse.parser import parse

__all__ = [
    "Place",
    "cut_at",
    "due_at",
    "place_at",
    "put",
    "put_bytes",
    "put_run",
    "put_within",
    "time_at",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A place among blocks.

    Attributes:
        block: Number of the block it stands before, or in.
        offset: Bytes into that block; 0: before it.
    """

    block: int
    offset: int


def place_at(draft: EventDraft, at: Position, *, exact: bool = False) -> Place:
    """Return the place that a position names.

    Args:
        draft: The stream.
        at: The position.
        exact: Whether ``byte`` and ``frac`` mean that very byte; else the next border
            between two blocks. An ``offset`` always means the very byte.

    Raises:
        FaultError: The stream has no such place.
    """
    if at.get("offset"):
        found = event_block(read_blocks(draft.blocks), at["event"], key="event")
        size = draft.blocks[found].size
        if at["offset"] > size:
            raise FaultError(
                f"the event has {size} bytes, came {at['offset']}", key="offset"
            )
        at_end = at["offset"] == size
        return Place(found + 1, 0) if at_end else Place(found, at["offset"])
    if not exact or not ("byte" in at or "frac" in at):
        return Place(block_at(draft, at), 0)
    offset = body_offset(at, sum(block.size for block in draft.blocks))
    for number, block in enumerate(draft.blocks):
        if offset < block.size:
            return Place(number, offset)
        offset -= block.size
    return Place(len(draft.blocks), 0)


def time_at(draft: EventDraft, place: Place) -> int:
    """Return when the last byte before a place was written."""
    if not place.offset:
        return time_before(draft, place.block)
    before, _ = _parted(draft.blocks[place.block].pieces, place.offset)
    return before[-1].at_ns


def due_at(draft: EventDraft, place: Place) -> int:
    """Return when the next byte behind a place is written, or the stream ends."""
    if place.block == len(draft.blocks):
        return draft.finish_at_ns
    _, after = _parted(draft.blocks[place.block].pieces, place.offset)
    return after[0].at_ns


def put(
    draft: EventDraft,
    place: Place,
    sent: bytes,
    *,
    at_ns: int,
    meaning: Meaning = Meaning.AS_SENT,
) -> EventDraft:
    """Return the draft with bytes put in, in a write of their own.

    Between two blocks they are a block that means what is said. Within a block they
    become part of it, and what it means follows from how it reads then.
    """
    if place.offset:
        return put_within(draft, place, [(at_ns, sent)])
    edit = Edit(draft)
    edit.insert(place.block, sent, at_ns=at_ns, meaning=meaning)
    return edit.made()


def put_bytes(
    draft: EventDraft, place: Place, sent: bytes, *, at_ns: int
) -> EventDraft:
    """Return the draft with any bytes put in, in a write of their own.

    Between two blocks they are part of the second, unless a blank line ends them.
    """
    is_block = not place.offset and len(sent) in block_ends(sent)
    if is_block or place.block == len(draft.blocks):
        return put(draft, Place(place.block, 0), sent, at_ns=at_ns)
    return put_within(draft, place, [(at_ns, sent)])


def put_within(
    draft: EventDraft,
    place: Place,
    writes: Sequence[tuple[int, bytes]],
    *,
    delay_ns: int = 0,
) -> EventDraft:
    """Return the draft with writes put into a block.

    Args:
        draft: The stream.
        place: Where.
        writes: When, and which bytes.
        delay_ns: How much later the rest of that block is written; what follows it is
            not moved.
    """
    old = draft.blocks[place.block]
    before, after = _parted(old.pieces, place.offset)
    number = draft.next_segment
    new = [Piece(at, data, number + turn) for turn, (at, data) in enumerate(writes)]
    after = [replace(piece, at_ns=piece.at_ns + delay_ns) for piece in after]
    block = _read_again(old, Block(pieces=(*before, *new, *after)))
    blocks = (*draft.blocks[: place.block], block, *draft.blocks[place.block + 1 :])
    return replace(draft, blocks=blocks, next_segment=number + len(new))


def put_run(
    draft: EventDraft,
    place: Place,
    writes: Sequence[tuple[int, bytes]],
    *,
    delay_ns: int,
    meaning: Meaning = Meaning.AS_SENT,
) -> EventDraft:
    """Return the draft with many writes put in, and all that follows them later.

    Args:
        draft: The stream.
        place: Where.
        writes: When, and which bytes; between two blocks each is a block.
        delay_ns: How much later the others are written.
        meaning: What each of them means between two blocks.
    """
    edit = Edit(draft)
    for later in range(place.block + bool(place.offset), len(draft.blocks)):
        edit.delay(later, delay_ns)
    if not place.offset:
        for at_ns, sent in writes:
            edit.insert(place.block, sent, at_ns=at_ns, meaning=meaning)
    made = edit.made()
    made = replace(made, finish_at_ns=made.finish_at_ns + delay_ns)
    return put_within(made, place, writes, delay_ns=delay_ns) if place.offset else made


def cut_at(draft: EventDraft, place: Place) -> EventDraft:
    """Return the draft without what lies behind a place."""
    blocks = draft.blocks[: place.block]
    if place.offset:
        old = draft.blocks[place.block]
        before, _ = _parted(old.pieces, place.offset)
        blocks = (*blocks, replace(old, pieces=tuple(before)))
    return replace(draft, blocks=blocks)


def _read_again(old: Block, new: Block) -> Block:
    """Return the new block with what it means, now that bytes were put into it."""
    if old.meaning is Meaning.AS_SENT:
        return new  # the oracle reads it as it is sent
    same = [event.data for event in parse(old.sent).events] == [
        event.data for event in parse(new.sent).events
    ]
    if same:
        return replace(new, meaning=old.meaning, meant=old.meant)
    return replace(new, meaning=Meaning.LOST)


def _parted(pieces: Sequence[Piece], offset: int) -> tuple[list[Piece], list[Piece]]:
    before: list[Piece] = []
    after: list[Piece] = []
    for piece in pieces:
        size = len(piece.data)
        if offset > 0:
            before.append(replace(piece, data=piece.data[:offset]))
        if offset < size:
            after.append(replace(piece, data=piece.data[max(0, offset) :]))
        offset -= size
    return before, after

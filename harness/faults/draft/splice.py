"""Insertion of bytes into a stream at any point, between two events or within one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.faults.draft.blocks import Block, BlockPart, EventDraft, Meaning
from harness.faults.draft.decoded import decode_blocks, event_block
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import Position, block_at, body_offset
from harness.faults.errors import FaultError
from harness.sse.lines import block_ends
from harness.sse.parser import parse

__all__ = [
    "SplicePoint",
    "insert_at",
    "insert_raw",
    "insert_run",
    "insert_within",
    "last_write_ns",
    "next_write_ns",
    "splice_point",
    "truncate_at",
]


@dataclass(frozen=True, slots=True)
class SplicePoint:
    """A point before or within a block.

    Attributes:
        block: Number of the block.
        offset: Bytes into that block; 0: before it.
    """

    block: int
    offset: int


def splice_point(
    draft: EventDraft, at: Position, *, exact: bool = False
) -> SplicePoint:
    """Return the point that a position names.

    Args:
        draft: The stream.
        at: The position.
        exact: Whether ``byte`` and ``frac`` mean that exact byte and not the next
            border between two blocks. An ``offset`` always means the exact byte.

    Raises:
        FaultError: The stream has no such point.
    """
    if at.get("offset"):
        found = event_block(decode_blocks(draft.blocks), at["event"], key="event")
        size = draft.blocks[found].size
        if at["offset"] > size:
            raise FaultError(
                f"the event has {size} bytes, got {at['offset']}", key="offset"
            )
        at_end = at["offset"] == size
        return SplicePoint(found + 1, 0) if at_end else SplicePoint(found, at["offset"])
    if not exact or not ("byte" in at or "frac" in at):
        return SplicePoint(block_at(draft, at), 0)
    offset = body_offset(at, sum(block.size for block in draft.blocks))
    for number, block in enumerate(draft.blocks):
        if offset < block.size:
            return SplicePoint(number, offset)
        offset -= block.size
    return SplicePoint(len(draft.blocks), 0)


def last_write_ns(draft: EventDraft, point: SplicePoint) -> int:
    """Return when the last byte before a point is written."""
    if not point.offset:
        return draft.time_before(point.block)
    before, _ = _split(draft.blocks[point.block].parts, point.offset)
    return before[-1].at_ns


def next_write_ns(draft: EventDraft, point: SplicePoint) -> int:
    """Return when the next byte after a point is written or the stream ends."""
    if point.block == len(draft.blocks):
        return draft.end_at_ns
    _, after = _split(draft.blocks[point.block].parts, point.offset)
    return after[0].at_ns


def insert_at(
    draft: EventDraft,
    point: SplicePoint,
    sent: bytes,
    *,
    at_ns: int,
    meaning: Meaning = Meaning.AS_SENT,
) -> EventDraft:
    """Return the draft with bytes inserted, in a write of their own.

    Between two blocks they are a new block with this meaning. Within a block they
    become part of it, and its new meaning depends on how it reads then.
    """
    if point.offset:
        return insert_within(draft, point, [(at_ns, sent)])
    edit = Edit(draft)
    edit.insert(point.block, sent, at_ns=at_ns, meaning=meaning)
    return edit.apply()


def insert_raw(
    draft: EventDraft, point: SplicePoint, sent: bytes, *, at_ns: int
) -> EventDraft:
    """Return the draft with any bytes inserted, in a write of their own.

    Between two blocks they become part of the second, unless a blank line ends them.
    """
    is_block = not point.offset and len(sent) in block_ends(sent)
    if is_block or point.block == len(draft.blocks):
        return insert_at(draft, SplicePoint(point.block, 0), sent, at_ns=at_ns)
    return insert_within(draft, point, [(at_ns, sent)])


def insert_within(
    draft: EventDraft,
    point: SplicePoint,
    writes: Sequence[tuple[int, bytes]],
    *,
    delay_ns: int = 0,
) -> EventDraft:
    """Return the draft with writes inserted into a block.

    Args:
        draft: The stream.
        point: Where.
        writes: Time and bytes of each.
        delay_ns: Delay of the rest of that block; later blocks keep their times.
    """
    old = draft.blocks[point.block]
    before, after = _split(old.parts, point.offset)
    number = draft.next_segment
    new = [BlockPart(at, data, number + turn) for turn, (at, data) in enumerate(writes)]
    after = [replace(part, at_ns=part.at_ns + delay_ns) for part in after]
    block = _with_meaning(old, Block(parts=(*before, *new, *after)))
    blocks = (*draft.blocks[: point.block], block, *draft.blocks[point.block + 1 :])
    return replace(draft, blocks=blocks, next_segment=number + len(new))


def insert_run(
    draft: EventDraft,
    point: SplicePoint,
    writes: Sequence[tuple[int, bytes]],
    *,
    delay_ns: int,
    meaning: Meaning = Meaning.AS_SENT,
) -> EventDraft:
    """Return the draft with many writes inserted, and everything after them delayed.

    Args:
        draft: The stream.
        point: Where.
        writes: Time and bytes of each; between two blocks each becomes a block.
        delay_ns: Delay of everything after the point.
        meaning: The meaning of each new block.
    """
    edit = Edit(draft)
    for later in range(point.block + bool(point.offset), len(draft.blocks)):
        edit.delay(later, delay_ns)
    if not point.offset:
        for at_ns, sent in writes:
            edit.insert(point.block, sent, at_ns=at_ns, meaning=meaning)
    made = edit.apply()
    made = replace(made, end_at_ns=made.end_at_ns + delay_ns)
    if not point.offset:
        return made
    return insert_within(made, point, writes, delay_ns=delay_ns)


def truncate_at(draft: EventDraft, point: SplicePoint) -> EventDraft:
    """Return the draft without everything after a point."""
    blocks = draft.blocks[: point.block]
    if point.offset:
        old = draft.blocks[point.block]
        before, _ = _split(old.parts, point.offset)
        blocks = (*blocks, replace(old, parts=tuple(before)))
    return replace(draft, blocks=blocks)


def _with_meaning(old: Block, new: Block) -> Block:
    """Return the new block with its meaning after bytes were inserted."""
    if old.meaning is Meaning.AS_SENT:
        return new  # the oracle reads the block as sent
    same = [event.data for event in parse(old.sent).events] == [
        event.data for event in parse(new.sent).events
    ]
    if same:
        return replace(new, meaning=old.meaning, meant=old.meant)
    return replace(new, meaning=Meaning.LOST)


def _split(
    parts: Sequence[BlockPart], offset: int
) -> tuple[list[BlockPart], list[BlockPart]]:
    before: list[BlockPart] = []
    after: list[BlockPart] = []
    for part in parts:
        size = len(part.data)
        if offset > 0:
            before.append(replace(part, data=part.data[:offset]))
        if offset < size:
            after.append(replace(part, data=part.data[max(0, offset) :]))
        offset -= size
    return before, after

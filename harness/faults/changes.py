"""The places that a fault changed, found by comparing the drafts before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.faults.draft.blocks import Block, EventDraft
from harness.faults.errors import FaultError
from harness.sse.lines import field_lines

__all__ = ["note_changes"]


def note_changes(before: EventDraft, after: EventDraft, name: str) -> EventDraft:
    """Return a changed draft whose last note says which events and bytes changed.

    Args:
        before: The draft as the fault got it.
        after: The draft as the fault left it.
        name: The fault's name, used where the fault left no note.

    Raises:
        FaultError: Nothing changed: a scenario with this fault would test nothing.
    """
    if replace(after, notes=()) == replace(before, notes=()):
        raise FaultError("it changes nothing in this stream")
    *notes, last = (
        after.notes
        if len(after.notes) > len(before.notes)
        else (
            *after.notes,
            f"applied {name}",
        )
    )
    place = _place(before.blocks, after.blocks)
    return replace(after, notes=(*notes, f"{last} ({place})"))


def _place(before: Sequence[Block], after: Sequence[Block]) -> str:
    first = _alike(before, after)
    last = _alike(before[first:][::-1], after[first:][::-1])
    changed = after[first : len(after) - last]
    event = _events(after[:first])
    start = sum(block.size for block in after[:first])
    count = _events(changed)
    events = f"event {event}" if count < 2 else f"events {event} to {event + count - 1}"
    if not changed:
        return f"before {events}, byte {start}"
    end = start + sum(block.size for block in changed)
    return f"{events}, bytes {start} to {end}"


def _alike(one: Sequence[Block], other: Sequence[Block]) -> int:
    """Return the number of equal blocks at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next(
        (number for number, (old, new) in pairs if old is not new and old != new),
        min(len(one), len(other)),
    )


def _events(blocks: Sequence[Block]) -> int:
    return sum(1 for block in blocks if _has_data(block.sent))


def _has_data(sent: bytes) -> bool:
    """Return whether a block has a data field; a block without one is no event."""
    return any(line.name == b"data" for line in field_lines(sent))

"""The fault of the blank lines between events."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from harness.faults.draft.blocks import Block, EventDraft, Meaning
from harness.faults.draft.decoded import decode_block, decode_blocks, event_block
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import without_blank_line
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["sse_blank"]

_LINE_END = re.compile(rb"\r\n|\n|\r")


@fault(Layer.LINES, example={"mode": "drop", "index": 3})
def sse_blank(
    draft: EventDraft,
    *,
    mode: Literal["drop", "double", "leading"],
    index: int | None = None,
) -> EventDraft:
    """Send too few or too many blank lines between events.

    Args:
        draft: The stream.
        mode: The change.

            - ``drop``: none after the event, which runs into the next.
            - ``double``: two after the event.
            - ``leading``: one before the event.
        index: The event; negative counts from the end. By default all events, for
            ``leading`` the first.

    Oracle:
        Both: blank lines alone make no event. Events that run together are one event,
        whose data is not JSON. Repairing: the client does not get it, and is told so at
        the end. Transparent: as sent.
    """
    decoded = decode_blocks(draft.blocks)
    events = [place for place, entry in enumerate(decoded) if entry.is_event]
    if not events:
        raise FaultError("the stream has no event")
    if index is None:
        places = events[:1] if mode == "leading" else events
    else:
        places = [event_block(decoded, index)]
    if mode == "drop":
        made = _run_together(draft, frozenset(places))
    else:
        edit = Edit(draft)
        for place in places:
            edit.change(place, _before if mode == "leading" else _behind)
        made = edit.apply()
    return made.with_note(f"blank lines of {len(places)} event(s): {mode}")


def _behind(sent: bytes) -> bytes:
    return sent + _line_end(sent)


def _before(sent: bytes) -> bytes:
    return _line_end(sent) + sent


def _line_end(sent: bytes) -> bytes:
    ends: list[bytes] = _LINE_END.findall(sent)
    return ends[-1] if ends else b"\n"


def _run_together(draft: EventDraft, places: frozenset[int]) -> EventDraft:
    """Remove the blank lines after blocks; blocks that run together become one."""
    blocks: list[Block] = []
    held: list[Block] = []
    for place, block in enumerate(draft.blocks):
        if place in places:
            held.append(_shortened(block))
            continue
        blocks.append(_joined([*held, block]) if held else block)
        held = []
    if held:
        blocks.append(_joined(held))
    return replace(draft, blocks=tuple(blocks))


def _shortened(block: Block) -> Block:
    left = len(without_blank_line(block.sent))
    parts = []
    for part in block.parts:
        if left > 0:
            parts.append(replace(part, data=part.data[:left]))
        left -= len(part.data)
    return replace(block, parts=tuple(parts))


def _joined(blocks: list[Block]) -> Block:
    """Return one block made of several, with its meaning."""
    parts = tuple(part for block in blocks for part in block.parts)
    whole = Block(parts=parts)
    said = [decode_block(block.sent + b"\n\n") for block in blocks]
    if sum(entry.is_event for entry in said) > 1:
        return replace(whole, meaning=Meaning.LOST)
    meant = next(
        (block for block in blocks if block.meaning is not Meaning.AS_SENT), None
    )
    if meant is not None:
        return replace(whole, meaning=meant.meaning, meant=meant.meant)
    if len(blocks) == 1:
        # The last of the stream: a clean end completes it.
        return replace(whole, meaning=Meaning.REPLACED, meant=whole.sent + b"\n")
    return whole

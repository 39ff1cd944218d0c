"""Cuts of a draft: into more writes, at a byte of the body, or before the head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.cassette.model import Framing
from harness.faults.draft.blocks import BlockPart, EventDraft, StreamEnd
from harness.faults.draft.coded import coded_body
from harness.faults.draft.wire import WireDraft, Write

__all__ = ["CLOSES", "cut_body", "cut_writes", "split_writes", "without_head"]

CLOSES = {
    "fin": StreamEnd.TRUNCATED,
    "rst": StreamEnd.RESET,
    "half_close": StreamEnd.HALF_CLOSED,
    "refuse": StreamEnd.REFUSED,
}
"""The ways to close a connection, by their names in scenarios."""


def cut_writes(
    draft: EventDraft,
    cuts_of: Callable[[bytes], Sequence[int]],
    *,
    only: int | None = None,
) -> EventDraft:
    """Return the draft with its blocks cut into more writes, at the same times.

    Args:
        draft: The stream.
        cuts_of: Returns where a block is cut: offsets of its bytes, ascending.
        only: The number of the one block that is cut. None: all are.
    """
    number = 0
    last: int | None = None
    blocks = []
    for place, block in enumerate(draft.blocks):
        cuts = cuts_of(block.sent) if only in {None, place} else ()
        parts = []
        start = 0
        for part in block.parts:
            end = start + len(part.data)
            inner = [cut - start for cut in cuts if start < cut < end]
            if last != part.segment or start in cuts:
                number += 1
                last = part.segment
            for begin, stop in zip([0, *inner], [*inner, len(part.data)], strict=True):
                number += 1 if begin else 0
                parts.append(BlockPart(part.at_ns, part.data[begin:stop], number))
            start = end
        blocks.append(replace(block, parts=tuple(parts)))
    return replace(draft, blocks=tuple(blocks), next_segment=number + 1)


def split_writes(writes: Sequence[Write], offset: int) -> tuple[Write, ...]:
    """Return writes with one more border, at a byte of the body."""
    new: list[Write] = []
    position = 0
    for write in writes:
        inside = offset - position
        if not write.raw and 0 < inside < len(write.data):
            new.append(replace(write, data=write.data[:inside]))
            new.append(replace(write, data=write.data[inside:]))
        else:
            new.append(write)
        position += 0 if write.raw else len(write.data)
    return tuple(new)


def cut_body(draft: WireDraft, offset: int) -> WireDraft:
    """Return the draft without everything after a byte of the body.

    A block that is cut stays as a partial span. A content-length still promises the
    whole body. The stream ends when the last remaining byte is written.
    """
    writes = []
    position = 0
    for write in split_writes(draft.writes, offset):
        if position >= offset:
            break
        writes.append(write)
        position += 0 if write.raw else len(write.data)
    spans = []
    for span in draft.spans:
        if span.end <= offset:
            spans.append(span)
        elif span.start < offset:
            spans.append(replace(span, end=offset, partial=True))
    promised = draft.promised_length
    if draft.framing is Framing.CONTENT_LENGTH and promised is None:
        promised = len(coded_body(draft))
    return replace(
        draft,
        writes=tuple(writes),
        spans=tuple(spans),
        end_at_ns=writes[-1].at_ns if writes else draft.head_at_ns or 0,
        promised_length=promised,
        delivery=replace(
            draft.delivery,
            chunks=replace(draft.delivery.chunks, missing=0),
            surplus=b"",
        ),
    )


def without_head(draft: WireDraft, end: StreamEnd, at_ns: int) -> WireDraft:
    """Return the draft with nothing sent but this end, at this time."""
    return replace(
        draft,
        head_at_ns=None,
        writes=(),
        spans=(),
        delivery=replace(draft.delivery, coding=None, surplus=b""),
        end=end,
        end_at_ns=at_ns,
    )

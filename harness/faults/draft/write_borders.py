"""More borders between the writes of a draft."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.faults.draft.blocks import EventDraft, Piece

__all__ = ["cut_writes"]


def cut_writes(
    draft: EventDraft,
    cuts_of: Callable[[bytes], Sequence[int]],
    *,
    only: int | None = None,
) -> EventDraft:
    """Return the draft with its blocks cut into more writes, at the same times.

    Args:
        draft: The stream.
        cuts_of: Where a block is cut: offsets of its bytes, ascending.
        only: The one block that is cut; None: all.
    """
    number = 0
    last: int | None = None
    blocks = []
    for place, block in enumerate(draft.blocks):
        cuts = cuts_of(block.sent) if only in {None, place} else ()
        pieces = []
        start = 0
        for piece in block.pieces:
            end = start + len(piece.data)
            inner = [cut - start for cut in cuts if start < cut < end]
            if last != piece.segment or start in cuts:
                number += 1
                last = piece.segment
            for begin, stop in zip([0, *inner], [*inner, len(piece.data)], strict=True):
                number += 1 if begin else 0
                pieces.append(Piece(piece.at_ns, piece.data[begin:stop], number))
            start = end
        blocks.append(replace(block, pieces=tuple(pieces)))
    return replace(draft, blocks=tuple(blocks), next_segment=number + 1)

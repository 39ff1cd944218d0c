"""The fault that is none: text that repeats itself and is meant."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, islice
from typing import Literal

from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import with_text
from harness.faults.errors import FaultError
from harness.faults.parameters import Count
from harness.faults.registry import Layer, fault

__all__ = ["legit_repeats"]

_DELTAS: Mapping[str, tuple[str, ...]] = {
    "digits": ("6",),
    "laugh": ("ha",),
    "line_breaks": ("\n",),
    "indent": ("    ", "x", "\n"),
    "table": ("|", "---", "|", "---", "|", "\n"),
    "growing": ("1", "11", "111", "1111"),
}


@fault(Layer.EVENTS, example={"text": "digits", "count": 8})
def legit_repeats(
    draft: EventDraft,
    *,
    text: Literal[
        "digits", "laugh", "line_breaks", "indent", "table", "growing"
    ] = "digits",
    deltas: list[str] | None = None,
    count: Count = 8,
    where: Literal["opening", "middle", "end"] = "middle",
) -> EventDraft:
    """Put in text that repeats itself because the model means it.

    The twin of every fault that repeats: who removes repeats must not touch these
    (``6666666666`` became ``666``: Kiro-Go#138; chatlas#435).

    Args:
        draft: The stream; it needs two text deltas to stand between.
        text: What is repeated, one piece to a delta.

            - ``digits``: ``6``.
            - ``laugh``: ``ha``.
            - ``line_breaks``: a line break.
            - ``indent``: four spaces, a letter, a line break: code.
            - ``table``: the pieces of the line under a table's head.
            - ``growing``: ``1``, ``11``, ``111``, ``1111``: each begins like the one
              before, as cumulative text does.
        deltas: Instead of ``text``: the pieces.
        count: How many deltas, which go through the pieces over and over.
        where: Where they stand.

            - ``opening``: before all other text, where content alone cannot tell them
              from stutter.
            - ``middle``: behind the second text delta, where the opening is over.
            - ``end``: behind the last.

    Oracle:
        Both: all of it arrives. At the opening a repairing proxy may take it for
        stutter: both readings are right, and are counted apart.
    """
    decoded = decode_blocks(draft.blocks)
    texts = [place for place, entry in enumerate(decoded) if entry.has_words]
    plain = [place for place in texts if decoded[place].is_text_only]
    if len(texts) < 2 or not plain:
        raise FaultError(f"expected two text deltas, came {len(texts)}")
    pieces = tuple(deltas) if deltas is not None else _DELTAS[text]
    if not all(pieces) or not pieces:
        raise FaultError("expected texts that are not empty", key="deltas")
    model = plain[0]
    chosen = {"opening": texts[0], "middle": texts[1] + 1, "end": texts[-1] + 1}[where]
    start = draft.time_before(chosen)
    gap = (draft.time_after(chosen - 1) - start) // (count + 1) if chosen else 0
    edit = Edit(draft)
    for number, piece in enumerate(islice(cycle(pieces), count), start=1):
        sent = with_text(draft.blocks[model].sent, decoded[model], piece)
        edit.insert(chosen, sent, at_ns=start + number * gap)
    return edit.apply().with_note(f"put in {count} deltas that repeat and are meant")

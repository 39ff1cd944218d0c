"""The control for repeats: text that repeats itself because the model intends it."""

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
    """Insert text that repeats itself because the model intends it.

    This is the control for all faults that repeat: a proxy that removes repeats must
    not change such text (``6666666666`` became ``666``: Kiro-Go#138; chatlas#435).

    Args:
        draft: The stream; it needs two text deltas.
        text: The repeated pieces, one for each delta.

            - ``digits``: ``6``.
            - ``laugh``: ``ha``.
            - ``line_breaks``: a line break.
            - ``indent``: four spaces, a letter, a line break, as in code.
            - ``table``: the pieces of the line under a table's head.
            - ``growing``: ``1``, ``11``, ``111``, ``1111``: each begins like the one
              before, as in cumulative text.
        deltas: Instead of ``text``: the pieces.
        count: The number of deltas; after the last piece the first follows again.
        where: The place.

            - ``opening``: before all other text, where the content alone does not
              distinguish them from stutter.
            - ``middle``: after the second text delta, where the opening is over.
            - ``end``: after the last text delta.

    Oracle:
        Both: everything arrives. In the opening a repairing proxy may take the text for
        stutter: both readings are correct, and are counted separately.
    """
    decoded = decode_blocks(draft.blocks)
    texts = [place for place, entry in enumerate(decoded) if entry.has_words]
    plain = [place for place in texts if decoded[place].is_text_only]
    if len(texts) < 2 or not plain:
        raise FaultError(f"expected two text deltas, got {len(texts)}")
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
    return edit.apply().with_note(f"inserted {count} deltas that repeat on purpose")

"""The fault that sends several choices in one stream."""

from __future__ import annotations

from collections import deque
from functools import partial
from random import Random
from typing import Annotated, Literal

from harness.dialects.openai_chat.chunk_edits import set_choice
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import DecodedBlock, decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json, with_text
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, AtMost
from harness.faults.registry import Layer, fault

__all__ = ["choices_interleave"]


@fault(Layer.EVENTS, example={"n": 2})
def choices_interleave(
    draft: EventDraft,
    rng: Random,
    *,
    n: Annotated[int, AtLeast(2), AtMost(128)] = 2,
    order: Literal["round_robin", "random"] = "round_robin",
) -> EventDraft:
    """Answer with several choices whose chunks alternate.

    The recording becomes choice 0. Choice k has the same events, but its text deltas
    are rotated by k and the last k of them are missing. So the texts differ, and the
    choices finish at different times.

    Args:
        draft: The stream; it must have one choice, and more text deltas than ``n``.
        rng: Draws the order.
        n: The number of choices.
        order: The order of the chunks.

            - ``round_robin``: one of each choice in turn.
            - ``random``: a drawn choice each time.

    Oracle:
        Both: each choice gets its own text, and the stream does not end at the first
        finish.
    """
    decoded = decode_blocks(draft.blocks)
    places = [place for place, entry in enumerate(decoded) if entry.choices]
    if any(delta.choice for place in places for delta in decoded[place].choices):
        raise FaultError("the stream already has several choices")
    texts = [place for place in places if decoded[place].texts]
    if len(texts) <= n:
        raise FaultError(
            f"expected fewer choices than {len(texts)} text deltas, got {n}", key="n"
        )
    waiting = [
        deque(_choice(draft, decoded, places, texts, index)) for index in range(n)
    ]
    sent: list[bytes] = []
    turn = 0
    while waiting:
        turn = rng.randrange(len(waiting)) if order == "random" else turn % len(waiting)
        sent.append(waiting[turn].popleft())
        if waiting[turn]:
            turn += 1
        else:
            del waiting[turn]
    edit = Edit(draft)
    for place in places:
        edit.drop(place)
    start, end = draft.blocks[places[0]].at_ns, draft.blocks[places[-1]].at_ns
    for number, chunk in enumerate(sent):
        at_ns = start + (end - start) * number // len(sent)
        edit.insert(places[0], chunk, at_ns=at_ns)
    return edit.apply().with_note(f"sent {n} choices, {order.replace('_', ' ')}")


def _choice(
    draft: EventDraft,
    decoded: list[DecodedBlock],
    places: list[int],
    texts: list[int],
    index: int,
) -> list[bytes]:
    """Return the chunks of choice ``index``."""
    kept = texts[: len(texts) - index]
    turned = dict(zip(kept, [*kept[index:], *kept[:index]], strict=True))
    chunks = []
    for place in places:
        if place in texts and place not in turned:
            continue
        sent = draft.blocks[place].sent
        if place in turned:
            sent = with_text(sent, decoded[place], decoded[turned[place]].texts[0][2])
        chunks.append(
            rewrite_json(sent, partial(set_choice, index=index)) if index else sent
        )
    return chunks

"""Faults of what ends a stream: finish_reason, usage, ``[DONE]``."""

from __future__ import annotations

import json
from typing import Any, Literal

from harness.faults.content import (
    Saying,
    changed,
    chunk_json,
    read_blocks,
    rewrite,
    time_before,
    with_data,
)
from harness.faults.draft import EventDraft, Meaning
from harness.faults.errors import FaultError
from harness.faults.position import landmark_block
from harness.faults.registry import Layer, fault

__all__ = ["done", "finish", "usage"]


@fault(Layer.EVENTS, example={"mode": "omit"})
def finish(draft: EventDraft, *, mode: Literal["omit", "twice"] = "omit") -> EventDraft:
    """Send no finish_reason, or the last one twice.

    Args:
        draft: The stream.
        mode: ``omit`` drops events that carry nothing else, and puts null elsewhere.
    """
    sayings = read_blocks(draft.blocks)
    last = landmark_block(sayings, "finish")
    if mode == "twice":
        block = draft.blocks[last]
        return draft.with_inserted(
            last + 1,
            block.sent,
            at_ns=block.at_ns,
            meaning=block.meaning,
            meant=block.meant,
        ).noted("sent the last finish_reason twice")
    for place in reversed(range(len(sayings))):
        if not sayings[place].has_finish:
            continue
        if _finishes_only(sayings[place]):
            draft = draft.without(place)
        else:
            draft = changed(draft, place, lambda sent: rewrite(sent, _unfinish))
    return draft.noted("sent no finish_reason")


@fault(Layer.EVENTS, example={"mode": "tail"})
def usage(draft: EventDraft, *, mode: Literal["omit", "tail"] = "omit") -> EventDraft:
    """Send no usage, or send it in an event of its own with empty choices.

    Args:
        draft: The stream; it must carry usage.
        mode: ``tail`` puts that event where OpenAI does: behind the finish.
    """
    sayings = read_blocks(draft.blocks)
    carrier = landmark_block(sayings, "usage")
    if mode == "tail" and not sayings[carrier].choices:
        raise FaultError("usage has an event of its own already", key="mode")
    data = sayings[carrier].data or ""
    tail = json.loads(data)
    tail["choices"] = []
    tail_sent = with_data(draft.blocks[carrier].sent, chunk_json(tail, like=data))
    if mode == "tail":
        place = max(carrier, landmark_block(sayings, "finish")) + 1
        draft = draft.with_inserted(place, tail_sent, at_ns=time_before(draft, place))
    for place in reversed(range(len(sayings))):
        if not sayings[place].has_usage:
            continue
        # Inserted behind the last of these places: the numbers still hold.
        if sayings[place].choices:
            draft = changed(draft, place, lambda sent: rewrite(sent, _without_usage))
        else:
            draft = draft.without(place)
    where = "in an event of its own" if mode == "tail" else "not at all"
    return draft.noted(f"sent usage {where}")


@fault(Layer.EVENTS, example={"mode": "omit"})
def done(
    draft: EventDraft,
    *,
    mode: Literal["omit", "twice", "trailing_space", "no_blank", "early"] = "omit",
) -> EventDraft:
    """Treat ``[DONE]`` in an unusual way.

    Args:
        draft: The stream; it must have ``[DONE]``.
        mode: Leave it out; send it twice; put a space behind it; end it without a blank
            line, which must be the last of the stream; or send it before the finish.
    """
    sayings = read_blocks(draft.blocks)
    place = landmark_block(sayings, "done")
    block = draft.blocks[place]
    note = f"[DONE]: {mode.replace('_', ' ')}"
    if mode == "omit":
        return draft.without(place).noted(note)
    if mode == "twice":
        return draft.with_inserted(
            place + 1, block.sent, at_ns=block.at_ns, meaning=Meaning.NOTHING
        ).noted(note)
    if mode == "trailing_space":
        spaced = with_data(block.sent, "[DONE] ")
        return draft.with_sent(place, spaced, meaning=Meaning.AS_SENT).noted(note)
    if mode == "no_blank":
        if place + 1 < len(draft.blocks):
            raise FaultError("[DONE] is not the last of the stream", key="mode")
        lines = [line for line in block.sent.splitlines(keepends=True) if line.strip()]
        return draft.with_sent(
            place, b"".join(lines), meaning=Meaning.REPLACED, meant=block.sent
        ).noted(note)
    return _done_early(draft, sayings, place).noted(note)


def _done_early(draft: EventDraft, sayings: list[Saying], done_at: int) -> EventDraft:
    finishes = [at for at, saying in enumerate(sayings[:done_at]) if saying.has_finish]
    if not finishes:
        raise FaultError("no finish stands before [DONE]", key="mode")
    first = finishes[0]
    sent = draft.blocks[done_at].sent
    at_ns = draft.blocks[first].at_ns
    draft = draft.without(done_at)
    for place in range(first, len(draft.blocks)):
        draft = draft.with_sent(
            place, draft.blocks[place].sent, meaning=Meaning.NOTHING
        )
    return draft.with_inserted(first, sent, at_ns=at_ns)


def _finishes_only(saying: Saying) -> bool:
    more = saying.texts or saying.has_role or saying.has_tool or saying.has_usage
    return not more


def _unfinish(value: Any) -> None:
    for choice in value["choices"]:
        choice["finish_reason"] = None


def _without_usage(value: Any) -> None:
    del value["usage"]

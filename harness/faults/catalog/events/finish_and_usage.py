"""Faults of the end of an answer: finish_reason and usage."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Literal

from harness.dialects.openai_chat.chunk_edits import (
    drop_choices,
    drop_usage,
    finish_choices,
    partial_usage,
    replace_finish,
    set_usage,
)
from harness.dialects.openai_chat.samples import prompt_filter
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import DecodedBlock, decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import landmark_block
from harness.faults.draft.rewrite import dump_json, rewrite_json, with_data
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["finish", "usage"]


@fault(Layer.EVENTS, example={"mode": "omit"})
def finish(
    draft: EventDraft,
    *,
    mode: Literal[
        "omit", "empty_string", "twice", "merged_with_content", "then_late_content"
    ] = "omit",
) -> EventDraft:
    """Send the finish_reason in an unusual way, or not at all.

    Args:
        draft: The stream; it must have a finish_reason.
        mode: How it is sent.

            - ``omit``: not at all; events with nothing else are omitted.
            - ``empty_string``: as an empty text (ollama#4357).
            - ``twice``: the last one a second time.
            - ``merged_with_content``: in the last chunk with text of its choice; its
              own event is omitted if it has nothing else.
            - ``then_late_content``: before the last text.

    Oracle:
        Both: as sent; the proxy invents no finish_reason and loses none.
    """
    decoded = decode_blocks(draft.blocks)
    last = landmark_block(decoded, "finish")
    edit = Edit(draft)
    if mode == "twice":
        block = draft.blocks[last]
        edit.insert(
            last + 1,
            block.sent,
            at_ns=block.at_ns,
            meaning=block.meaning,
            meant=block.meant,
        )
    elif mode == "merged_with_content":
        _merge_finishes(edit, decoded)
    elif mode == "then_late_content":
        _move_last_text(edit, draft, decoded, last)
    else:
        _unfinish(edit, decoded, "" if mode == "empty_string" else None)
    return edit.apply().with_note(f"finish_reason: {mode.replace('_', ' ')}")


def _unfinish(edit: Edit, decoded: list[DecodedBlock], value: str | None) -> None:
    """Replace every finish_reason; with None, events with nothing else are omitted."""
    for place, entry in enumerate(decoded):
        if not entry.has_finish:
            continue
        if value is None and _finishes_only(entry):
            edit.drop(place)
        else:
            change = partial(replace_finish, reason=value)
            edit.change(place, partial(rewrite_json, change=change))


def _merge_finishes(edit: Edit, decoded: list[DecodedBlock]) -> None:
    last_text: dict[int, int] = {}
    reasons: dict[int, dict[int, str]] = {}
    emptied: list[int] = []
    for place, entry in enumerate(decoded):
        finishing = {
            delta.choice: delta.finish_reason
            for delta in entry.choices
            if delta.finish_reason
        }
        if finishing and not entry.texts and all(key in last_text for key in finishing):
            emptied.append(place)
            for index, reason in finishing.items():
                reasons.setdefault(last_text[index], {})[index] = reason
        for index, _, _ in entry.texts:
            last_text[index] = place
    if not emptied:
        raise FaultError("no finish_reason follows the text of its choice")
    for place, found in reasons.items():
        change = partial(finish_choices, reasons=found)
        edit.change(place, partial(rewrite_json, change=change))
    for place in emptied:
        if _finishes_only(decoded[place]):
            edit.drop(place)
        else:
            change = partial(replace_finish, reason=None)
            edit.change(place, partial(rewrite_json, change=change))


def _move_last_text(
    edit: Edit, draft: EventDraft, decoded: list[DecodedBlock], finish_at: int
) -> None:
    texts = [place for place in range(finish_at) if decoded[place].is_text_only]
    if not texts:
        raise FaultError("there is no text before the finish", key="mode")
    block = draft.blocks[texts[-1]]
    edit.drop(texts[-1])
    at_ns = (draft.blocks[finish_at].at_ns + draft.time_after(finish_at)) // 2
    edit.insert(
        finish_at + 1,
        block.sent,
        at_ns=at_ns,
        meaning=block.meaning,
        meant=block.meant,
    )


@fault(
    Layer.EVENTS,
    example={"mode": "every_chunk_cumulative"},
    cassette="llama.cpp/plain-usage.yaml",
)
def usage(
    draft: EventDraft,
    *,
    mode: Literal[
        "omit",
        "tail",
        "tail_empty_choices",
        "every_chunk_cumulative",
        "before_finish",
        "first_empty_choices",
    ] = "omit",
) -> EventDraft:
    """Send usage in another place, several times, or not at all.

    Args:
        draft: The stream; it must have usage, except for ``first_empty_choices``.
        mode: How it is sent.

            - ``omit``: not at all.
            - ``tail_empty_choices``: after the finish, in an event of its own with
              empty choices, as OpenAI does.
            - ``tail``: another name for ``tail_empty_choices``.
            - ``every_chunk_cumulative``: in every chunk, counting up to the total; a
              client that adds them up counts far too many tokens (class 24).
            - ``before_finish``: in an event of its own with empty choices before the
              finish.
            - ``first_empty_choices``: unchanged; the stream begins with an event with
              empty choices that reports how the prompt was filtered (Azure).

    Oracle:
        Both: as sent; the last usage counts. An event with empty choices is never
        dropped.
    """
    decoded = decode_blocks(draft.blocks)
    edit = Edit(draft)
    note = f"usage: {mode.replace('_', ' ')}"
    if mode == "first_empty_choices":
        place = next((at for at, entry in enumerate(decoded) if entry.is_event), 0)
        edit.insert(place, _filtered(draft, decoded), at_ns=draft.time_before(place))
        return edit.apply().with_note(note)
    carrier = landmark_block(decoded, "usage")
    data = decoded[carrier].data or ""
    if mode == "every_chunk_cumulative":
        _count_up(edit, decoded, OPENAI_CHAT.meaning(json.loads(data)).usage)
        return edit.apply().with_note(note)
    if mode != "omit":
        finish_at = landmark_block(decoded, "finish")
        is_tail = mode in {"tail", "tail_empty_choices"}
        if is_tail and not decoded[carrier].choices:
            raise FaultError("usage already has an event of its own", key="mode")
        tail = json.loads(data)
        drop_choices(tail)
        sent = with_data(draft.blocks[carrier].sent, dump_json(tail, like=data))
        place = max(carrier, finish_at) + 1 if is_tail else finish_at
        edit.insert(place, sent, at_ns=draft.time_before(place))
    for place, entry in enumerate(decoded):
        if entry.has_usage and entry.choices:
            edit.change(place, partial(rewrite_json, change=drop_usage))
        elif entry.has_usage:
            edit.drop(place)
    return edit.apply().with_note(note)


def _count_up(edit: Edit, decoded: list[DecodedBlock], whole: Any) -> None:
    """Add a usage to every chunk with a choice, except to the one that has it."""
    chunks = [
        place
        for place, entry in enumerate(decoded)
        if entry.choices and not entry.has_usage
    ]
    if partial_usage(whole, 1, 1) is None:
        raise FaultError(
            "the usage has no completion_tokens to count up to", key="mode"
        )
    for number, place in enumerate(chunks, start=1):
        counted = partial_usage(whole, number, len(chunks))
        change = partial(set_usage, usage=counted)
        edit.change(place, partial(rewrite_json, change=change))


def _filtered(draft: EventDraft, decoded: list[DecodedBlock]) -> bytes:
    """Return the first event of Azure: no choice, and the filtering of the prompt."""
    model = next((at for at, entry in enumerate(decoded) if entry.is_chunk), None)
    if model is None:
        raise FaultError("the stream has no chunk to use as a model")
    data = dump_json(prompt_filter(), like=decoded[model].data or "")
    return with_data(draft.blocks[model].sent, data)


def _finishes_only(entry: DecodedBlock) -> bool:
    more = entry.texts or entry.has_role or entry.has_tool or entry.has_usage
    return not more

"""Faults of names: those that identify a chunk, and that of its reasoning."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from harness.dialects.openai_chat.chunk_edits import name_reasoning, rename
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["identity", "reasoning"]

Change = Literal["per_chunk"] | Mapping[str, int]


@fault(Layer.EVENTS, example={"id": "per_chunk", "created": "per_chunk"})
def identity(
    draft: EventDraft,
    *,
    id_: Change | None = None,
    created: Change | None = None,
    model: Change | None = None,
    system_fingerprint: Change | None = None,
) -> EventDraft:
    """Change the identity of a stream within it (class 26).

    Args:
        draft: The stream.
        id_: ``per_chunk``: another id in every chunk. ``{change_at: n}``: another id
            from chunk n on, counted from 0.
        created: ``per_chunk`` or ``{change_at: n}``; each change adds a second.
        model: ``per_chunk`` or ``{change_at: n}``.
        system_fingerprint: ``per_chunk`` or ``{change_at: n}``.

    Oracle:
        Both: as sent; it is one answer under any name.
    """
    changes = {
        "id": id_,
        "created": created,
        "model": model,
        "system_fingerprint": system_fingerprint,
    }
    chosen = {name: change for name, change in changes.items() if change is not None}
    if not chosen:
        raise FaultError(f"expected one of {', '.join(changes)}")
    chunks = [
        place
        for place, entry in enumerate(decode_blocks(draft.blocks))
        if entry.is_chunk
    ]
    for name, change in chosen.items():
        _check_change(name, change, len(chunks))
    edit = Edit(draft)
    for number, place in enumerate(chunks):
        change_chunk = partial(_rename, chosen, number)
        edit.change(place, partial(rewrite_json, change=change_chunk))
    words = ", ".join(f"{name} {_shown(change)}" for name, change in chosen.items())
    return edit.apply().with_note(f"changed {words}")


def _check_change(name: str, change: Change, count: int) -> None:
    if isinstance(change, str):
        return
    if set(change) != {"change_at"}:
        raise FaultError("expected per_chunk or {change_at: n}", key=name)
    if not 0 < change["change_at"] < count:
        raise FaultError(
            f"expected 1 to {count - 1}, got {change['change_at']}",
            key=f"{name}.change_at",
        )


def _shown(change: Change) -> str:
    if isinstance(change, str):
        return "in every chunk"
    return f"from chunk {change['change_at']} on"


def _turn(change: Change, number: int) -> int:
    if isinstance(change, str):
        return number
    return int(number >= change["change_at"])


def _rename(chosen: Mapping[str, Change], number: int, value: Any) -> None:
    for name, change in chosen.items():
        turn = _turn(change, number)
        if turn:
            rename(value, name, turn)


@fault(
    Layer.EVENTS,
    example={"field": "reasoning"},
    cassette="llama.cpp/reasoning.yaml",
)
def reasoning(
    draft: EventDraft,
    *,
    field: Literal[
        "reasoning_content",
        "reasoning",
        "both",
        "reasoning_details",
        "reasoning_items",
    ],
    empty_after_switch: bool = False,
) -> EventDraft:
    """Name the reasoning of a model as another provider does (class 12).

    Args:
        draft: The stream; it must have reasoning.
        field: The name.

            - ``reasoning_content``: DeepSeek, vLLM, llama.cpp.
            - ``reasoning``: OpenRouter, Groq.
            - ``both``: the same text under both names.
            - ``reasoning_details``: a list of objects with text (OpenRouter).
            - ``reasoning_items``: a list of items with a summary (LiteLLM).
        empty_after_switch: Whether every later chunk with content has the field too,
            empty.

    Oracle:
        Both: as sent; a chunk with only reasoning is never dropped, and fields that a
        proxy does not know pass.
    """
    decoded = decode_blocks(draft.blocks)
    edit = Edit(draft)
    changed = 0
    seen = False
    for place, entry in enumerate(decoded):
        thinks = any(name == "reasoning" for _, name, _ in entry.texts)
        speaks = any(name == "content" for _, name, _ in entry.texts)
        seen = seen or thinks
        if thinks or (seen and speaks and empty_after_switch):
            changed += 1
            change = partial(name_reasoning, name=field, empty=empty_after_switch)
            edit.change(place, partial(rewrite_json, change=change))
    if not seen:
        raise FaultError("the stream has no reasoning")
    also = ", and empty next to content" if empty_after_switch else ""
    return edit.apply().with_note(
        f"named reasoning {field}{also} in {changed} chunk(s)"
    )

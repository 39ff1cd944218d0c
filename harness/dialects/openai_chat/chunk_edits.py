"""In-place changes of a chunk for faults: choices, finish, usage, identity, reasoning.

A chunk is the JSON value of one event; absent parts are not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    text_of,
)

__all__ = [
    "drop_choices",
    "drop_usage",
    "finish_choices",
    "keep_share",
    "leave_empty_text",
    "name_reasoning",
    "objects_with",
    "partial_usage",
    "rename",
    "replace_finish",
    "set_choice",
    "set_usage",
]

_IN_CHOICE = frozenset({"delta", "finish_reason", "index", "logprobs"})


def set_choice(value: Any, index: int) -> None:
    """Give every choice this index."""
    for _, choice in choices_of(value):
        choice["index"] = index


def drop_choices(value: Any) -> None:
    """Remove all choices, as in chunks with usage or an error."""
    value["choices"] = []


def leave_empty_text(value: Any) -> None:
    """Reduce a chunk to an empty text of choice 0."""
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": None}
    value["choices"] = [choice]
    drop_usage(value)


def replace_finish(value: Any, reason: str | None) -> None:
    """Replace every finish reason."""
    for _, choice in choices_of(value):
        if finish_reason_of(choice):
            choice["finish_reason"] = reason


def finish_choices(value: Any, reasons: Mapping[int, str]) -> None:
    """Set the finish reasons of choices, by index."""
    for index, choice in choices_of(value):
        if index in reasons:
            choice["finish_reason"] = reasons[index]


def set_usage(value: Any, usage: Any) -> None:
    """Set the usage."""
    value["usage"] = usage


def drop_usage(value: Any) -> None:
    """Remove the usage."""
    value.pop("usage", None)


def partial_usage(whole: Any, number: int, count: int) -> dict[str, Any] | None:
    """Return the usage of the first ``number`` of ``count`` parts of an answer.

    None: the whole does not count the tokens of an answer.
    """
    total = whole.get("completion_tokens") if isinstance(whole, dict) else None
    if not isinstance(total, int):
        return None
    counted = {**whole, "completion_tokens": total * number // count}
    if isinstance(whole.get("prompt_tokens"), int) and "total_tokens" in whole:
        counted["total_tokens"] = whole["prompt_tokens"] + counted["completion_tokens"]
    return counted


def keep_share(value: Any, *, first: bool, last: bool) -> None:
    """Remove the parts that belong to other chunks, where several share one text.

    The role belongs to the first; finish reason and usage belong to the last.
    """
    for _, choice in choices_of(value):
        if not first:
            delta_of(choice).pop("role", None)
        if not last and "finish_reason" in choice:
            choice["finish_reason"] = None
    if not last:
        drop_usage(value)


def rename(value: Any, name: str, number: int) -> None:
    """Append a number to a field that identifies a stream (``id``, ``model``).

    ``created`` is a time and becomes ``number`` seconds later.
    """
    if name == "created":
        old = value.get(name)
        value[name] = (old if isinstance(old, int) else 0) + number
    else:
        value[name] = f"{text_of(value, name) or name}-{number}"


def name_reasoning(value: Any, name: str, *, empty: bool) -> None:
    """Send reasoning under another name.

    Args:
        value: The chunk.
        name: ``reasoning_content``, ``reasoning``, ``both``, ``reasoning_details`` or
            ``reasoning_items``.
        empty: Whether a choice with content but no reasoning gets an empty one.
    """
    for _, choice in choices_of(value):
        delta = delta_of(choice)
        text = text_of(delta, "reasoning_content") or text_of(delta, "reasoning")
        if not text and not (empty and text_of(delta, "content")):
            continue
        delta.pop("reasoning_content", None)
        delta.pop("reasoning", None)
        delta.update(_REASONING[name](text))


_REASONING: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "reasoning_content": lambda text: {"reasoning_content": text},
    "reasoning": lambda text: {"reasoning": text},
    "both": lambda text: {"reasoning_content": text, "reasoning": text},
    "reasoning_details": lambda text: {"reasoning_details": _details(text)},
    "reasoning_items": lambda text: {"reasoning_items": _items(text)},
}


def _details(text: str) -> list[Any]:
    return [{"type": "reasoning.text", "text": text, "index": 0}] if text else []


def _items(text: str) -> list[Any]:
    if not text:
        return []
    return [{"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}]


def objects_with(value: Any, key: str) -> Iterable[Any]:
    """Return the objects to which a key belongs: the chunk, or each of its choices."""
    return [choice for _, choice in choices_of(value)] if key in _IN_CHOICE else [value]

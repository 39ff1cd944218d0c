"""The content of a chunk: its texts, and whether it holds anything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proxy.v2.events.payload import Edit

__all__ = ["TEXT_FIELDS", "carries_nothing", "carries_text", "comes_after_text"]

TEXT_FIELDS = frozenset({"content", "reasoning_content", "reasoning", "refusal"})
"""Fields of a delta in which providers of the chat dialect put text."""

_CALLS = ("tool_calls", "function_call")

_ENVELOPE = frozenset(
    {
        "created",
        "id",
        "model",
        "obfuscation",
        "object",
        "provider",
        "service_tier",
        "system_fingerprint",
    }
)
"""Keys that every chunk of a stream carries: a dropped chunk loses none of them."""

_DELTA_TEXTS = ("text", "thinking", "partial_json")


def carries_nothing(chunk: dict[str, Any], edits: Sequence[Edit]) -> bool:
    """Tell whether a chunk would carry nothing after the edits."""
    if any(edit.new for edit in edits):
        return False
    emptied = {(id(edit.holder), edit.name) for edit in edits}
    return all(
        key in _ENVELOPE or key == "choices" or _is_empty(value)
        for key, value in chunk.items()
    ) and all(_is_bare(choice, emptied) for choice in chunk["choices"])


def carries_text(chunk: Any) -> bool:
    """Tell whether a chunk holds a part of the answer: text, or a tool call.

    It serves the time to the first token, so it is called until it is true once; it
    covers all three dialects, and old completions.
    """
    if type(chunk) is not dict:
        return False
    choices = chunk.get("choices")
    if type(choices) is list:
        return any(_has_text_or_call(choice) for choice in choices)
    delta = chunk.get("delta")
    if type(delta) is dict:
        # Anthropic's content_block_delta.
        return any(delta.get(name) for name in _DELTA_TEXTS)
    # The Responses API: response.output_text.delta and similar events.
    return type(delta) is str and delta != ""


def comes_after_text(chunk: Any) -> bool:
    """Tell whether a chunk belongs after a text: an end, a tool call, usage.

    Text that is held back must then be sent: the rest cannot change it any more.
    """
    if type(chunk) is not dict:
        return True
    if chunk.get("usage") or chunk.get("error"):
        return True
    choices = chunk.get("choices")
    if type(choices) is not list:
        return True
    return any(_ends(choice) for choice in choices)


def _ends(choice: Any) -> bool:
    if type(choice) is not dict:
        return True
    delta = choice.get("delta")
    if type(delta) is dict and any(delta.get(name) for name in _CALLS):
        return True
    return bool(choice.get("finish_reason"))


def _has_text_or_call(choice: Any) -> bool:
    if type(choice) is not dict:
        return False
    delta = choice.get("delta")
    if type(delta) is not dict:
        return bool(choice.get("text"))
    return any(delta.get(name) for name in (*TEXT_FIELDS, *_CALLS))


def _is_bare(choice: Any, emptied: set[tuple[int, str]]) -> bool:
    if not isinstance(choice, dict):
        return False
    delta = choice.get("delta")
    if isinstance(delta, dict):
        for name, value in delta.items():
            if not _is_empty(value) and (id(delta), name) not in emptied:
                return False
    elif not _is_empty(delta):
        return False
    return all(
        name in {"delta", "index"} or _is_empty(value) for name, value in choice.items()
    )


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {})

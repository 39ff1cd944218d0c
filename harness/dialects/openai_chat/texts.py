"""The texts of a chunk: their content and their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.dialects.message import Text, TextPlace
from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    index_of,
    text_of,
    tool_fragments,
)

__all__ = ["TEXT_KEYS", "delta_texts", "text_deltas", "text_places"]

TEXT_KEYS: Mapping[str, str] = {
    "content": "content",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
    "refusal": "refusal",
}
"""The keys of a delta with text for people, and the field of each."""


def text_deltas(value: Any) -> list[Text]:
    """Return the non-empty texts of a chunk, in the order of its choices.

    Args:
        value: Any JSON value; a value that is not a chunk has no texts.

    Returns:
        The choice's index, the field and the text of each. The field is ``content``,
        ``reasoning``, ``refusal`` or, for the arguments of call N, ``tool:N``.
    """
    return [
        (index, field, text)
        for index, choice in choices_of(value)
        for field, text in delta_texts(delta_of(choice))
    ]


def delta_texts(delta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the field and the text of each non-empty text of one delta."""
    if content := text_of(delta, "content"):
        yield "content", content
    # Not from OpenAI: DeepSeek names it reasoning_content, OpenRouter and Groq name it
    # reasoning; gateways that serve both kinds of client send the same text twice.
    reasoning = text_of(delta, "reasoning_content")
    if reasoning:
        yield "reasoning", reasoning
    if (also := text_of(delta, "reasoning")) and also != reasoning:
        yield "reasoning", also
    if refusal := text_of(delta, "refusal"):
        yield "refusal", refusal
    for fragment in tool_fragments(delta):
        if fragment.arguments:
            yield f"tool:{fragment.index}", fragment.arguments


def text_places(value: Any) -> Iterator[TextPlace]:
    """Yield the places of the non-empty texts of a chunk, arguments of tools included.

    Unlike `text_deltas` it yields both places of a text that is sent twice, and ignores
    the older ``function_call``.
    """
    choices = value.get("choices") if isinstance(value, dict) else None
    for at, choice in enumerate(choices if isinstance(choices, list) else ()):
        if not isinstance(choice, dict):
            continue
        index = index_of(choice, at)
        delta = delta_of(choice)
        around = ("choices", at, "delta")
        for key, field in TEXT_KEYS.items():
            if text := text_of(delta, key):
                path = (*around, key)
                yield TextPlace(choice=index, field=field, text=text, path=path)
        calls = delta.get("tool_calls")
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            function = call.get("function") if isinstance(call, dict) else None
            named = function if isinstance(function, dict) else {}
            if text := text_of(named, "arguments"):
                yield TextPlace(
                    choice=index,
                    field=f"tool:{index_of(call, number)}",
                    text=text,
                    path=(*around, "tool_calls", number, "function", "arguments"),
                )

"""The text that a chunk adds to the answer, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    text_of,
    tool_fragments,
)

__all__ = ["delta_texts", "text_deltas"]


def text_deltas(value: Any) -> list[tuple[int, str, str]]:
    """Return the non-empty texts of a chunk, in the order of its choices.

    Args:
        value: Any JSON value; what is no chunk has no texts.

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
    # Not of OpenAI: DeepSeek names it reasoning_content, OpenRouter and Groq name it
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

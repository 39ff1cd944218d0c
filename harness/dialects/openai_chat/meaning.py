"""The meaning of one chunk, choice by choice, in the common form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.dialects.message import ChoiceDelta, EventMeaning
from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    text_of,
    tool_fragments,
)
from harness.dialects.openai_chat.texts import delta_texts

__all__ = ["choice_deltas", "meaning_of"]


def meaning_of(value: Any) -> EventMeaning:
    """Return the meaning of a chunk; that of any other value is empty."""
    if not isinstance(value, dict):
        return EventMeaning()
    return EventMeaning(choices=tuple(choice_deltas(value)), usage=value.get("usage"))


def choice_deltas(value: Any) -> Iterator[ChoiceDelta]:
    """Yield the part that a chunk adds to each choice."""
    for index, choice in choices_of(value):
        delta = delta_of(choice)
        yield ChoiceDelta(
            choice=index,
            begins=any(item is not None for item in delta.values()),
            role=text_of(delta, "role"),
            has_role=bool(delta.get("role")),
            texts=tuple(delta_texts(delta)),
            tools=tuple(tool_fragments(delta)),
            has_tools=bool(delta.get("tool_calls")),
            finish_reason=finish_reason_of(choice),
        )

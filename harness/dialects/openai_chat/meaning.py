"""The meaning of one chunk, choice by choice, and what it says besides its text."""

from __future__ import annotations

import json
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
from harness.dialects.openai_chat.texts import TEXT_KEYS, delta_texts

__all__ = ["choice_deltas", "meaning_of", "without_texts"]

# Keys that every chunk repeats, so they are no content of the event.
_ENVELOPE = frozenset(
    {
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "provider",
        "obfuscation",
    }
)
_CHOICES_OR_SAME = _ENVELOPE | {"choices"}


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


def without_texts(value: dict[str, Any]) -> str | None:
    """Return a chunk without its text as JSON, or None if it has nothing else.

    Differences that legal writers of JSON make do not count: null or absent, 1.0 or 1.
    """
    more = any(
        not _says_nothing(item)
        for key, item in value.items()
        if key not in _CHOICES_OR_SAME
    )
    choices = value.get("choices")
    bare_choices: Any = choices
    if isinstance(choices, list):
        bare_choices = []
        more = more or not choices
        for choice in choices:
            bare, choice_more = _bare_choice(choice)
            bare_choices.append(bare)
            more = more or choice_more
    if not more:
        return None
    bare_value = {key: item for key, item in value.items() if key not in _ENVELOPE}
    if "choices" in bare_value:
        bare_value["choices"] = bare_choices
    normal = _normal(bare_value)
    return json.dumps(normal, sort_keys=True, ensure_ascii=True, default=str)


def _says_nothing(value: Any) -> bool:
    return value is None or value in ("", [])


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _normal(item) for key, item in value.items() if not _says_nothing(item)
        }
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _bare_choice(choice: Any) -> tuple[Any, bool]:
    if not isinstance(choice, dict):
        return choice, True
    delta = choice.get("delta")
    bare = {key: item for key, item in choice.items() if key != "delta"}
    more = any(not _says_nothing(item) for key, item in bare.items() if key != "index")
    if isinstance(delta, dict):
        rest = {
            key: item
            for key, item in delta.items()
            if not (key in TEXT_KEYS and isinstance(item, str))
        }
        bare["delta"] = rest
        more = more or any(not _says_nothing(item) for item in rest.values())
    elif delta is not None:
        bare["delta"] = delta
        more = True
    return bare, more

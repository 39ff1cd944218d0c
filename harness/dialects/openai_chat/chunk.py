"""The parts of a chunk, read from any JSON value without raising.

Providers send null, the wrong type or nothing for almost every field (recorded streams
have ``role: null``, ``content: null``, ``tool_calls: null``, chunks without choices). A
value of another than the documented type counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.dialects.message import ToolFragment

__all__ = [
    "choices_of",
    "delta_of",
    "finish_reason_of",
    "index_of",
    "text_of",
    "tool_fragments",
]


def choices_of(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each choice of a chunk with its index, or its position without one."""
    choices = value.get("choices") if isinstance(value, dict) else None
    if isinstance(choices, list):
        for position, choice in enumerate(choices):
            if isinstance(choice, dict):
                yield index_of(choice, position), choice


def delta_of(choice: dict[str, Any]) -> dict[str, Any]:
    """Return a choice's delta; empty if it is null or missing."""
    delta = choice.get("delta")
    return delta if isinstance(delta, dict) else {}


def finish_reason_of(choice: dict[str, Any]) -> str:
    """Return a choice's finish reason; empty if it has none yet."""
    return text_of(choice, "finish_reason")


def index_of(fields: dict[str, Any], position: int) -> int:
    """Return the index of a choice or a call, or its position without one."""
    index = fields.get("index")
    return index if isinstance(index, int) and _is_index(index) else position


def text_of(fields: dict[str, Any], name: str) -> str:
    """Return a field that should be a string; empty if it is not a string."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def tool_fragments(delta: dict[str, Any]) -> Iterator[ToolFragment]:
    """Yield the fragments of tool calls in a delta.

    The older ``function_call`` counts as the call with index 0, unless there are tool
    calls as well.
    """
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        for position, call in enumerate(calls):
            if isinstance(call, dict):
                yield _fragment(call, call.get("function"), position)
    elif isinstance(delta.get("function_call"), dict):
        yield _fragment({}, delta["function_call"], 0, legacy=True)


def _fragment(
    call: dict[str, Any], function: Any, position: int, *, legacy: bool = False
) -> ToolFragment:
    named = function if isinstance(function, dict) else {}
    return ToolFragment(
        index=index_of(call, position),
        indexed=_is_index(call.get("index")),
        legacy=legacy,
        id=text_of(call, "id"),
        type=text_of(call, "type"),
        name=text_of(named, "name"),
        arguments=text_of(named, "arguments"),
    )


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

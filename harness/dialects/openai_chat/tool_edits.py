"""The fragments of tool calls in a chunk, and in-place changes of them for faults.

A *fragment* is the part of a call in one chunk, as sent. Its key is its choice and its
index, or its position if it has none.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from harness.dialects.openai_chat.chunk import choices_of, delta_of, text_of

__all__ = [
    "CallKey",
    "Fragment",
    "add_empty_content",
    "arguments_of",
    "calls_in",
    "drop_ids",
    "has_id",
    "keep_call",
    "null_id",
    "null_name",
    "number_all",
    "put_arguments",
    "put_calls",
    "put_only_call",
    "repeat_head",
    "whole_call",
    "without_calls",
]

CallKey = tuple[int, Any]
"""Choice and call."""

Fragment = dict[str, Any]
"""A fragment's JSON."""


def calls_in(value: Any) -> Iterator[tuple[CallKey, Fragment]]:
    """Yield the key and the JSON of every fragment of a tool call."""
    for index, choice in choices_of(value):
        calls = delta_of(choice).get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                yield (index, call.get("index", position)), call


def arguments_of(fragment: Fragment) -> str:
    """Return the arguments in a fragment."""
    function = fragment.get("function")
    return text_of(function, "arguments") if isinstance(function, dict) else ""


def has_id(fragment: Fragment) -> bool:
    """Return whether a fragment has the id of its call."""
    return bool(fragment.get("id"))


def put_arguments(fragment: Fragment, arguments: Any) -> None:
    """Replace the arguments of a fragment that has a function."""
    if isinstance(fragment.get("function"), dict):
        fragment["function"]["arguments"] = arguments


def whole_call(fragment: Fragment, arguments: str) -> Fragment:
    """Return a whole call as one fragment, with the other fields of its first."""
    call = copy.deepcopy(fragment)
    call.setdefault("function", {})["arguments"] = arguments
    return call


def put_calls(value: Any, calls: Mapping[int, list[Fragment]]) -> None:
    """Replace the tool calls of choices, by index."""
    for index, choice in choices_of(value):
        if index in calls:
            delta_of(choice)["tool_calls"] = calls[index]


def put_only_call(
    value: Any, index: int, *, id_: str, name: str, arguments: str
) -> None:
    """Reduce a chunk to one whole call of choice 0."""
    function = {"name": name, "arguments": arguments}
    call = {"index": index, "id": id_, "type": "function", "function": function}
    value["choices"] = [
        {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    ]
    value.pop("usage", None)


def without_calls(value: Any) -> None:
    """Remove all fragments from a chunk."""
    for _, choice in choices_of(value):
        delta_of(choice).pop("tool_calls", None)


def keep_call(value: Any, key: CallKey, arguments: str) -> None:
    """Reduce a chunk to one fragment with these arguments."""
    for index, choice in choices_of(value):
        own = [
            call
            for (_, number), call in calls_in({"choices": [choice]})
            if (index, number) == key
        ]
        delta_of(choice).clear()
        if choice.get("finish_reason"):
            choice["finish_reason"] = None
        if own:
            numbered = {"index": own[0]["index"]} if "index" in own[0] else {}
            fragment = {**numbered, "function": {"arguments": arguments}}
            delta_of(choice)["tool_calls"] = [fragment]
    value.pop("usage", None)


def number_all(value: Any, index: int) -> None:
    """Give every call the same index."""
    for _, call in calls_in(value):
        call["index"] = index


def repeat_head(fragment: Fragment, head: dict[str, str]) -> None:
    """Add the id, the type and the name of earlier fragments.

    Args:
        fragment: The fragment.
        head: The values of earlier fragments, updated with those of this one.
    """
    function = fragment.setdefault("function", {})
    for holder, name in ((fragment, "id"), (fragment, "type"), (function, "name")):
        head[name] = text_of(holder, name) or head.get(name, "")
        if head[name]:
            holder[name] = head[name]


def null_id(fragment: Fragment) -> None:
    """Send null for a missing id, and for the type with it."""
    if not text_of(fragment, "id"):
        fragment["id"] = None
        fragment["type"] = None


def drop_ids(value: Any) -> None:
    """Send null for the id of every fragment."""
    for _, call in calls_in(value):
        call["id"] = None


def null_name(fragment: Fragment) -> None:
    """Send null for a missing name."""
    function = fragment.setdefault("function", {})
    if not text_of(function, "name"):
        function["name"] = None


def add_empty_content(value: Any) -> None:
    """Add an empty content to every choice without content."""
    for _, choice in choices_of(value):
        delta_of(choice).setdefault("content", "")

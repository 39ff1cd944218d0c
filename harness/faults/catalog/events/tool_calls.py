"""Tool calls whole, merged, in turn, and with other names: how each is sent."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from harness.dialects.openai_chat.chunk import choices_of, delta_of, text_of
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.draft.tool_stream import CallKey, ToolStream, calls_in
from harness.faults.errors import FaultError

__all__ = [
    "add_empty_content",
    "interleave",
    "merge_calls",
    "repeat_ids",
    "send_no_ids",
    "send_null_ids",
    "send_null_names",
    "send_objects",
    "send_same_index",
    "send_whole",
]


def send_whole(edit: Edit, stream: ToolStream) -> None:
    """Put all arguments of a call into its first fragment, and drop the others."""

    def fill(value: Any) -> None:
        for key, call in calls_in(value):
            if isinstance(call.get("function"), dict):
                call["function"]["arguments"] = stream.arguments[key]

    _at_firsts(edit, stream, fill)


def send_objects(edit: Edit, stream: ToolStream) -> None:
    """Send each call whole, its arguments an object."""
    try:
        objects = {
            key: json.loads(text or "{}") for key, text in stream.arguments.items()
        }
    except ValueError as error:
        raise FaultError("the arguments of a call are not JSON", key="mode") from error

    def fill(value: Any) -> None:
        for key, call in calls_in(value):
            if isinstance(call.get("function"), dict):
                call["function"]["arguments"] = objects[key]

    _at_firsts(edit, stream, fill)


def _at_firsts(edit: Edit, stream: ToolStream, fill: Callable[[Any], None]) -> None:
    firsts = set(stream.firsts.values())
    for place in stream.places:
        if place in firsts:
            edit.change(place, partial(rewrite_json, change=fill))
        else:
            stream.drop(edit, place)


def merge_calls(edit: Edit, stream: ToolStream) -> None:
    """Send all calls of the stream whole in the event where the first begins."""
    stream.require_two_calls()
    whole: dict[int, list[Any]] = {}
    for key, place in stream.firsts.items():
        call = copy.deepcopy(dict(stream.calls(place))[key])
        call.setdefault("function", {})["arguments"] = stream.arguments[key]
        whole.setdefault(key[0], []).append(call)

    def fill(value: Any) -> None:
        for index, choice in choices_of(value):
            if index in whole:
                delta_of(choice)["tool_calls"] = whole[index]

    first = stream.places[0]
    edit.change(first, partial(rewrite_json, change=fill))
    for place in stream.places[1:]:
        stream.drop(edit, place)


def interleave(edit: Edit, stream: ToolStream) -> None:
    """Send the fragments of the calls in turn; the times stay where they are."""
    stream.require_two_calls()
    queues: dict[CallKey, list[int]] = {}
    for place in stream.places:
        fragments = stream.calls(place)
        if len(fragments) != 1 or stream.has_other_content(place):
            raise FaultError(
                "an event carries more than one fragment of one call", key="mode"
            )
        queues.setdefault(fragments[0][0], []).append(place)
    order: list[int] = []
    waiting = list(queues.values())
    while waiting:
        order += [queue.pop(0) for queue in waiting]
        waiting = [queue for queue in waiting if queue]
    for place, source in zip(stream.places, order, strict=True):
        block = stream.draft.blocks[source]
        edit.replace_bytes(place, block.sent, meaning=block.meaning, meant=block.meant)


def _everywhere(edit: Edit, stream: ToolStream, change: Callable[[Any], None]) -> None:
    for place in stream.places:
        edit.change(place, partial(rewrite_json, change=change))


def send_same_index(edit: Edit, stream: ToolStream) -> None:
    """Give every call index 0."""
    stream.require_two_calls()

    def change(value: Any) -> None:
        for _, call in calls_in(value):
            call["index"] = 0

    _everywhere(edit, stream, change)


def repeat_ids(edit: Edit, stream: ToolStream) -> None:
    """Repeat id, type and name in every fragment."""
    heads: dict[CallKey, dict[str, str]] = {}

    def change(value: Any) -> None:
        for key, call in calls_in(value):
            head = heads.setdefault(key, {})
            function = call.setdefault("function", {})
            for holder, name in ((call, "id"), (call, "type"), (function, "name")):
                head[name] = text_of(holder, name) or head.get(name, "")
                if head[name]:
                    holder[name] = head[name]

    _everywhere(edit, stream, change)


def send_null_ids(edit: Edit, stream: ToolStream) -> None:
    """Send null for the id and the type that a later fragment has none of."""

    def change(call: dict[str, Any]) -> None:
        if not text_of(call, "id"):
            call["id"] = None
            call["type"] = None

    _after_firsts(edit, stream, change)


def send_null_names(edit: Edit, stream: ToolStream) -> None:
    """Send null for the name that a later fragment has none of."""

    def change(call: dict[str, Any]) -> None:
        function = call.setdefault("function", {})
        if not text_of(function, "name"):
            function["name"] = None

    _after_firsts(edit, stream, change)


def _after_firsts(
    edit: Edit, stream: ToolStream, change: Callable[[dict[str, Any]], None]
) -> None:
    seen: set[CallKey] = set()

    def each(value: Any) -> None:
        for key, call in calls_in(value):
            if key in seen:
                change(call)
            seen.add(key)

    _everywhere(edit, stream, each)


def send_no_ids(edit: Edit, stream: ToolStream) -> None:
    """Send null for every id."""

    def change(value: Any) -> None:
        for _, call in calls_in(value):
            call["id"] = None

    _everywhere(edit, stream, change)


def add_empty_content(edit: Edit, stream: ToolStream) -> None:
    """Put an empty content beside every fragment."""

    def change(value: Any) -> None:
        for _, choice in choices_of(value):
            delta_of(choice).setdefault("content", "")

    _everywhere(edit, stream, change)

"""Changes of whole tool calls: merged, interleaved, with other ids and names."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from harness.dialects.openai_chat import tool_edits
from harness.dialects.openai_chat.tool_edits import (
    CallKey,
    Fragment,
    calls_in,
    drop_ids,
    null_id,
    null_name,
    number_all,
    put_arguments,
    put_calls,
    repeat_head,
    whole_call,
)
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.draft.tool_stream import ToolStream
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
    """Put all arguments of a call into its first fragment and drop the others."""

    def fill(value: Any) -> None:
        for key, call in calls_in(value):
            put_arguments(call, stream.arguments[key])

    _at_firsts(edit, stream, fill)


def send_objects(edit: Edit, stream: ToolStream) -> None:
    """Send each call whole, with its arguments as an object."""
    try:
        objects = {
            key: json.loads(text or "{}") for key, text in stream.arguments.items()
        }
    except ValueError as error:
        raise FaultError("the arguments of a call are not JSON", key="mode") from error

    def fill(value: Any) -> None:
        for key, call in calls_in(value):
            put_arguments(call, objects[key])

    _at_firsts(edit, stream, fill)


def _at_firsts(edit: Edit, stream: ToolStream, fill: Callable[[Any], None]) -> None:
    firsts = set(stream.firsts.values())
    for place in stream.places:
        if place in firsts:
            edit.change(place, partial(rewrite_json, change=fill))
        else:
            stream.drop(edit, place)


def merge_calls(edit: Edit, stream: ToolStream) -> None:
    """Send all calls whole, in the event where the first begins."""
    stream.require_two_calls()
    whole: dict[int, list[Any]] = {}
    for key, place in stream.firsts.items():
        first = dict(stream.calls(place))[key]
        call = whole_call(first, stream.arguments[key])
        whole.setdefault(key[0], []).append(call)
    change = partial(put_calls, calls=whole)
    edit.change(stream.places[0], partial(rewrite_json, change=change))
    for place in stream.places[1:]:
        stream.drop(edit, place)


def interleave(edit: Edit, stream: ToolStream) -> None:
    """Send the fragments of the calls in turn; the times of sending stay."""
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
    _everywhere(edit, stream, partial(number_all, index=0))


def repeat_ids(edit: Edit, stream: ToolStream) -> None:
    """Repeat id, type and name in every fragment."""
    heads: dict[CallKey, dict[str, str]] = {}

    def change(value: Any) -> None:
        for key, call in calls_in(value):
            repeat_head(call, heads.setdefault(key, {}))

    _everywhere(edit, stream, change)


def send_null_ids(edit: Edit, stream: ToolStream) -> None:
    """Send a null id and type in every later fragment that has no id."""
    _after_firsts(edit, stream, null_id)


def send_null_names(edit: Edit, stream: ToolStream) -> None:
    """Send a null name in every later fragment that has no name."""
    _after_firsts(edit, stream, null_name)


def _after_firsts(
    edit: Edit, stream: ToolStream, change: Callable[[Fragment], None]
) -> None:
    seen: set[CallKey] = set()

    def each(value: Any) -> None:
        for key, call in calls_in(value):
            if key in seen:
                change(call)
            seen.add(key)

    _everywhere(edit, stream, each)


def send_no_ids(edit: Edit, stream: ToolStream) -> None:
    """Send a null id in every fragment."""
    _everywhere(edit, stream, drop_ids)


def add_empty_content(edit: Edit, stream: ToolStream) -> None:
    """Put an empty content next to every fragment."""
    _everywhere(edit, stream, tool_edits.add_empty_content)

"""Changes of the fragments of tool calls: lost, cut, repeated, split."""

from __future__ import annotations

from functools import partial
from typing import Any

from harness.dialects.openai_chat.tool_edits import (
    arguments_of,
    calls_in,
    has_id,
    keep_call,
    put_arguments,
)
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.draft.tool_stream import ToolStream
from harness.faults.errors import FaultError

__all__ = ["flush_again", "lose_brace", "lose_end", "lose_fragment", "split"]


def lose_fragment(edit: Edit, stream: ToolStream) -> None:
    """Omit a middle fragment."""
    inner = [
        place
        for place in stream.places
        if not any(has_id(call) for _, call in stream.calls(place))
        and not stream.has_other_content(place)
    ]
    if not inner:
        raise FaultError("no fragment has only arguments", key="mode")
    edit.drop(inner[len(inner) // 2])


def lose_brace(edit: Edit, stream: ToolStream) -> None:
    """Remove the first brace of the arguments of each call."""
    waiting = {key for key, text in stream.arguments.items() if text.startswith("{")}
    if not waiting:
        raise FaultError("no arguments begin with a brace", key="mode")

    def change(value: Any) -> None:
        for key, call in calls_in(value):
            if key in waiting and arguments_of(call):
                waiting.discard(key)
                put_arguments(call, arguments_of(call)[1:])

    for place in stream.places:
        edit.change(place, partial(rewrite_json, change=change))


def lose_end(edit: Edit, stream: ToolStream) -> None:
    """Remove the second half of the last fragment of each call."""
    if not stream.lasts:
        raise FaultError("no call has arguments", key="mode")

    def change(place: int, value: Any) -> None:
        for key, call in calls_in(value):
            if stream.lasts.get(key) == place:
                text = arguments_of(call)
                put_arguments(call, text[: len(text) // 2])

    for place in set(stream.lasts.values()):
        edit.change(place, partial(rewrite_json, change=partial(change, place)))


def flush_again(edit: Edit, stream: ToolStream) -> None:
    """Send all arguments of each call once more after its last fragment."""
    if not stream.lasts:
        raise FaultError("no call has arguments", key="mode")
    for key, place in stream.lasts.items():
        block = stream.draft.blocks[place]
        sent = rewrite_json(
            block.sent, partial(keep_call, key=key, arguments=stream.arguments[key])
        )
        at_ns = (block.at_ns + stream.draft.time_after(place)) // 2
        edit.insert(place + 1, sent, at_ns=at_ns)


def split(edit: Edit, stream: ToolStream, size: int) -> None:
    """Send the arguments in fragments of ``size`` characters.

    The first part of a fragment stays in its event with everything else; each other
    part has an event of its own after it.
    """
    changed = False
    for place in stream.places:
        long = [
            (key, arguments_of(call))
            for key, call in stream.calls(place)
            if len(arguments_of(call)) > size
        ]
        if not long:
            continue
        if stream.decoded[place].has_finish:
            raise FaultError("a fragment shares its event with the finish", key="mode")
        changed = True
        block = stream.draft.blocks[place]
        edit.change(place, partial(rewrite_json, change=partial(_shorten, size)))
        parts = [
            (key, text[start : start + size])
            for key, text in long
            for start in range(size, len(text), size)
        ]
        gap = (stream.draft.time_after(place) - block.at_ns) // (len(parts) + 1)
        for number, (key, part) in enumerate(parts, start=1):
            sent = rewrite_json(block.sent, partial(keep_call, key=key, arguments=part))
            edit.insert(place + 1, sent, at_ns=block.at_ns + number * gap)
    if not changed:
        raise FaultError(f"no fragment has more than {size} character(s)", key="n")


def _shorten(size: int, value: Any) -> None:
    for _, call in calls_in(value):
        text = arguments_of(call)
        if len(text) > size:
            put_arguments(call, text[:size])

"""Faults of tool calls, whose fragments must not be lost, merged or moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from harness.dialects.openai_chat.chunk import choices_of, delta_of, text_of
from harness.faults.content import Saying, changed, read_blocks, rewrite
from harness.faults.draft import EventDraft
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault

__all__ = ["tool"]

_Key = tuple[int, Any]
"""Choice and call."""


@fault(Layer.EVENTS, example={"mode": "lost_fragment"})
def tool(
    draft: EventDraft,
    *,
    mode: Literal[
        "lost_fragment", "id_every_fragment", "same_index", "empty_content", "whole"
    ],
) -> EventDraft:
    """Send tool calls in the ways that confuse who puts them together.

    All of them pass as they were sent.

    Args:
        draft: The stream; it must have tool calls.
        mode: Lose a middle fragment of the arguments (ANOLISA#2209: what is left can be
            valid JSON, and runs); repeat id and name in every fragment
            (llama-cpp-python); give every call index 0 (litellm#37792); put
            ``content: ""`` beside every fragment; or send each call whole where it
            begins (mlx_lm).
    """
    sayings = read_blocks(draft.blocks)
    places = [at for at, saying in enumerate(sayings) if saying.has_tool]
    if not places:
        raise FaultError("the stream has no tool call")
    if mode == "lost_fragment":
        draft = _lose_fragment(draft, sayings, places)
    elif mode == "whole":
        draft = _join_fragments(draft, sayings, places)
    else:
        change = _CHANGES[mode]()
        for place in places:
            draft = changed(draft, place, lambda sent: rewrite(sent, change))
    return draft.noted(f"tool calls: {mode}")


def _lose_fragment(
    draft: EventDraft, sayings: list[Saying], places: list[int]
) -> EventDraft:
    inner = [
        place
        for place in places
        if not any(call.get("id") for _, call in _calls_of(sayings[place]))
        and not sayings[place].has_finish
    ]
    if not inner:
        raise FaultError("no fragment carries arguments alone", key="mode")
    return draft.without(inner[len(inner) // 2])


def _join_fragments(
    draft: EventDraft, sayings: list[Saying], places: list[int]
) -> EventDraft:
    """Put all arguments of a call into its first fragment, and drop the others.

    An event that says more than its fragment stays without it.
    """
    arguments: dict[_Key, str] = {}
    firsts: dict[_Key, int] = {}
    for place in places:
        for key, call in _calls_of(sayings[place]):
            firsts.setdefault(key, place)
            arguments[key] = arguments.get(key, "") + _arguments(call)

    def fill(value: Any) -> None:
        for key, call in _calls(value):
            if isinstance(call.get("function"), dict):
                call["function"]["arguments"] = arguments[key]

    kept = set(firsts.values())
    for place in reversed(places):
        saying = sayings[place]
        if place in kept:
            draft = changed(draft, place, lambda sent: rewrite(sent, fill))
        elif saying.has_finish or saying.has_usage or saying.texts:
            draft = changed(draft, place, lambda sent: rewrite(sent, _without_calls))
        else:
            draft = draft.without(place)
    return draft


def _without_calls(value: Any) -> None:
    for _, choice in choices_of(value):
        delta_of(choice).pop("tool_calls", None)


def _repeating_ids() -> Callable[[Any], None]:
    heads: dict[_Key, dict[str, str]] = {}

    def change(value: Any) -> None:
        for key, call in _calls(value):
            head = heads.setdefault(key, {})
            function = call.setdefault("function", {})
            for holder, name in ((call, "id"), (call, "type"), (function, "name")):
                head[name] = text_of(holder, name) or head.get(name, "")
                if head[name]:
                    holder[name] = head[name]

    return change


def _same_index() -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for _, call in _calls(value):
            call["index"] = 0

    return change


def _empty_content() -> Callable[[Any], None]:
    def change(value: Any) -> None:
        for _, choice in choices_of(value):
            delta_of(choice).setdefault("content", "")

    return change


_CHANGES: Mapping[str, Callable[[], Callable[[Any], None]]] = {
    "id_every_fragment": _repeating_ids,
    "same_index": _same_index,
    "empty_content": _empty_content,
}


def _calls_of(saying: Saying) -> Iterator[tuple[_Key, dict[str, Any]]]:
    if saying.payload is not None:
        yield from _calls(saying.payload.value)


def _calls(value: Any) -> Iterator[tuple[_Key, dict[str, Any]]]:
    """Yield every fragment of a tool call with its choice and its call."""
    for index, choice in choices_of(value):
        calls = delta_of(choice).get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                yield (index, call.get("index", position)), call


def _arguments(call: dict[str, Any]) -> str:
    function = call.get("function")
    return text_of(function, "arguments") if isinstance(function, dict) else ""

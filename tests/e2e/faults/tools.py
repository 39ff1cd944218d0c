"""What the faults of tool calls put on the wire."""

from __future__ import annotations

import json

from tests.e2e.faults.case import (
    body,
    case,
    whole,
)
from tests.e2e.faults.raw import Seen
from tests.e2e.faults.reading import data_of, tool_fragments, values
from tests.e2e.faults.stream import (
    A1,
    A2,
    A3,
    B1,
    B2,
    B3,
    FT,
    TOOLS,
    D,
    R,
    call,
    chunk,
    event,
    opening,
)

ALL_A, ALL_B = '{"a":12}', '{"b":34}'


def _both(one: bytes, two: bytes) -> bytes:
    """Return one event with the tool calls of two."""
    first, second = (json.loads(data_of(block)) for block in (one, two))
    first["choices"][0]["delta"]["tool_calls"] += second["choices"][0]["delta"][
        "tool_calls"
    ]
    return event(first)


def _named(ident, name: str, index: int, arguments: str) -> bytes:
    function = {"name": name, "arguments": arguments}
    fragment = {"index": index, "id": ident, "type": "function", "function": function}
    return chunk({"tool_calls": [fragment]})


def _repeated_ids(seen: Seen) -> None:
    calls = tool_fragments(seen)
    assert ["call_a"] * 3 + ["call_b"] * 3 == [call["id"] for call in calls]
    names = [call["function"]["name"] for call in calls]
    assert ["get"] * 3 + ["put"] * 3 == names
    _same_arguments(calls)
    whole(seen)


def _same_arguments(calls: list[dict]) -> None:
    assert ["", '{"a":', "12}", "", '{"b":', "34}"] == [
        call["function"]["arguments"] for call in calls
    ]


def _null_ids(seen: Seen) -> None:
    calls = tool_fragments(seen)
    assert ["call_a", None, None, "call_b", None, None] == [c["id"] for c in calls]
    _same_arguments(calls)


def _null_names(seen: Seen) -> None:
    calls = tool_fragments(seen)
    names = [call["function"]["name"] for call in calls]
    assert ["get", None, None, "put", None, None] == names
    _same_arguments(calls)


def _no_ids(seen: Seen) -> None:
    calls = tool_fragments(seen)
    assert not any(call.get("id") for call in calls)
    _same_arguments(calls)


def _objects(seen: Seen) -> None:
    arguments = [call["function"]["arguments"] for call in tool_fragments(seen)]
    assert [{"a": 12}, {"b": 34}] == arguments
    whole(seen)


def _empty_content(seen: Seen) -> None:
    deltas = [value["choices"][0]["delta"] for value in values(seen)]
    assert [""] * 6 == [delta["content"] for delta in deltas if "tool_calls" in delta]
    _same_arguments(tool_fragments(seen))


def _flushed_again(seen: Seen) -> None:
    said: dict[int, list[str]] = {}
    for fragment in tool_fragments(seen):
        words = fragment["function"]["arguments"]
        said.setdefault(fragment["index"], []).append(words)
    assert {0: ["", '{"a":', "12}", ALL_A], 1: ["", '{"b":', "34}", ALL_B]} == said


def _one_lost(seen: Seen) -> None:
    kept = {block for block in TOOLS if block in seen.body}
    assert len(TOOLS) - 1 == len(kept)
    assert kept > {R, FT, D}
    whole(seen)


WHOLE_A, WHOLE_B = (
    opening(0, "call_a", "get", ALL_A),
    opening(1, "call_b", "put", ALL_B),
)


def _split(seen: Seen) -> None:
    said: dict[int, list[str]] = {}
    for fragment in tool_fragments(seen):
        words = fragment["function"]["arguments"]
        if words:
            said.setdefault(fragment["index"], []).append(words)
    assert {0: ALL_A, 1: ALL_B} == {key: "".join(part) for key, part in said.items()}
    assert all(len(part) <= 4 for parts in said.values() for part in parts)
    assert all(len(parts) >= 2 for parts in said.values())
    whole(seen)


TOOL = [
    case(
        "tool",
        {"mode": "split_every_n", "n": 4},
        _split,
        stream=TOOLS,
    ),
    *(
        case("tool", {"mode": mode}, body(R, WHOLE_A, WHOLE_B, FT, D), stream=TOOLS)
        for mode in ("whole", "whole_in_one")
    ),
    case(
        "tool",
        {"mode": "merged_two_calls"},
        body(R, _both(WHOLE_A, WHOLE_B), FT, D),
        stream=TOOLS,
    ),
    case(
        "tool",
        {"mode": "interleaved"},
        body(R, A1, B1, A2, B2, A3, B3, FT, D),
        stream=TOOLS,
    ),
    case(
        "tool",
        {"mode": "same_index"},
        body(
            R,
            A1,
            A2,
            A3,
            opening(0, "call_b", "put"),
            call(0, '{"b":'),
            call(0, "34}"),
            FT,
            D,
        ),
        stream=TOOLS,
    ),
    *(
        case("tool", {"mode": mode}, _repeated_ids, stream=TOOLS)
        for mode in ("id_every_chunk", "id_every_fragment")
    ),
    case("tool", {"mode": "id_null"}, _null_ids, whole, stream=TOOLS),
    case("tool", {"mode": "name_null"}, _null_names, whole, stream=TOOLS),
    case("tool", {"mode": "id_missing"}, _no_ids, whole, stream=TOOLS),
    case("tool", {"mode": "arguments_object"}, _objects, stream=TOOLS),
    case("tool", {"mode": "empty_content"}, _empty_content, whole, stream=TOOLS),
    case("tool", {"mode": "dup_final_flush"}, _flushed_again, whole, stream=TOOLS),
    case("tool", {"mode": "lost_fragment"}, _one_lost, stream=TOOLS),
    case(
        "tool",
        {"mode": "missing_brace"},
        body(R, A1, call(0, '"a":'), A3, B1, call(1, '"b":'), B3, FT, D),
        stream=TOOLS,
    ),
    case(
        "tool",
        {"mode": "truncated_end"},
        body(R, A1, A2, call(0, "1"), B1, B2, call(1, "3"), FT, D),
        stream=TOOLS,
    ),
]

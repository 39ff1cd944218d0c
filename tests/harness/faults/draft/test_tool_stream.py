from __future__ import annotations

import pytest

from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.lowering import draft_response
from harness.faults.draft.tool_stream import ToolStream
from harness.faults.errors import FaultError


@pytest.fixture
def stream_of(kit):
    """Return the tool calls of a stream of deltas, each an event."""

    def make(*deltas, finish=None):
        blocks = [kit.chunk(delta) for delta in deltas[:-1]]
        blocks.append(kit.chunk(deltas[-1], finish=finish))
        draft = draft_response(kit.response(tuple(blocks)))
        return ToolStream(draft, decode_blocks(draft.blocks))

    return make


def _part(arguments, index=0, **more):
    call = {"index": index, "function": {"arguments": arguments}, **more}
    return {"tool_calls": [call]}


def test_calls_are_known_by_their_first_and_last_fragments(stream_of):
    """A last fragment without arguments is no last one of them."""
    stream = stream_of(
        {"content": "x"}, _part("{", id="a"), _part("", 1), _part("}"), _part("")
    )

    assert [1, 2, 3, 4] == stream.places
    assert {(0, 0): "{}", (0, 1): ""} == stream.arguments
    assert {(0, 0): 1, (0, 1): 2} == stream.firsts
    assert {(0, 0): 3} == stream.lasts
    assert ["}"] == [call["function"]["arguments"] for _, call in stream.calls(3)]


@pytest.mark.parametrize(
    ("delta", "finish", "left"),
    [
        (_part("}"), None, 1),
        (_part("}"), "tool_calls", 2),
        ({**_part("}"), "content": "x"}, None, 2),
        ({**_part("}"), "role": "assistant"}, None, 2),
    ],
)
def test_a_block_is_dropped_unless_it_has_more_than_fragments(
    stream_of, delta, finish, left
):
    """What it has besides stays, without the fragments."""
    stream = stream_of(_part("{"), delta, finish=finish)
    edit = Edit(stream.draft)
    stream.drop(edit, 1)
    blocks = edit.apply().blocks

    assert left == len(blocks)
    assert stream.has_other_content(1) is (left == 2)
    assert b'tool_calls":[' not in blocks[-1].sent or left == 1


def test_two_calls_must_be_in_one_choice(stream_of):
    """Calls of two choices cannot be confused."""
    stream_of(_part("{"), _part("{", 1)).require_two_calls()
    with pytest.raises(FaultError, match="expected two tool calls, got one"):
        stream_of(_part("{"), _part("}")).require_two_calls()

from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_id_every_fragment_repeats_the_head_of_a_call(
    play, calls, kit, read_calls, whole_calls
):
    """The call stays the same."""
    wire = play({"tool": {"mode": "id_every_fragment"}}, blocks=calls)
    assert read_calls(wire) == whole_calls
    assert [block.count(b'"call_') for block in kit.sent(wire)] == [0, *[1] * 5, 0, 0]
    assert b'"name":"g"' in kit.sent(wire)[5]


def test_same_index_gives_every_call_the_index_0(play, calls, read_calls):
    """Who keys by index alone glues them together."""
    wire = play({"tool": {"mode": "same_index"}}, blocks=calls)
    assert read_calls(wire) == [(0, "call_a", "f", '{"x":1}{}')]


def test_empty_content_stands_beside_every_fragment(
    play, calls, kit, read_calls, whole_calls
):
    """It is what made the legacy architecture lose all but the last."""
    wire = play({"tool": {"mode": "empty_content"}}, blocks=calls)
    assert read_calls(wire) == whole_calls
    assert all(b'"content":""' in block for block in kit.sent(wire)[:6])


def test_whole_sends_each_call_in_one_fragment(  # noqa: PLR0917 - fixtures are arguments
    play, calls, kit, read_calls, fragments, whole_calls
):
    """The events of the other fragments go."""
    wire = play({"tool": {"mode": "whole"}}, blocks=calls)
    assert read_calls(wire) == whole_calls
    assert len(kit.sent(wire)) == len(calls) - 3


def test_whole_keeps_what_else_an_event_says(play, kit, read_calls):
    """A finish that shares its event with the last fragment stays."""
    call = {"index": 0, "id": "call_a", "function": {"name": "f", "arguments": "{"}}
    more = {"index": 0, "function": {"arguments": "}"}}
    last = kit.chunk({"tool_calls": [more]}, finish="tool_calls")
    blocks = (kit.chunk({"tool_calls": [call]}), last, kit.DONE)
    wire = play({"tool": {"mode": "whole"}}, blocks=blocks)
    assert read_calls(wire) == [(0, "call_a", "f", "{}")]
    assert kit.sent(wire)[1:] == [kit.chunk({}, finish="tool_calls"), kit.DONE]


def test_merged_two_calls_stand_whole_in_one_event(
    play, calls, kit, read_calls, whole_calls
):
    """The event where the first began."""
    wire = play({"tool": {"mode": "merged_two_calls"}}, blocks=calls)
    assert read_calls(wire) == whole_calls
    assert kit.sent(wire)[2:] == list(calls[6:])


def test_interleaved_fragments_come_in_turn(  # noqa: PLR0917 - fixtures are arguments
    play, calls, kit, read_calls, fragments, whole_calls
):
    """The order within each call stays, and so do the times."""
    wire = play({"tool": {"mode": "interleaved"}}, blocks=calls)
    assert read_calls(wire) == whole_calls
    assert fragments(wire) == [
        (0, ""),
        (1, ""),
        (0, '{"x"'),
        (1, "{}"),
        (0, ":1}"),
    ]
    assert kit.times(wire) == kit.times(play(blocks=calls))


@pytest.mark.parametrize("mode", ["merged_two_calls", "interleaved", "same_index"])
def test_two_calls_are_needed_where_two_are_confused(play, calls, mode):
    """One call is no confusion."""
    with pytest.raises(FaultError, match="expected two tool calls, got one"):
        play({"tool": {"mode": mode}}, blocks=(*calls[:4], *calls[6:]))


@pytest.mark.parametrize(
    ("mode", "first", "later"),
    [
        ("id_null", b'"id":"call_a"', b'"id":null,"type":null'),
        ("name_null", b'"name":"f"', b'"name":null'),
        ("id_missing", b'"id":null', b'"id":null'),
    ],
)
def test_ids_and_names_can_be_null(  # noqa: PLR0917 - fixtures are arguments
    play, calls, kit, mode, first, later, read_calls, fragments, whole_calls
):
    """In the fragments that have none, or in all."""
    wire = play({"tool": {"mode": mode}}, blocks=calls)
    assert first in kit.sent(wire)[1]
    assert later in kit.sent(wire)[2]
    read = [(0, "", "f", '{"x":1}'), (1, "", "g", "{}")]
    assert read_calls(wire) == (read if mode == "id_missing" else whole_calls)


def test_arguments_can_be_an_object(play, calls, fragments):
    """Whole, where the call begins; what is no JSON is refused."""
    wire = play({"tool": {"mode": "arguments_object"}}, blocks=calls)
    assert fragments(wire) == [(0, {"x": 1}), (1, {})]
    with pytest.raises(FaultError, match="are not JSON"):
        play({"tool": {"mode": "arguments_object"}}, blocks=(*calls[:3], calls[7]))

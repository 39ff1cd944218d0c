from __future__ import annotations

import json

import pytest

from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.payload import parse_payload
from harness.faults.errors import FaultError
from harness.sse.parser import parse


def _call(kit, arguments, *, index=0, id_=None, name=None):
    call = {"index": index, "function": {"arguments": arguments}}
    if id_:
        call |= {"id": id_, "type": "function"}
        call["function"] = {"name": name, "arguments": arguments}
    return kit.chunk({"tool_calls": [call]})


@pytest.fixture
def calls(kit):
    """Two calls in fragments."""
    return (
        kit.ROLE,
        _call(kit, "", id_="call_a", name="f"),
        _call(kit, '{"x"'),
        _call(kit, ":1}"),
        _call(kit, "", index=1, id_="call_b", name="g"),
        _call(kit, "{}", index=1),
        kit.chunk({}, finish="tool_calls"),
        kit.DONE,
    )


def _tool_calls(wire):
    assembler = Assembler()
    for event in parse(wire.body).events:
        assembler.feed(parse_payload(event.data))
    return [
        (call.index, call.id, call.name, call.arguments)
        for call in assembler.message().choices[0].tool_calls
    ]


WHOLE = [(0, "call_a", "f", '{"x":1}'), (1, "call_b", "g", "{}")]


def test_lost_fragment_loses_the_middle_of_the_arguments(play, calls):
    """Never a fragment that names a call."""
    wire = play({"tool": {"mode": "lost_fragment"}}, blocks=calls)
    assert _tool_calls(wire) == [(0, "call_a", "f", '{"x"'), WHOLE[1]]


def test_id_every_fragment_repeats_the_head_of_a_call(play, calls, kit):
    """The call stays the same."""
    wire = play({"tool": {"mode": "id_every_fragment"}}, blocks=calls)
    assert _tool_calls(wire) == WHOLE
    assert [block.count(b'"call_') for block in kit.sent(wire)] == [0, *[1] * 5, 0, 0]
    assert b'"name":"g"' in kit.sent(wire)[5]


def test_same_index_gives_every_call_the_index_0(play, calls):
    """Who keys by index alone glues them together."""
    wire = play({"tool": {"mode": "same_index"}}, blocks=calls)
    assert _tool_calls(wire) == [(0, "call_a", "f", '{"x":1}{}')]


def test_empty_content_stands_beside_every_fragment(play, calls, kit):
    """It is what made the legacy architecture lose all but the last."""
    wire = play({"tool": {"mode": "empty_content"}}, blocks=calls)
    assert _tool_calls(wire) == WHOLE
    assert all(b'"content":""' in block for block in kit.sent(wire)[:6])


def test_whole_sends_each_call_in_one_fragment(play, calls, kit):
    """The events of the other fragments go."""
    wire = play({"tool": {"mode": "whole"}}, blocks=calls)
    assert _tool_calls(wire) == WHOLE
    assert len(kit.sent(wire)) == len(calls) - 3


def test_whole_keeps_what_else_an_event_says(play, kit):
    """A finish that shares its event with the last fragment stays."""
    call = {"index": 0, "id": "call_a", "function": {"name": "f", "arguments": "{"}}
    more = {"index": 0, "function": {"arguments": "}"}}
    last = kit.chunk({"tool_calls": [more]}, finish="tool_calls")
    blocks = (kit.chunk({"tool_calls": [call]}), last, kit.DONE)
    wire = play({"tool": {"mode": "whole"}}, blocks=blocks)
    assert _tool_calls(wire) == [(0, "call_a", "f", "{}")]
    assert kit.sent(wire)[1:] == [kit.chunk({}, finish="tool_calls"), kit.DONE]


def test_a_stream_without_tool_calls_is_refused(play):
    """A fault that changes nothing would test nothing."""
    with pytest.raises(FaultError, match="no tool call"):
        play({"tool": {"mode": "whole"}})


def _fragments(wire, kit):
    """Index and arguments of every fragment, one to an event."""
    found = []
    for block in kit.sent(wire):
        if b'"tool_calls":[' in block:
            [choice] = json.loads(block[6:])["choices"]
            for call in choice["delta"]["tool_calls"]:
                found += [(call["index"], call["function"].get("arguments"))]
    return found


def test_split_every_n_sends_fragments_of_so_many_characters(play, calls, kit):
    """The calls stay the same; the times lie between the events."""
    wire = play({"tool": {"mode": "split_every_n", "n": 2}}, blocks=calls)
    assert _tool_calls(wire) == WHOLE
    parts = ["", '{"', 'x"', ":1", "}"]
    assert [text for index, text in _fragments(wire, kit) if index == 0] == parts
    assert kit.times(wire) == sorted(kit.times(wire))
    with pytest.raises(FaultError, match=r"tool\.n: no fragment has more than 9"):
        play({"tool": {"mode": "split_every_n", "n": 9}}, blocks=calls)


def test_merged_two_calls_stand_whole_in_one_event(play, calls, kit):
    """The event where the first began."""
    wire = play({"tool": {"mode": "merged_two_calls"}}, blocks=calls)
    assert _tool_calls(wire) == WHOLE
    assert kit.sent(wire)[2:] == list(calls[6:])


def test_interleaved_fragments_come_in_turn(play, calls, kit):
    """The order within each call stays, and so do the times."""
    wire = play({"tool": {"mode": "interleaved"}}, blocks=calls)
    assert _tool_calls(wire) == WHOLE
    assert _fragments(wire, kit) == [
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
    play, calls, kit, mode, first, later
):
    """In the fragments that have none, or in all."""
    wire = play({"tool": {"mode": mode}}, blocks=calls)
    assert first in kit.sent(wire)[1]
    assert later in kit.sent(wire)[2]
    read = [(0, "", "f", '{"x":1}'), (1, "", "g", "{}")]
    assert _tool_calls(wire) == (read if mode == "id_missing" else WHOLE)


def test_arguments_can_be_an_object(play, calls, kit):
    """Whole, where the call begins; what is no JSON is refused."""
    wire = play({"tool": {"mode": "arguments_object"}}, blocks=calls)
    assert _fragments(wire, kit) == [(0, {"x": 1}), (1, {})]
    with pytest.raises(FaultError, match="are not JSON"):
        play({"tool": {"mode": "arguments_object"}}, blocks=(*calls[:3], calls[7]))


def test_dup_final_flush_sends_all_arguments_once_more(play, calls):
    """Behind the last fragment of each call, without id and name."""
    wire = play({"tool": {"mode": "dup_final_flush"}}, blocks=calls)
    assert _tool_calls(wire) == [
        (0, "call_a", "f", '{"x":1}' * 2),
        (1, "call_b", "g", "{}" * 2),
    ]


def test_a_flush_never_repeats_the_finish(play, kit):
    """Where the last fragment shares its event."""
    call = {"index": 0, "id": "call_a", "function": {"name": "f", "arguments": "{}"}}
    last = kit.chunk({"tool_calls": [call]}, finish="tool_calls", usage={"total": 1})
    wire = play({"tool": {"mode": "dup_final_flush"}}, blocks=(last, kit.DONE))
    again = {"index": 0, "function": {"arguments": "{}"}}
    assert kit.sent(wire) == [last, kit.chunk({"tool_calls": [again]}), kit.DONE]


def test_arguments_can_lose_their_first_brace_or_their_end(play, calls):
    """The other fragments stay."""
    wire = play({"tool": {"mode": "missing_brace"}}, blocks=calls)
    assert [call[3] for call in _tool_calls(wire)] == ['"x":1}', "}"]
    wire = play({"tool": {"mode": "truncated_end"}}, blocks=calls)
    assert [call[3] for call in _tool_calls(wire)] == ['{"x":', "{"]

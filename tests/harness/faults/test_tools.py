from __future__ import annotations

import pytest

from harness.dialects.openai_chat import Assembler, parse_payload
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

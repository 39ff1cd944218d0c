"""A stream with two tool calls, and how the calls of a wire are read."""

from __future__ import annotations

import json

import pytest

from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.payload import parse_payload
from harness.sse.parser import parse


def call_chunk(kit, arguments, *, index=0, id_=None, name=None):
    """Return an event with one fragment of a call."""
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
        call_chunk(kit, "", id_="call_a", name="f"),
        call_chunk(kit, '{"x"'),
        call_chunk(kit, ":1}"),
        call_chunk(kit, "", index=1, id_="call_b", name="g"),
        call_chunk(kit, "{}", index=1),
        kit.chunk({}, finish="tool_calls"),
        kit.DONE,
    )


@pytest.fixture
def whole_calls():
    """The two calls as they are read: index, id, name and arguments."""
    return [(0, "call_a", "f", '{"x":1}'), (1, "call_b", "g", "{}")]


@pytest.fixture
def read_calls():
    """Read the tool calls of a wire as a client does."""

    def read(wire):
        assembler = Assembler()
        for event in parse(wire.body).events:
            assembler.feed(parse_payload(event.data))
        return [
            (call.index, call.id, call.name, call.arguments)
            for call in assembler.message().choices[0].tool_calls
        ]

    return read


@pytest.fixture
def fragments(kit):
    """Read index and arguments of every fragment of a wire."""

    def read(wire):
        found = []
        for block in kit.sent(wire):
            if b'"tool_calls":[' in block:
                [choice] = json.loads(block[6:])["choices"]
                found += [
                    (call["index"], call["function"].get("arguments"))
                    for call in choice["delta"]["tool_calls"]
                ]
        return found

    return read

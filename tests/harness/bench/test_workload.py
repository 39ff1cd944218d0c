"""What the generator sends and the readers look for."""

from __future__ import annotations

import json

from harness.bench.workload import DONE, FINISH, MARK, REQUEST, event
from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.payload import parse_payload
from harness.sse.parser import parse


def test_an_event_is_a_chunk_that_carries_its_number_and_time():
    """Also where a proxy writes the JSON again, with spaces."""
    sent = event(17, 123_456_789)
    assert MARK.findall(sent) == [(b"17", b"123456789")]
    value = json.loads(sent.removeprefix(b"data: "))
    assert MARK.findall(json.dumps(value).encode()) == [(b"17", b"123456789")]
    assert 250 < len(sent) < 340


def test_a_stream_of_them_is_a_whole_answer():
    """A proxy that reads the dialect finds nothing odd in it."""
    assembler = Assembler()
    body = b"".join([*(event(number, 5) for number in range(3)), FINISH, DONE])
    for found in parse(body).events:
        assembler.feed(parse_payload(found.data, found.event))
    [choice] = assembler.message().choices
    assert choice.content == " 0.5 1.5 2.5"
    assert choice.finish_reason == "stop"
    assert json.loads(REQUEST)["stream"] is True

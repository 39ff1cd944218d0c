from __future__ import annotations

import json

import pytest

from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.payload import parse_payload
from harness.faults.errors import FaultError
from harness.sse.parser import parse


def _message(wire):
    assembler = Assembler()
    for event in parse(wire.body).events:
        assembler.feed(parse_payload(event.data))
    return assembler.message()


def _indexes(wire, kit):
    chunks = [block for block in kit.sent(wire) if b'"delta"' in block]
    return [json.loads(block[6:])["choices"][0]["index"] for block in chunks]


def test_choices_take_turns_and_finish_at_different_times(play, kit):
    """Choice 0 is the recording; the others are turned and shorter."""
    wire = play({"choices_interleave": {"n": 3}})
    message = _message(wire)
    assert [choice.content for choice in message.choices] == [
        "Hello, 世界!",
        ", 世界Hello",
        "Hello, ",
    ]
    assert [choice.finish_reason for choice in message.choices] == ["stop"] * 3
    assert _indexes(wire, kit)[:6] == [0, 1, 2, 0, 1, 2]
    assert kit.sent(wire)[-2:] == [kit.USAGE, kit.DONE]
    assert kit.times(wire) == sorted(kit.times(wire))


def test_whose_turn_it_is_can_be_drawn(play, kit):
    """By the seed alone; each choice's own order stays."""
    drawn = {"choices_interleave": {"n": 2, "order": "random"}}
    one, again, other = (play(drawn, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert _indexes(one, kit) != _indexes(other, kit)
    assert _message(one) == _message(other)


def test_choices_are_refused_where_there_are_several_or_too_little_text(play, kit):
    """There must be text for each of them to differ in."""
    other = kit.chunk({"content": "Hallo"}, index=1)
    with pytest.raises(FaultError, match="already has several choices"):
        play({"choices_interleave": {}}, blocks=(*kit.STREAM[:5], other))
    with pytest.raises(
        FaultError, match=r"choices_interleave\.n: .* 4 text deltas, got 4"
    ):
        play({"choices_interleave": {"n": 4}})

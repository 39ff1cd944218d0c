from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_finish_omit_drops_an_event_that_carries_nothing_else(play, kit):
    """The stream goes on to its usage and [DONE]."""
    wire = play({"finish": {"mode": "omit"}})
    assert kit.sent(wire) == [*kit.STREAM[:5], kit.USAGE, kit.DONE]


def test_finish_omit_puts_null_where_there_is_more(play, kit):
    """The text of the same event stays."""
    both = kit.chunk({"content": "!"}, finish="stop")
    wire = play({"finish": {"mode": "omit"}}, blocks=(kit.HELLO, both, kit.DONE))
    assert kit.sent(wire) == [kit.HELLO, kit.BANG, kit.DONE]


def test_finish_twice_repeats_the_last(play, kit):
    """Both pass."""
    wire = play({"finish": {"mode": "twice"}})
    assert kit.sent(wire)[5:7] == [kit.FINISH, kit.FINISH]
    assert set(kit.meanings(wire)) == {"as_sent"}


def test_usage_omit_drops_it_wherever_it_stands(play, kit):
    """An event of its own goes; a field of another event goes."""
    beside = kit.chunk({}, finish="stop", usage={"total_tokens": 7})
    assert kit.sent(play({"usage": {}})) == [*kit.STREAM[:6], kit.DONE]
    wire = play({"usage": {}}, blocks=(kit.HELLO, beside, kit.DONE))
    assert kit.sent(wire) == [kit.HELLO, kit.FINISH, kit.DONE]


def test_usage_tail_moves_it_behind_the_finish(play, kit):
    """With empty choices, as of OpenAI; a stream that has it so is refused."""
    beside = kit.chunk({}, finish="stop", usage={"total_tokens": 7})
    wire = play({"usage": {"mode": "tail"}}, blocks=(kit.HELLO, beside, kit.DONE))
    tail = (
        b'data: {"id":"chatcmpl-1","created":7,"model":"m","choices":[],'
        b'"usage":{"total_tokens":7}}\n\n'
    )
    assert kit.sent(wire) == [kit.HELLO, kit.FINISH, tail, kit.DONE]
    with pytest.raises(FaultError, match="already"):
        play({"usage": {"mode": "tail"}})


@pytest.mark.parametrize(
    ("mode", "tail", "meanings"),
    [
        ("omit", [], []),
        ("twice", [b"data: [DONE]\n\n"] * 2, ["as_sent", "nothing"]),
        ("trailing_space", [b"data: [DONE] \n\n"], ["as_sent"]),
        ("no_blank", [b"data: [DONE]\n"], ["replaced"]),
    ],
)
def test_done_can_be_odd(play, kit, mode, tail, meanings):
    """What stands before it stays."""
    wire = play({"done": {"mode": mode}})
    assert kit.sent(wire) == [*kit.STREAM[:-1], *tail]
    assert kit.meanings(wire)[7:] == meanings


def test_done_early_puts_the_finish_behind_it(play, kit):
    """What follows [DONE] is never delivered."""
    wire = play({"done": {"mode": "early"}})
    assert kit.sent(wire)[5:] == [kit.DONE, kit.FINISH, kit.USAGE]
    assert kit.meanings(wire)[5:] == ["as_sent", "nothing", "nothing"]
    assert len(wire.writes) == len(kit.STREAM)

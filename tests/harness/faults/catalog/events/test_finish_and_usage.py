from __future__ import annotations

import json

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


def test_finish_can_be_an_empty_text(play, kit):
    """The event stays."""
    wire = play({"finish": {"mode": "empty_string"}})
    assert kit.sent(wire)[5] == kit.FINISH.replace(b'"stop"', b'""')
    others = [*kit.sent(wire)[:5], *kit.sent(wire)[6:]]
    assert others == [*kit.STREAM[:5], *kit.STREAM[6:]]


def test_finish_merged_with_content_stands_in_the_last_text(play, kit):
    """Its own event goes, unless it says more."""
    merge = {"finish": {"mode": "merged_with_content"}}
    last = kit.chunk({"content": "!"}, finish="stop")
    assert kit.sent(play(merge))[4:] == [last, kit.USAGE, kit.DONE]
    beside = kit.chunk({}, finish="stop", usage={"total_tokens": 7})
    wire = play(merge, blocks=(kit.BANG, beside, kit.DONE))
    assert kit.sent(wire) == [last, beside.replace(b'"stop"', b"null"), kit.DONE]
    with pytest.raises(FaultError, match="no finish_reason follows the text"):
        play(merge, blocks=(last, kit.DONE))


def test_finish_merged_with_content_goes_to_its_own_choice(play, kit):
    """Two choices finish, each where its text ended."""
    other = kit.chunk({"content": "Hallo"}, index=1)
    finish = kit.chunk({}, finish="length", index=1)
    blocks = (kit.HELLO, other, kit.FINISH, finish, kit.DONE)
    wire = play({"finish": {"mode": "merged_with_content"}}, blocks=blocks)
    assert kit.sent(wire) == [
        kit.chunk({"content": "Hello"}, finish="stop"),
        kit.chunk({"content": "Hallo"}, finish="length", index=1),
        kit.DONE,
    ]


def test_finish_then_late_content_moves_the_last_text_behind_it(play, kit):
    """No character is lost or added."""
    late = {"finish": {"mode": "then_late_content"}}
    wire = play(late)
    assert kit.sent(wire)[3:7] == [kit.WORLD, kit.FINISH, kit.BANG, kit.USAGE]
    assert kit.times(wire)[4:7] == [150, 155, 160]
    with pytest.raises(FaultError, match="no text before"):
        play(late, blocks=(kit.FINISH, kit.DONE))


def test_usage_can_count_up_in_every_chunk(play, kit):
    """Up to what the last one says."""
    every = {"usage": {"mode": "every_chunk_cumulative"}}
    wire = play(every)
    values = [json.loads(block[6:]) for block in kit.sent(wire)[:-1]]
    counts = [value["usage"]["completion_tokens"] for value in values]
    assert counts == [0, 1, 2, 2, 3, 4, 4]
    assert kit.sent(wire)[6] == kit.USAGE
    bare = kit.chunk({}, finish="stop", usage={"total_tokens": 7})
    with pytest.raises(FaultError, match="no completion_tokens"):
        play(every, blocks=(kit.HELLO, bare, kit.DONE))


def test_usage_can_come_before_the_finish(play, kit):
    """In an event of its own."""
    wire = play({"usage": {"mode": "before_finish"}})
    assert kit.sent(wire)[4:] == [kit.BANG, kit.USAGE, kit.FINISH, kit.DONE]


def test_usage_can_leave_an_event_with_empty_choices_first(play, kit):
    """As of Azure; the stream's own usage stays, and need not be."""
    wire = play({"usage": {"mode": "first_empty_choices"}}, blocks=kit.STREAM[:5])
    first = json.loads(kit.sent(wire)[0][6:])
    assert first["choices"] == []
    assert "prompt_filter_results" in first
    assert kit.sent(wire)[1:] == list(kit.STREAM[:5])


def test_a_usage_before_the_finish_moves_behind_it(play, kit):
    """The tail is an event of its own after both."""
    early = kit.chunk({"content": "Hello"}, usage={"total_tokens": 1})
    wire = play({"usage": {"mode": "tail"}}, blocks=(early, kit.FINISH, kit.DONE))

    assert [kit.HELLO, kit.FINISH] == kit.sent(wire)[:2]
    assert b'"choices":[],"usage":{"total_tokens":1}' in kit.sent(wire)[2]

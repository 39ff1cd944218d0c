from __future__ import annotations

import pytest

from harness.faults.errors import FaultError
from harness.sse.parser import parse


def test_without_its_blank_line_an_event_runs_into_the_next(play, kit):
    """Two data fields of one event, which is no JSON."""
    wire = play({"sse_blank": {"mode": "drop", "index": 1}})
    assert wire.body == b"".join(kit.STREAM).replace(kit.HELLO, kit.HELLO[:-1])
    assert kit.sent(wire)[1] == kit.HELLO[:-1] + kit.COMMA
    assert kit.meanings(wire)[:3] == ["as_sent", "lost", "as_sent"]
    assert kit.times(wire) == kit.times(play())


def test_without_any_blank_line_a_stream_is_one_event(play, kit):
    """Which no blank line ends either."""
    wire = play({"sse_blank": {"mode": "drop"}})
    assert wire.body == b"".join(block[:-1] for block in kit.STREAM)
    assert kit.meanings(wire) == ["lost"]
    assert parse(wire.body).events == ()


def test_what_runs_into_a_comment_stays_what_it_was(play, kit):
    """A comment within an event changes nothing, nor for a repeat."""
    blocks = (kit.HELLO, b": hi\n\n", kit.COMMA, kit.DONE)
    wire = play({"sse_blank": {"mode": "drop", "index": 0}}, blocks=blocks)
    assert kit.meanings(wire) == ["as_sent"] * 3
    faults = ({"repeat_first": {}}, {"sse_blank": {"mode": "drop", "index": 1}})
    repeat = play(*faults, blocks=blocks)
    assert kit.meanings(repeat)[1] == "nothing"


def test_the_last_event_is_completed_by_a_clean_end(play, kit):
    """So it is meant as it was."""
    wire = play({"sse_blank": {"mode": "drop", "index": -1}})
    assert kit.sent(wire)[-1] == b"data: [DONE]\n"
    assert wire.spans[-1].meaning == "replaced"
    assert wire.spans[-1].meant == kit.DONE


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_more_blank_lines_change_nothing(play, kit, end):
    """Behind every event, or before the first; written as the others are."""
    blocks = tuple(block.replace(b"\n", end) for block in kit.STREAM)
    wire = play({"sse_blank": {"mode": "double"}}, blocks=blocks)
    assert kit.sent(wire) == [block + end for block in blocks]
    wire = play({"sse_blank": {"mode": "leading"}}, blocks=blocks)
    assert kit.sent(wire) == [end + blocks[0], *blocks[1:]]
    assert [event.data for event in parse(wire.body).events] == [
        event.data for event in parse(b"".join(blocks)).events
    ]


def test_blank_lines_need_events(play):
    """A stream of comments has none."""
    with pytest.raises(FaultError, match="no event"):
        play({"sse_blank": {"mode": "drop"}}, blocks=(b": hi\n\n",))

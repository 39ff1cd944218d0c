from __future__ import annotations

import pytest

from harness.faults.draft.blocks import StreamEnd
from harness.faults.errors import FaultError


@pytest.mark.parametrize(
    ("mode", "tail", "meanings"),
    [
        ("omit", [], []),
        ("twice", [b"data: [DONE]\n\n"] * 2, ["as_sent", "nothing"]),
        ("trailing_space", [b"data: [DONE] \n\n"], ["as_sent"]),
        ("no_blank", [b"data: [DONE]\n"], ["replaced"]),
        ("no_newline", [b"data: [DONE]"], ["replaced"]),
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


def test_after_done_sends_a_ghost(play, kit):
    """It is a chunk of the stream, and must reach nobody."""
    wire = play({"after_done": {"text": "BOO"}})
    assert kit.sent(wire) == [*kit.STREAM, kit.chunk({"content": "BOO"})]
    assert kit.meanings(wire)[-1] == "nothing"
    with pytest.raises(FaultError, match="no done"):
        play({"after_done": {}}, blocks=kit.STREAM[:-1])


def test_after_done_sends_any_events(play, kit):
    """JSON or text."""
    wire = play({"after_done": {"events": [{"a": "世"}, "bye", "[DONE]"]}})
    assert kit.sent(wire)[8:] == [
        'data: {"a":"世"}\n\n'.encode(),
        b"data: bye\n\n",
        b"data: [DONE]\n\n",
    ]
    assert kit.meanings(wire)[8:] == ["nothing"] * 3
    with pytest.raises(FaultError, match="at least one"):
        play({"after_done": {"events": []}})


def test_done_can_be_followed_by_an_open_connection(play):
    """Or by a close before the framing's end; the body is the same."""
    for mode, finish in (
        ("hang", StreamEnd.STALL),
        ("no_terminator", StreamEnd.TRUNCATED),
    ):
        wire = play({"done": {"mode": mode}})
        assert wire.end is finish
        assert wire.body == play().body


def test_done_without_terminator_needs_transfer_chunks(play, kit):
    """Where the close is the framing, it is all there is."""
    answer = kit.response(headers=(("content-type", "text/event-stream"),))
    with pytest.raises(FaultError, match="only a chunked body"):
        play({"done": {"mode": "no_terminator"}}, answer=answer)


def test_done_cannot_lack_its_end_where_more_follows(play, kit):
    """Else it would run into that."""
    for mode in ("no_blank", "no_newline"):
        with pytest.raises(FaultError, match="not the last"):
            play({"done": {"mode": mode}}, blocks=(*kit.STREAM, b": bye\n\n"))

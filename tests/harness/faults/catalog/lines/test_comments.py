from __future__ import annotations

import pytest

from harness.faults.errors import FaultError
from harness.sse.parser import parse


def test_sse_comment_stands_between_events(play, kit):
    """Half-way in time between its neighbours, in a write of its own."""
    wire = play({"sse_comment": {"at": {"event": 2}, "text": "hi"}})
    assert kit.sent(wire)[1:4] == [kit.HELLO, b": hi\n\n", kit.COMMA]
    assert kit.times(wire)[1:4] == [110, 115, 120]


def test_sse_comment_comes_before_every_so_many_events(play, kit):
    """From the first on."""
    blocks = kit.sent(play({"sse_comment": {"every": 3}}))
    assert [at for at, block in enumerate(blocks) if block == b": ping\n\n"] == [
        0,
        4,
        8,
    ]


def test_sse_comment_can_be_a_line_of_an_event(play, kit):
    """No blank line parts it from the data."""
    wire = play({"sse_comment": {"at": {"event": 2}, "form": "line"}})
    assert kit.sent(wire)[2] == b": ping\n" + kit.COMMA
    with pytest.raises(FaultError, match="no event follows"):
        play({"sse_comment": {"at": {"after": "done"}, "form": "line"}})
    with pytest.raises(FaultError, match="one of every, at, every_ms"):
        play({"sse_comment": {}})


def test_keepalive_waits_and_sends_comments_meanwhile(play, kit):
    """What follows comes later by the whole wait."""
    wire = play({"keepalive": {"at": {"event": 1}, "for_ms": 100, "every_ms": 40}})
    assert kit.sent(wire)[:4] == [
        kit.ROLE,
        b": keepalive\n\n",
        b": keepalive\n\n",
        kit.HELLO,
    ]
    assert kit.times(wire)[:5] == [100, 140, 180, 210, 220]
    assert wire.end_at_ns == play().end_at_ns + 100_000_000
    with pytest.raises(FaultError, match="every_ms"):
        play({"keepalive": {"at": {"event": 1}, "for_ms": 1, "every_ms": 40}})


@pytest.mark.parametrize(
    ("form", "sent", "meaning"),
    [
        ("block", b": hi\n\n", "as_sent"),
        ("bare_colon", b":\n\n", "as_sent"),
        ("as_data", b"data: : hi\n\n", "nothing"),
        ("empty_data", b"data:\n\n", "nothing"),
    ],
)
def test_a_comment_has_many_forms(play, kit, form, sent, meaning):
    """Two of them are events, which a repairing proxy keeps from the client."""
    wire = play({"sse_comment": {"at": {"event": 2}, "text": "hi", "form": form}})
    assert kit.sent(wire)[2] == sent
    assert kit.meanings(wire)[2] == meaning


def test_comments_come_whenever_so_much_time_has_passed(play, kit):
    """Between two events too, at their very times."""
    wire = play({"sse_comment": {"every_ms": 4}})
    assert [at for at in kit.times(wire) if at % 10] == [
        *[104, 108, 112, 116, 124, 128, 132, 136, 144, 148, 152, 156, 164, 168]
    ]
    assert len(parse(wire.body).comments) == 17
    assert kit.times(wire) == sorted(kit.times(wire))


def test_timed_comments_can_be_lines_of_events(play, kit):
    """All that were due before an event stand in it; none is left for the end."""
    wire = play({"sse_comment": {"every_ms": 4, "form": "line"}})
    assert kit.sent(wire)[1] == b": ping\n" * 2 + kit.HELLO
    assert len(wire.writes) == len(kit.STREAM)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"every_ms": 0}, "at least .*, for at most 100000 comments"),
        ({"every_ms": 1e-7}, "at least .*, for at most 100000 comments"),
        ({"every_ms": 100}, "the stream takes 70 ms"),
        ({"every": 1, "every_ms": 1}, "one of every, at, every_ms"),
        ({"every": 1, "text": "a\nb"}, r"sse_comment\.text: expected one line"),
    ],
)
def test_comments_are_refused_that_cannot_be(play, parameters, message):
    """Too many, or none."""
    with pytest.raises(FaultError, match=message):
        play({"sse_comment": parameters})


def test_a_comment_can_stand_within_an_event(play, kit):
    """Between two of its lines it is legal; within one it is part of it."""
    named = b"event: x\n" + kit.HELLO
    at = {"event": 0, "offset": 9}
    wire = play({"sse_comment": {"at": at, "form": "line"}}, blocks=(named, kit.DONE))
    assert kit.sent(wire)[0] == b"event: x\n: ping\n" + kit.HELLO
    assert len(wire.writes) == 4


def test_keepalive_can_come_within_an_event(play, kit):
    """The rest of the event, and all behind it, comes later by the whole wait."""
    at = {"event": 1, "offset": 20}
    wire = play({"keepalive": {"at": at, "for_ms": 100, "every_ms": 40}})
    beats = b": keepalive\n\n" * 2
    assert kit.sent(wire)[1] == kit.HELLO[:20] + beats + kit.HELLO[20:]
    assert kit.times(wire)[:6] == [100, 110, 150, 190, 210, 220]
    assert wire.end_at_ns == play().end_at_ns + 100_000_000


def test_keepalive_refuses_more_comments_than_memory_has_room_for(play):
    """A week of them a nanosecond apart."""
    week = {"at": {"event": 1}, "for_ms": 604_800_000, "every_ms": 1e-6}
    with pytest.raises(FaultError, match="and at most 100000 comments"):
        play({"keepalive": week})


def test_a_comment_that_is_due_with_an_event_follows_it(play, kit):
    """Events are 10 ms apart, and so are the comments."""
    sent = kit.sent(play({"sse_comment": {"every_ms": 10}}))

    assert [kit.ROLE, kit.HELLO, b": ping\n\n", kit.COMMA] == sent[:4]

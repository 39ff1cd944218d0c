from __future__ import annotations

import json

import pytest

from harness.faults.errors import FaultError
from harness.sse.model import DeviationKind
from harness.sse.parser import parse

_SAME_EVENTS = [
    {"sse_eol": {"eol": "crlf"}},
    {"sse_eol": {"eol": "cr"}},
    {"sse_eol": {"eol": "mixed"}},
    {"sse_space": {"spaces": 0}},
    {"sse_bom": {}},
    {"sse_comment": {"every": 2}},
    {"sse_comment": {"every": 1, "form": "line"}},
    {"sse_comment": {"at": {"event": 3}, "form": "bare_colon"}},
    {"sse_field": {"field": "retry", "value": "3000", "form": "alone", "index": 0}},
    {"sse_field": {"field": "unknown", "value": "x"}},
    {"keepalive": {"at": {"event": 1}, "for_ms": 100, "every_ms": 30}},
]


@pytest.mark.parametrize("faults", _SAME_EVENTS, ids=str)
def test_the_events_stay_the_same(play, faults):
    """Line faults change bytes that a reader does not see."""
    original, wire = play(), play(faults)
    assert [event.data for event in parse(wire.body).events] == [
        event.data for event in parse(original.body).events
    ]
    assert {str(span.meaning) for span in wire.spans} == {"as_sent"}


@pytest.mark.parametrize(
    ("eol", "end"), [("crlf", b"\r\n"), ("cr", b"\r"), ("lf", b"\n")]
)
def test_sse_eol_changes_every_line_end(play, kit, eol, end):
    """Whatever it was before."""
    first = "cr" if eol == "crlf" else "crlf"
    wire = play({"sse_eol": {"eol": first}}, {"sse_eol": {"eol": eol}})
    assert wire.body == b"".join(kit.STREAM).replace(b"\n", end)
    assert kit.times(wire) == kit.times(play())


def test_sse_eol_keeps_the_borders_of_writes(play, kit):
    """An event that came in two reads still does."""
    answer = kit.response((kit.ROLE, kit.HELLO[:20], kit.HELLO[20:], kit.DONE))
    wire = play({"sse_eol": {"eol": "crlf"}}, answer=answer)
    assert [len(write.data) for write in wire.writes] == [
        len(kit.ROLE) + 2,
        20,
        len(kit.HELLO) - 20 + 2,
        len(kit.DONE) + 2,
    ]


def test_sse_space_writes_any_number_of_spaces(play, kit):
    """Two leave one in the data."""
    assert kit.sent(play({"sse_space": {"spaces": 0}}))[-1] == b"data:[DONE]\n\n"
    assert kit.sent(play({"sse_space": {"spaces": 2}}))[-1] == b"data:  [DONE]\n\n"
    text = kit.chunk({"content": "data: x"})
    assert b"data: x" in play({"sse_space": {}}, blocks=(text,)).body


def test_sse_multiline_cuts_between_tokens(play, kit):
    """The data gains a line end where JSON allows white space."""
    wire = play({"sse_multiline": {"index": 1}})
    parsed = parse(wire.body)
    assert json.loads(parsed.events[1].data) == json.loads(kit.HELLO[6:])
    assert parsed.events[1].data.count("\n") == 1
    assert [deviation.kind for deviation in parsed.deviations] == [
        DeviationKind.MULTI_LINE_DATA
    ]
    everywhere = parse(play({"sse_multiline": {}}).body)
    assert len(everywhere.deviations) == len(kit.STREAM) - 1
    with pytest.raises(FaultError, match="no JSON with two members"):
        play({"sse_multiline": {"index": -1}})


def test_sse_multiline_can_cut_within_a_string(play, kit):
    """Joined by the line end that WHATWG puts there, the data is no JSON any more."""
    for index in (1, 2):
        wire = play({"sse_multiline": {"index": index, "at": "in_text"}})
        with pytest.raises(ValueError, match="control character"):
            json.loads(parse(wire.body).events[index].data)


def test_sse_bom_stands_first(play, kit):
    """Once, before everything."""
    assert play({"sse_bom": {}}).body == b"\xef\xbb\xbf" + b"".join(kit.STREAM)


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
    assert wire.finish_at_ns == play().finish_at_ns + 100_000_000
    with pytest.raises(FaultError, match="every_ms"):
        play({"keepalive": {"at": {"event": 1}, "for_ms": 1, "every_ms": 40}})


def test_sse_field_stands_in_an_event_or_alone(play, kit):
    """Before the data, or as a block that dispatches nothing."""
    wire = play({"sse_field": {"field": "id", "value": "7", "index": -1}})
    assert kit.sent(wire)[-1] == b"id: 7\ndata: [DONE]\n\n"
    alone = {"field": "retry", "value": "3000", "form": "alone", "index": 0}
    assert kit.sent(play({"sse_field": alone}))[:2] == [b"retry: 3000\n\n", kit.ROLE]
    with pytest.raises(FaultError, match="one line"):
        play({"sse_field": {"field": "id", "value": "7\n8"}})

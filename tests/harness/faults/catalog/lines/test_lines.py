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
    with pytest.raises(FaultError, match="not JSON with two members"):
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


def test_sse_field_stands_in_an_event_or_alone(play, kit):
    """Before the data, or as a block that dispatches nothing."""
    wire = play({"sse_field": {"field": "id", "value": "7", "index": -1}})
    assert kit.sent(wire)[-1] == b"id: 7\ndata: [DONE]\n\n"
    alone = {"field": "retry", "value": "3000", "form": "alone", "index": 0}
    assert kit.sent(play({"sse_field": alone}))[:2] == [b"retry: 3000\n\n", kit.ROLE]
    with pytest.raises(FaultError, match="one line"):
        play({"sse_field": {"field": "id", "value": "7\n8"}})


def test_mixed_line_ends_are_drawn_for_each_line(play, kit):
    """The events stay the same, whatever is drawn."""
    wires = [play({"sse_eol": {"eol": "mixed"}}, seed=seed) for seed in range(200)]
    assert len({wire.body for wire in wires}) > 1
    plain = [event.data for event in parse(b"".join(kit.STREAM)).events]
    for wire in wires:
        assert [event.data for event in parse(wire.body).events] == plain


def test_a_crlf_can_come_in_two_writes(play, kit):
    """CR ends one write, LF begins the next, at the same time."""
    wire = play({"sse_eol": {"eol": "crlf", "split_crlf": True}})
    assert wire.body == b"".join(kit.STREAM).replace(b"\n", b"\r\n")
    assert [write.data for write in wire.writes][-3:] == [
        b"data: [DONE]\r",
        b"\n\r",
        b"\n",
    ]
    assert len(wire.writes) == 3 * len(kit.STREAM)
    with pytest.raises(FaultError, match="no CRLF to split"):
        play({"sse_eol": {"eol": "cr", "split_crlf": True}})


def test_a_split_keeps_the_writes_of_the_recording(play, kit):
    """Events that shared a write still do, but for the new borders."""
    answer = kit.response((kit.ROLE + kit.HELLO, kit.DONE))
    wire = play({"sse_bom": {"split": True}}, answer=answer)
    assert [write.data for write in wire.writes] == [
        b"\xef",
        b"\xbb",
        b"\xbf",
        kit.ROLE + kit.HELLO,
        kit.DONE,
    ]


def test_sse_multiline_can_cut_a_text(play, kit):
    """A line break within a string is no JSON."""
    wire = play({"sse_multiline": {"select": "first_content", "at": "in_text"}})
    assert kit.meanings(wire)[1] == "lost"
    data = parse(wire.body).events[1].data
    assert data.replace("\n", "") == kit.HELLO[6:-2].decode()
    with pytest.raises(ValueError, match="control character"):
        json.loads(data)
    with pytest.raises(FaultError, match="either index or select"):
        play({"sse_multiline": {"index": 1, "select": "all"}})


def test_sse_field_takes_numbers(play, kit):
    """A reconnection time is one."""
    wire = play({"sse_field": {"field": "retry", "value": 3000, "index": 0}})
    assert kit.sent(wire)[0] == b"retry: 3000\n" + kit.ROLE


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_event_lines_are_stripped(play, kit, end):
    """Whatever ends them; data that says event stays."""
    text = b'data: {"choices":[],"x":"event: y"}\n\n'
    blocks = (b"event: message_start\n" + text, b"event\n" + text, kit.DONE)
    blocks = tuple(block.replace(b"\n", end) for block in blocks)
    wire = play({"sse_strip_event_lines": {}}, blocks=blocks)
    assert kit.sent(wire) == [
        text.replace(b"\n", end),
        text.replace(b"\n", end),
        blocks[2],
    ]
    with pytest.raises(FaultError, match="no event has a name"):
        play({"sse_strip_event_lines": {}})

from __future__ import annotations

import json

import pytest

from harness.faults.errors import FaultError


@pytest.mark.parametrize(
    ("parameters", "sent", "meaning"),
    [
        ({"data": "<html>"}, b"data: <html>\n\n", "nothing"),
        ({"data": '{"a":'}, b'data: {"a":\n\n', "lost"),
        ({"data": '{"a":1}'}, b'data: {"a":1}\n\n', "as_sent"),
        ({"data": "a\nb"}, b"data: a\ndata: b\n\n", "nothing"),
        ({"data": "<p>", "meaning": "lost"}, b"data: <p>\n\n", "lost"),
        ({"raw": "junk\n\n"}, b"junk\n\n", "as_sent"),
    ],
)
def test_insert_puts_an_event_between_two_others(play, kit, parameters, sent, meaning):
    """What it means follows from what it is, unless the scenario says so."""
    wire = play({"insert": {"at": {"event": 2}, **parameters}})
    assert kit.sent(wire) == [*kit.STREAM[:2], sent, *kit.STREAM[2:]]
    assert kit.meanings(wire)[2] == meaning


def test_insert_wants_data_or_raw(play):
    """One of them, not both."""
    with pytest.raises(FaultError, match="either data or raw"):
        play({"insert": {"at": {"event": 2}}})
    with pytest.raises(FaultError, match=r"insert\.data: expected no CR"):
        play({"insert": {"at": {"event": 2}, "data": "a\rb"}})


def test_giant_event_is_a_chunk_of_the_stream_with_a_long_text(play, kit):
    """Everything but the text is as in the first text event."""
    wire = play({"giant_event": {"size": 12, "at": {"after": "first_content"}}})
    assert kit.sent(wire)[2] == kit.chunk({"content": "0 1 2 3 4 5 "})
    assert kit.meanings(wire)[2] == "as_sent"


def test_insert_within_an_event_becomes_part_of_it(play, kit):
    """As of a proxy that writes its own before the open event is whole."""
    wire = play({"insert": {"at": {"event": 1, "offset": 20}, "data": "x"}})
    assert kit.sent(wire)[1] == kit.HELLO[:20] + b"data: x\n\n" + kit.HELLO[20:]
    assert kit.meanings(wire)[1] == "as_sent"
    sizes = [len(write.data) for write in wire.writes]
    assert sizes[1:4] == [20, 9, len(kit.HELLO) - 20]


def test_what_breaks_a_repeat_is_lost(play, kit):
    """Nobody can tell any longer that it was one."""
    broken = {"insert": {"at": {"event": 2, "offset": 20}, "data": "x"}}
    assert kit.meanings(play({"repeat_first": {}}, broken))[2] == "lost"
    comment = {"raw": {"at": {"event": 2}, "text": ": c\n"}}
    wire = play({"repeat_first": {}}, comment)
    assert kit.sent(wire)[2] == b": c\n" + kit.HELLO
    assert kit.meanings(wire)[2] == "nothing"


def test_giant_event_can_be_a_tool_call(play, kit):
    """Whole, with the next free index, its arguments valid JSON."""
    giant = {"size": 12, "at": {"event": 1}, "kind": "tool_args"}
    used = kit.chunk({"tool_calls": [{"index": 4, "id": "c"}]})
    wire = play({"giant_event": giant}, blocks=(*kit.STREAM[:5], used, kit.DONE))
    [choice] = json.loads(kit.sent(wire)[1][6:])["choices"]
    [call] = choice["delta"]["tool_calls"]
    assert call["index"] == 5
    assert json.loads(call["function"]["arguments"]) == {"text": "0 1 2 3 4 5 "}


def test_giant_event_can_be_a_line_that_never_ends(play, kit):
    """So many bytes of data, no line end, and nothing behind them."""
    giant = {"size": 500, "kind": "no_newline_ever"}
    wire = play({"giant_event": {**giant, "at": {"event": 2}}})
    assert kit.sent(wire)[:2] == list(kit.STREAM[:2])
    [line] = kit.sent(wire)[2:]
    assert (len(line), line.count(b"\n")) == (500, 0)
    assert kit.meanings(wire)[2] == "lost"
    within = {**giant, "at": {"event": 2, "offset": 30}}
    [line] = kit.sent(play({"giant_event": within}))[2:]
    assert line.startswith(kit.COMMA[:30] + b"0 1 2 ")
    assert (len(line), line.count(b"\n")) == (530, 0)


def test_tiny_events_count_on(play, kit):
    """Each a chunk of the stream; all of them one text."""
    wire = play({"tiny_events": {"n": 3, "bytes_each": 2, "gap_ms": 5}})
    parts = ("0 ", "1 ", "2 ")
    assert kit.sent(wire)[2:5] == [kit.chunk({"content": part}) for part in parts]
    assert kit.sent(wire)[5:] == list(kit.STREAM[2:])
    assert kit.times(wire)[1:6] == [110, 115, 120, 125, 135]
    assert wire.end_at_ns == play().end_at_ns + 15_000_000


def test_raw_puts_bytes_at_the_very_byte(play):
    """By byte and by fraction."""
    plain = play().body
    wire = play({"raw": {"at": {"byte": 20}, "text": "é"}})
    assert wire.body == plain[:20] + "é".encode() + plain[20:]
    wire = play({"raw": {"at": {"frac": 0.5}, "base64": "/w=="}})
    half = len(plain) // 2
    assert wire.body == plain[:half] + b"\xff" + plain[half:]


def test_raw_without_a_blank_line_belongs_to_the_event_behind_it(play, kit):
    """Its line is longer now; with a blank line it is a block of its own."""
    wire = play({"raw": {"at": {"event": 1}, "text": "junk"}})
    assert kit.sent(wire)[1] == b"junk" + kit.HELLO
    wire = play({"raw": {"at": {"event": 1}, "text": "junk\n\n"}})
    assert kit.sent(wire)[1:3] == [b"junk\n\n", kit.HELLO]
    wire = play({"raw": {"at": {"after": "done"}, "text": "junk"}})
    assert kit.sent(wire)[-1] == b"junk"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "either text or base64"),
        ({"text": "a", "base64": "YQ=="}, "either text or base64"),
        ({"text": ""}, "at least one byte"),
        ({"base64": "?"}, r"raw\.base64: expected base64"),
        ({"text": "a", "at": {"byte": 10_000}}, r"raw\.byte: the body has"),
        ({"text": "a", "at": {"event": 1, "offset": 4000}}, "the event has 124 bytes"),
    ],
)
def test_raw_refuses_what_is_no_bytes_or_no_place(play, parameters, message):
    """With the parameter that is to blame."""
    with pytest.raises(FaultError, match=message):
        play({"raw": {"at": {"event": 1}, **parameters}})

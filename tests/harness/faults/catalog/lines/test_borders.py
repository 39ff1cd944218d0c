from __future__ import annotations

import json

import pytest

from harness.faults.errors import FaultError
from harness.sse.parser import parse


def test_event_truncate_cuts_the_data_and_keeps_the_lines(play, kit):
    """What began like an object may have carried text, and is lost."""
    wire = play({"event_truncate": {"index": 3, "keep_bytes": 9}})
    assert kit.sent(wire)[3] == b'data: {"id":"ch\n\n'
    assert kit.meanings(wire)[3] == "lost"
    assert kit.meanings(play({"event_truncate": {"index": -1, "keep_bytes": 3}}))[
        -1
    ] == ("nothing")
    with pytest.raises(FaultError, match="6 bytes of data, got 6"):
        play({"event_truncate": {"index": -1, "keep_bytes": 6}})


def test_event_truncate_can_send_the_rest_as_an_event(play, kit):
    """No byte is lost, and yet the event is."""
    fault = {"index": 3, "keep_bytes": 9, "rest": "next_event"}
    wire = play({"event_truncate": fault})
    assert kit.sent(wire)[3] == b'data: {"id":"ch\n\n'
    assert kit.sent(wire)[4] == b"data: " + kit.WORLD[6 + 9 :]
    assert kit.meanings(wire)[3:5] == ["lost", "nothing"]
    assert len(wire.body) == len(play().body) + len(b"\n\ndata: ")


@pytest.mark.parametrize(("join", "between"), [("\n", b"\ndata: "), ("", b"")])
def test_event_merge_glues_events(play, kit, join, between):
    """With a line break it is two data fields, without one a single line."""
    wire = play({"event_merge": {"index": 1, "n": 2, "join": join}})
    one, two = kit.HELLO[6:-2], kit.COMMA[6:-2]
    assert kit.sent(wire)[1] == b"data: " + one + between + two + b"\n\n"
    assert kit.meanings(wire)[1] == "lost"
    assert kit.sent(wire)[2:] == list(kit.STREAM[3:])
    assert kit.times(wire)[1] == 120
    with pytest.raises(FaultError, match="n: only 1 event"):
        play({"event_merge": {"index": -1, "n": 2}})


def test_event_merge_keeps_the_line_ends_of_the_events(play, kit):
    """CRLF stays CRLF; a comment between the two comes before them."""
    crlf = tuple(block.replace(b"\n", b"\r\n") for block in kit.STREAM)
    blocks = (crlf[1], b": hi\r\n\r\n", crlf[2], crlf[-1])
    wire = play({"event_merge": {"index": 0, "n": 2}}, blocks=blocks)
    assert kit.sent(wire)[:2] == [b": hi\r\n\r\n", crlf[1][:-2] + crlf[2]]


def _texts(wire):
    events = parse(wire.body).events
    values = [json.loads(event.data) for event in events if event.data != "[DONE]"]
    choices = [choice for value in values for choice in value["choices"]]
    return [choice["delta"].get("content") for choice in choices]


def test_event_split_text_sends_one_text_in_several_chunks(play, kit):
    """Each a chunk of its own, spread over the time to the next event."""
    wire = play({"event_split_text": {"index": 1, "cuts": [1, 4]}})
    parts = ["H", "ell", "o"]
    assert kit.sent(wire)[1:4] == [kit.chunk({"content": part}) for part in parts]
    assert set(kit.meanings(wire)) == {"as_sent"}
    assert [round(at) for at in kit.times(wire)[1:5]] == [110, 113, 117, 120]


def test_event_split_text_keeps_role_and_finish_once(play, kit):
    """The role in the first part, the finish and the usage in the last."""
    delta = {"role": "assistant", "content": "ab"}
    whole = kit.chunk(delta, finish="stop", usage={"total_tokens": 2})
    wire = play({"event_split_text": {"index": 0, "cuts": [1]}}, blocks=(whole,))
    first, last = kit.sent(wire)
    assert first == kit.chunk({"role": "assistant", "content": "a"})
    assert last == kit.chunk({"content": "b"}, finish="stop", usage={"total_tokens": 2})


def test_event_split_text_can_cut_a_character(play, kit):
    """Then the bytes of one character travel in two chunks."""
    wire = play({"event_split_text": {"index": 3, "cuts": [1]}})
    one, two = kit.sent(wire)[3:5]
    assert b'"content":"\xe4"' in one
    assert b'"content":"\xb8\x96\xe7\x95\x8c"' in two


def test_event_split_text_leaves_escapes_whole(play):
    """An escaped character has no bytes to part; others do."""
    escaped = b'data: {"choices":[{"delta":{"content":"a\\u4e16"}}]}\n\n'
    wire = play({"event_split_text": {"index": 0, "cuts": [1]}}, blocks=(escaped,))
    assert _texts(wire) == ["a", "世"]
    assert b'"\\u4e16"' in wire.body
    with pytest.raises(FaultError, match="no bytes to cut"):
        play({"event_split_text": {"index": 0, "cuts": [2]}}, blocks=(escaped,))


@pytest.mark.parametrize(
    ("cuts", "index", "message"),
    [
        ([5], 1, "ascending numbers from 1 to 4"),
        ([2, 1], 1, "ascending"),
        ([], 1, "ascending"),
        ([1], 0, "one text"),
        ([1], -1, "one text"),
    ],
)
def test_event_split_text_refuses_what_it_cannot_cut(play, cuts, index, message):
    """Cuts outside the text, events without one."""
    with pytest.raises(FaultError, match=message):
        play({"event_split_text": {"index": index, "cuts": cuts}})


def test_event_split_text_refuses_what_was_changed_before(play):
    """Nobody could say what the parts of a repeat are meant to be."""
    with pytest.raises(FaultError, match="an earlier fault has already changed"):
        play({"cumulative": {}}, {"event_split_text": {"index": 2, "cuts": [1]}})

from __future__ import annotations

import pytest

from harness.dialects.openai_chat.assemble import Assembler
from harness.dialects.openai_chat.payload import parse_payload
from harness.faults.errors import FaultError
from harness.sse.parser import parse


def _text(wire):
    assembler = Assembler()
    for event in parse(wire.body).events:
        assembler.feed(parse_payload(event.data))
    return assembler.message().choices[0].content


@pytest.mark.parametrize(
    ("mode", "written", "read"),
    [
        (
            "raw_u2028_u2029_u0085",
            "a\u2028b\u2029c\u0085d".encode(),
            "a\u2028b\u2029c\u0085d",
        ),
        ("invalid_byte", b"\xff", "\ufffd"),
        ("truncated_tail", b"\xe4\xb8", "\ufffd"),
        ("lone_surrogate", b"\\ud83d", "\ud83d"),
        ("nul", b"\\u0000", "\0"),
    ],
)
def test_characters_stand_behind_a_text(play, kit, mode, written, read):
    """Byte for byte; every reader makes the same of them."""
    wire = play({"unicode": {"mode": mode}})
    assert kit.sent(wire)[2] == kit.COMMA.replace(b'", "', b'", ' + written + b'"')
    assert _text(wire) == f"Hello, {read}世界!"
    assert set(kit.meanings(wire)) == {"as_sent"}


def test_which_text_can_be_said(play, kit):
    """By the number of its event."""
    wire = play({"unicode": {"mode": "nul", "index": -4}})
    assert kit.sent(wire)[4] == kit.BANG.replace(b'"!"', b'"!\\u0000"')
    with pytest.raises(FaultError, match=r"unicode\.index: the event has no text"):
        play({"unicode": {"mode": "nul", "index": 0}})


def test_a_pair_can_be_split_over_two_events(play, kit):
    """Put together it is one character to who joins strings of UTF-16."""
    wire = play({"unicode": {"mode": "pair_split_over_events"}})
    assert b'", \\ud83d"' in kit.sent(wire)[2]
    assert kit.sent(wire)[3] == kit.COMMA.replace(b'", "', b'"\\ude00"')
    assert _text(wire) == "Hello, 😀世界!"


def test_all_that_is_not_ascii_can_be_escaped(play, kit):
    """The other bytes stay as they were."""
    wire = play({"unicode": {"mode": "escaped_ascii"}})
    assert kit.sent(wire)[3] == kit.WORLD.replace("世界".encode(), b"\\u4e16\\u754c")
    assert kit.sent(wire)[:3] == list(kit.STREAM[:3])
    emoji = kit.chunk({"content": "😀"})
    wire = play({"unicode": {"mode": "escaped_ascii"}}, blocks=(emoji,))
    assert b'"\\ud83d\\ude00"' in wire.body
    with pytest.raises(FaultError, match="already ASCII"):
        play({"unicode": {"mode": "escaped_ascii"}}, blocks=(kit.HELLO,))


def test_characters_need_a_text(play, kit):
    """There is nothing for them to stand behind."""
    with pytest.raises(FaultError, match="no text"):
        play({"unicode": {"mode": "nul"}}, blocks=(kit.ROLE, kit.DONE))

from __future__ import annotations

import json

import pytest

from harness.faults.draft.blocks import StreamEnd


def _data(block: bytes) -> dict:
    return json.loads(block.removeprefix(b"data: "))


@pytest.mark.parametrize(
    ("then", "rest", "finish"),
    [
        ("end", 0, StreamEnd.COMPLETE),
        ("done", 1, StreamEnd.COMPLETE),
        ("fin", 0, StreamEnd.TRUNCATED),
        ("rst", 0, StreamEnd.RESET),
    ],
)
def test_inject_error_ends_the_stream_as_asked(play, kit, then, rest, finish):
    """Nothing of the original follows the error, but perhaps [DONE]."""
    wire = play({"inject_error": {"at": {"event": 3}, "then": then}})
    assert kit.sent(wire)[:3] == list(kit.STREAM[:3])
    assert _data(kit.sent(wire)[3])["error"]["type"] == "server_error"
    assert kit.sent(wire)[4:] == [kit.DONE] * rest
    assert wire.end is finish
    assert set(kit.meanings(wire)) == {"as_sent"}


def test_inject_error_waits_before_a_reset(play):
    """RST may discard what the peer has not read yet."""
    wire = play({"inject_error": {"at": {"event": 3}, "then": "rst"}})
    assert wire.end_at_ns - wire.writes[-1].at_ns == 50_000_000


def test_inject_error_can_let_the_stream_go_on(play, kit):
    """Then the error stands between two events."""
    wire = play({"inject_error": {"at": {"event": 3}, "then": "continue"}})
    blocks = kit.sent(wire)
    assert [*blocks[:3], *blocks[4:]] == list(kit.STREAM)


@pytest.mark.parametrize("shape", ["openai", "string", "choices_empty"])
def test_inject_error_knows_three_shapes(play, kit, shape):
    """The third is a chunk of the stream with empty choices beside the error."""
    wire = play({"inject_error": {"at": {"after": "headers"}, "shape": shape}})
    value = _data(kit.sent(wire)[0])
    if shape == "choices_empty":
        assert (value["id"], value["model"], value["choices"]) == (
            "chatcmpl-1",
            "m",
            [],
        )
    assert isinstance(value["error"], str if shape == "string" else dict)


@pytest.mark.parametrize(
    ("shape", "named", "kind"),
    [
        ("anthropic_event", True, "overloaded_error"),
        ("anthropic_no_event_line", False, "overloaded_error"),
        ("event_error", True, "server_error"),
    ],
)
def test_inject_error_can_be_a_named_event(play, kit, shape, named, kind):
    """Clients of Anthropic see no error without its name."""
    wire = play({"inject_error": {"at": {"event": 3}, "shape": shape}})
    block = kit.sent(wire)[3]
    assert block.startswith(b"event: error\n") is named
    assert _data(block.removeprefix(b"event: error\n"))["error"]["type"] == kind


def test_inject_error_within_an_event_is_glued_to_its_beginning(play, kit):
    """What was open stays open; nothing of it follows unless the stream goes on."""
    at = {"event": 3, "offset": 30}
    wire = play({"inject_error": {"at": at}})
    assert kit.sent(wire)[3].startswith(kit.WORLD[:30] + b'data: {"error":')
    assert len(kit.sent(wire)) == 4
    onward = play({"inject_error": {"at": at, "then": "continue"}})
    assert kit.sent(onward)[3].endswith(kit.WORLD[30:])
    assert kit.sent(onward)[4:] == list(kit.STREAM[4:])

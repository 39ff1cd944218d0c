from __future__ import annotations

import json

import pytest

from harness.faults.draft import Finish
from harness.faults.errors import FaultError


def _data(block: bytes) -> dict:
    return json.loads(block.removeprefix(b"data: "))


@pytest.mark.parametrize(
    ("then", "rest", "finish"),
    [
        ("end", 0, Finish.COMPLETE),
        ("done", 1, Finish.COMPLETE),
        ("fin", 0, Finish.TRUNCATED),
        ("rst", 0, Finish.RESET),
    ],
)
def test_inject_error_ends_the_stream_as_asked(play, kit, then, rest, finish):
    """Nothing of the original follows the error, but perhaps [DONE]."""
    wire = play({"inject_error": {"at": {"event": 3}, "then": then}})
    assert kit.sent(wire)[:3] == list(kit.STREAM[:3])
    assert _data(kit.sent(wire)[3])["error"]["type"] == "server_error"
    assert kit.sent(wire)[4:] == [kit.DONE] * rest
    assert wire.finish is finish
    assert set(kit.meanings(wire)) == {"as_sent"}


def test_inject_error_waits_before_a_reset(play):
    """RST may discard what the peer has not read yet."""
    wire = play({"inject_error": {"at": {"event": 3}, "then": "rst"}})
    assert wire.finish_at_ns - wire.writes[-1].at_ns == 50_000_000


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


def test_after_done_sends_a_ghost(play, kit):
    """It is a chunk of the stream, and must reach nobody."""
    wire = play({"after_done": {"text": "BOO"}})
    assert kit.sent(wire) == [*kit.STREAM, kit.chunk({"content": "BOO"})]
    assert kit.meanings(wire)[-1] == "nothing"
    with pytest.raises(FaultError, match="no done"):
        play({"after_done": {}}, blocks=kit.STREAM[:-1])

from __future__ import annotations

import json

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.errors import FaultError


def test_status_replaces_the_whole_answer(play, kit):
    """One short body, at once, under its own content type."""
    wire = play({"status": {"code": 429, "headers": {"Retry-After": "1"}}})
    assert (wire.status, wire.framing) == (429, Framing.CONTENT_LENGTH)
    assert wire.headers == (
        ("content-type", "application/json"),
        ("Retry-After", "1"),
    )
    assert json.loads(wire.body)["error"]["type"] == "rate_limit_error"
    assert kit.times(wire) == [100]
    assert (wire.end, wire.end_at_ns) == (StreamEnd.COMPLETE, wire.head_at_ns)
    assert [(span.start, span.end) for span in wire.spans] == [(0, len(wire.body))]


def test_status_can_come_without_a_body(play):
    """No write, no content type."""
    wire = play({"status": {"code": 503, "body": "empty"}})
    assert (wire.writes, wire.spans, wire.headers) == ((), (), ())
    with pytest.raises(FaultError, match="200 to 599"):
        play({"status": {"code": 999}})


def test_body_calls_itself_what_it_is_unless_told_otherwise(play):
    """A page may be labelled as a stream, as some gateways do."""
    html = play({"body": {"kind": "html"}})
    assert (html.status, html.headers) == (200, (("content-type", "text/html"),))
    lie = play({"body": {"kind": "html", "content_type": "text/event-stream"}})
    assert (lie.body, lie.framing) == (html.body, Framing.CHUNKED)
    assert play({"body": {"kind": "empty"}}).body == b""
    assert play({"body": {"kind": "done_only"}}).body == b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("mode", "framing", "version"),
    [
        ("chunked", Framing.CHUNKED, "HTTP/1.1"),
        ("content_length", Framing.CONTENT_LENGTH, "HTTP/1.1"),
        ("close", Framing.CLOSE, "HTTP/1.1"),
        ("http10", Framing.CLOSE, "HTTP/1.0"),
    ],
)
def test_framing_changes_how_the_end_is_marked(play, kit, mode, framing, version):
    """Not a byte of the body."""
    wire = play({"framing": {"mode": mode}})
    assert (wire.framing, wire.http_version) == (framing, version)
    assert wire.body == b"".join(kit.STREAM)


def test_framing_can_promise_bytes_that_never_come(play):
    """Then the stream cannot end whole."""
    wire = play({"framing": {"mode": "content_length", "cl_delta": 9}})
    assert wire.promised_length == len(wire.body) + 9
    assert wire.end is StreamEnd.TRUNCATED
    with pytest.raises(FaultError, match="only a content_length"):
        play({"framing": {"mode": "chunked", "cl_delta": 9}})


def test_too_large_a_length_keeps_an_end_that_was_never_clean(play):
    """A stall stays a stall; only a clean end becomes a cut."""
    framing = {"framing": {"mode": "content_length", "cl_delta": 5}}

    assert "truncated" == play(framing).end
    assert "stall" == play({"done": {"mode": "hang"}}, framing).end

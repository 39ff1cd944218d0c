from __future__ import annotations

import json

import pytest

from harness.cassette.model import EndingKind, Framing
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, inline_response


def _response(text: str):
    root = load(text, source="s.yaml")
    response = inline_response(root)
    root.mistakes.raise_any()
    return response


def test_a_stream_is_one_segment_to_an_event():
    """Text is data; a mapping says what else it is."""
    response = _response(
        "stream:\n"
        "- hello\n"
        "- json: {a: [1, 'é']}\n"
        "- {data: x, event: ping, id: '7'}\n"
        "- {comment: hi, gap_ms: 5}\n"
        '- {raw: "junk\\r\\n", at_ms: 100}\n'
    )
    assert [(segment.at_ns // 1_000_000, segment.data) for segment in response.segments]
    assert [segment.data for segment in response.segments] == [
        b"data: hello\n\n",
        'data: {"a":[1,"é"]}\n\n'.encode(),
        b"event: ping\nid: 7\ndata: x\n\n",
        b": hi\n\n",
        b"junk\r\n",
    ]
    assert [segment.at_ns / 1e6 for segment in response.segments] == [
        20,
        40,
        60,
        65,
        100,
    ]
    assert (response.status, response.framing) == (200, Framing.CHUNKED)
    assert response.header("content-type") == "text/event-stream"
    assert response.ending.kind is EndingKind.COMPLETE


def test_status_headers_framing_ending_and_pace_can_be_given():
    """Beside the stream."""
    response = _response(
        "stream: [x, y]\nstatus: 503\nheaders: [[content-type, text/plain]]\n"
        "framing: content_length\nending: reset\nitl_ms: 1.5\n"
    )
    assert response.status == 503
    assert response.headers == (
        ("content-type", "text/plain"),
        ("content-length", "18"),
    )
    assert response.ending.kind is EndingKind.RESET
    assert [segment.at_ns for segment in response.segments] == [1_500_000, 3_000_000]
    assert _response("stream: [x]\nframing: close\n").framing is Framing.CLOSE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "stream:\n- {}\n",
            r"s.yaml:2: stream\[0\]: expected one of data, .*got none",
        ),
        (
            "stream:\n- x\n- {data: x, raw: y}\n",
            r"s.yaml:3: stream\[1\]: .*got data, raw",
        ),
        (
            "stream:\n- {data: x, at_ms: 1, gap_ms: 1}\n",
            r"stream\[0\]: expected at_ms or gap_ms, got both",
        ),
        (
            "stream:\n- x\n- data: y\n  at_ms: 19\n",
            r"s.yaml:4: stream\[1\].at_ms: expected at least 20, .*got 19",
        ),
        ("stream:\n- {comment: x, id: '1'}\n", r"stream\[0\].id: a comment has no id"),
        ('stream:\n- "a\\rb"\n', r"s.yaml:2: stream\[0\]: data must not contain CR"),
    ],
)
def test_an_event_that_is_none_is_refused(text, message):
    """With its line."""
    with pytest.raises(InputError, match=message):
        _response(text)


def test_the_default_request_asks_for_a_stream():
    """So that a target treats the answer as one."""
    assert json.loads(DEFAULT_REQUEST.body)["stream"] is True

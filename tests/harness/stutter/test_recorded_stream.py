"""Recorded streams: which are clean, and which of their deltas can repeat."""

from __future__ import annotations

import json

import pytest

from harness.cassette.model import Ending, EndingKind, Response, Segment
from harness.stutter.recorded_stream import read_recorded_stream

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", " there", " was", " light")


def event(text):
    """One chunk with a text."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def recorded(*events, kind="text/event-stream", status=200):
    """A recording with one event to a segment, 10 ms apart."""
    segments = tuple(
        Segment(at_ns=10 * MS * number, data=data)
        for number, data in enumerate((*events, FINISH, DONE), start=1)
    )
    return Response(
        status=status,
        http_version="HTTP/1.1",
        headers=(("content-type", kind),),
        segments=segments,
        ending=Ending(at_ns=segments[-1].at_ns, kind=EndingKind.COMPLETE),
    )


STORY = read_recorded_stream(recorded(*map(event, ("Once", " upon", " a", " time"))))


def test_the_opening_is_the_first_delta_with_words():
    """The middle lies behind the delta that ends the opening."""
    assert (0, 1, 2, 3) == STORY.texts
    assert 0 == STORY.opening_delta()
    assert 3 == STORY.middle_delta()
    assert STORY.has_texts(4)
    assert not STORY.has_texts(5)


@pytest.mark.parametrize(
    ("texts", "opens_with_repeat"),
    [
        (("ha", "ha", "!"), True),
        (("Once", "Once upon", " a"), True),
        (("Once upon", "Once", " a"), True),
        (("\n", "Once", "Once", " a"), True),
        (("\n", "\n", "Once", " upon"), False),
        (("Once", " upon", "Once", "Once"), False),
    ],
)
def test_a_repeat_at_the_opening_leaves_a_doubt(texts, opens_with_repeat):
    """The second delta of a text decides; white space opens nothing."""
    stream = read_recorded_stream(recorded(*map(event, texts)))
    assert opens_with_repeat == stream.opens_with_repeat
    assert (stream.opening_delta() is None) == opens_with_repeat
    assert stream.has_texts(3) != opens_with_repeat


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (recorded(event("x"), kind="application/json"), "no event stream"),
        (recorded(event("x"), status=500), "no event stream"),
        (recorded(b'data: {"error":{"message":"x"}}\n\n'), "it reports an error"),
        (recorded(b'data: {"choices":[\n\n'), "it has malformed events"),
    ],
)
def test_what_is_no_clean_chat_stream_is_in_no_set(response, why):
    """It is left out and said so."""
    assert read_recorded_stream(response).why_not == why
    assert STORY.why_not is None


def test_another_dialect_is_no_chat_stream():
    """Nothing is made of events that carry no chunk."""
    other = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
        segments=(Segment(at_ns=0, data=b'data: {"type":"ping"}\n\n'),),
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    )

    assert read_recorded_stream(other).why_not == "no chat chunks"

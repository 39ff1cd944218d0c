from __future__ import annotations

import pytest

from harness.sse.media_type import begins_like_event_stream, is_event_stream


@pytest.mark.parametrize(
    ("content_type", "exact", "anywhere"),
    [
        ("text/event-stream", True, True),
        ("Text/Event-Stream;charset=utf-8", True, True),
        (" text/event-stream ; charset=utf-8", True, True),
        ("text/event-streams", False, True),
        ("application/json; x=text/event-stream", False, True),
        ("text/event-stream, text/event-stream", False, True),
        ("application/x-event-stream", False, False),
        ("text/plain", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_knows_event_streams(content_type, exact, anywhere):
    """The type decides, in any case, and its parameters do not."""
    assert exact is is_event_stream(content_type)
    assert anywhere is is_event_stream(content_type, anywhere=True)


def test_a_wider_look_takes_another_name():
    """A part of the media type may be enough for who must not miss a stream."""
    found = "application/X-Event-Stream"

    assert is_event_stream(found, anywhere=True, name="event-stream")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: x", True),
        (b"\xef\xbb\xbf\r\n\n: ping", True),
        (b"retry:1", True),
        (b'{"data": 1}', False),
        (b" data: x", False),
        (b"dat", False),
        (b"", False),
    ],
)
def test_a_field_or_a_comment_begins_an_event_stream(body, expected):
    """A byte order mark and blank lines may stand before it."""
    assert expected is begins_like_event_stream(body)

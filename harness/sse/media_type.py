"""The tests whether an answer is an event stream, by its head or its first bytes."""

from __future__ import annotations

import re

__all__ = ["EVENT_STREAM", "begins_like_event_stream", "is_event_stream"]

EVENT_STREAM = "text/event-stream"
"""The media type of event streams (WHATWG HTML, section 9.2.5)."""

_START = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data|event|id|retry)?:")


def is_event_stream(
    content_type: str | None, *, anywhere: bool = False, name: str = EVENT_STREAM
) -> bool:
    """Return whether the value of a content-type header names an event stream.

    By default the media type without parameters decides (RFC 9110, section 8.3.1).

    Args:
        content_type: The value. None: there is no such header.
        anywhere: Whether the name may be anywhere in the value, as for tolerant
            readers.
        name: The media type, in lower case.
    """
    value = (content_type or "").lower()
    return name in value if anywhere else value.partition(";")[0].strip() == name


def begins_like_event_stream(body: bytes) -> bool:
    """Return whether a body begins with a field or a comment, after blank lines."""
    return _START.match(body) is not None

"""Whether an answer is an event stream: by its head, or by how its body begins."""

from __future__ import annotations

import re

__all__ = ["EVENT_STREAM", "begins_like_event_stream", "is_event_stream"]

EVENT_STREAM = "text/event-stream"
"""The media type of event streams (WHATWG HTML, section 9.2.5)."""

_START = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data|event|id|retry)?:")


def is_event_stream(
    content_type: str | None, *, anywhere: bool = False, name: str = EVENT_STREAM
) -> bool:
    """Tell whether the value of a content-type header names an event stream.

    By default the media type decides, parameters aside (RFC 9110, section 8.3.1).

    Args:
        content_type: The value; None where there is no such header, which names none.
        anywhere: Whether it is enough that the name stands somewhere in the value, as
            for readers that make the best of what they get.
        name: What to look for, in lower case.
    """
    value = (content_type or "").lower()
    return name in value if anywhere else value.partition(";")[0].strip() == name


def begins_like_event_stream(body: bytes) -> bool:
    """Tell whether a body begins with a field or a comment, blank lines aside."""
    return _START.match(body) is not None

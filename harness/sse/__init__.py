"""The event-stream format, read strictly: the oracle that targets are held against.

Words, as WHATWG HTML section 9.2 has them: an *event stream* is *lines*, each ended
by LF, CR or CRLF; a line is a *field*, a *comment* or blank; the lines up to a blank
line are a *block*; a blank line *dispatches* an event, if the block had data. Ours: a
*deviation* is what a stream may legally do although most do not, or what a reader
must drop. Offsets count bytes from the start of the body, a BOM included.

This package reads and writes bytes and nothing else. It shares no code with any
target: shared code would agree with its own bugs.
"""

from __future__ import annotations

from harness.sse.encoder import encode_comment, encode_event
from harness.sse.lines import LineSpan, block_ends, field_lines
from harness.sse.media_type import (
    EVENT_STREAM,
    begins_like_event_stream,
    is_event_stream,
)
from harness.sse.model import (
    Comment,
    Deviation,
    DeviationKind,
    ParsedStream,
    ServerSentEvent,
)
from harness.sse.parser import EventStreamParser, parse

__all__ = [
    "EVENT_STREAM",
    "Comment",
    "Deviation",
    "DeviationKind",
    "EventStreamParser",
    "LineSpan",
    "ParsedStream",
    "ServerSentEvent",
    "begins_like_event_stream",
    "block_ends",
    "encode_comment",
    "encode_event",
    "field_lines",
    "is_event_stream",
    "parse",
]

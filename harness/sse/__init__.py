"""A strict reader and a writer of event streams; the reference for all targets.

Words of WHATWG HTML, section 9.2: an *event stream* consists of *lines*, each ended by
LF, CR or CRLF; a line is a *field*, a *comment* or blank; the lines up to a blank line
are a *block*; a blank line *dispatches* an event if the block has data. Our own word: a
*deviation* is legal but rare, or something that a reader must drop. Offsets count bytes
from the start of the body, including a BOM.

This package only reads and writes bytes. It shares no code with any target: shared code
would agree with its own bugs.
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

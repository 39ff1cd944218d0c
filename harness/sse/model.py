"""The results of reading an event stream: events, comments and deviations."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Comment", "Deviation", "DeviationKind", "ParsedStream", "ServerSentEvent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One dispatched event.

    ``stream[start:end]`` is the whole event, with the comments between its lines. If
    the blank line is a CRLF whose LF arrives in a later feed, the CR has already
    dispatched the event, and ``end`` is before the LF.

    Attributes:
        event: The type; ``message`` where the stream named none.
        data: The values of the data fields, joined by LF.
        id: The last event ID at dispatch; it stays valid for later events.
        retry: The reconnection time in milliseconds that this block set, if any.
        start: Offset of the first byte of the first line that is no comment.
        end: Offset just past the blank line that dispatched the event.
    """

    event: str
    data: str
    id: str
    retry: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One comment line; readers ignore it, servers use it to keep connections alive.

    Attributes:
        text: The text after the colon, without one leading space, as for fields.
        start: Offset of the colon.
        end: Offset just past the line's end (for a split CRLF, as for events).
    """

    text: str
    start: int
    end: int


class DeviationKind(StrEnum):
    """The kinds of deviations: legal but rare, or dropped by readers."""

    BOM = "bom"
    """A byte order mark opens the stream, and is ignored."""

    CRLF = "crlf"
    """A line ends in CR LF."""

    CR = "cr"
    """A line ends in CR alone."""

    NO_SPACE_AFTER_COLON = "no_space_after_colon"
    """A known field's value follows its colon directly."""

    NO_COLON = "no_colon"
    """A line is only a known field's name."""

    INVALID_UTF8 = "invalid_utf8"
    """Bytes that are not UTF-8; each maximal part is read as U+FFFD."""

    UNKNOWN_FIELD = "unknown_field"
    """A field that the standard does not know; readers drop it."""

    ID_WITH_NULL = "id_with_null"
    """An id that contains U+0000; readers drop it."""

    RETRY_NOT_DIGITS = "retry_not_digits"
    """A retry with anything but ASCII digits; readers drop it."""

    RETRY_TOO_LARGE = "retry_too_large"
    """A retry of more than 18 digits, dropped here; the standard names no limit."""

    NO_DATA = "no_data"
    """A block with fields but no data: nothing is dispatched."""

    EMPTY_DATA = "empty_data"
    """A dispatched event whose data is the empty string."""

    MULTI_LINE_DATA = "multi_line_data"
    """An event with more than one data field."""

    UNFINISHED_EVENT = "unfinished_event"
    """The stream ends before the blank line: the event is discarded."""

    UNFINISHED_COMMENT = "unfinished_comment"
    """The stream ends within a comment line, outside any event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One deviation and the bytes that show it, ``stream[start:end]``.

    The bytes are the line without its end, the end of the line (``crlf``, ``cr``), the
    block with its blank line (``no_data``, ``empty_data``, ``multi_line_data``; a CRLF
    that is split between feeds counts as for events), or the rest at the end of the
    stream (``unfinished_…``).
    """

    kind: DeviationKind
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedStream:
    """The content of one whole event stream.

    Attributes:
        events: The dispatched events, in order.
        comments: The comments, in order; offsets show their places.
        deviations: The deviations, in the order of reading.
        retry: The last valid reconnection time in milliseconds, if any.
        unfinished: The bytes at the end that begin an event but never dispatch it.
    """

    events: tuple[ServerSentEvent, ...]
    comments: tuple[Comment, ...]
    deviations: tuple[Deviation, ...]
    retry: int | None
    unfinished: bytes

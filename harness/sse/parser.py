"""A strict, incremental event-stream parser.

It follows WHATWG HTML section 9.2.5, "Parsing an event stream", and 9.2.6,
"Interpreting an event stream". Rules of this file:

1. Every byte is read once when it arrives and once when its line is complete; an
   unfinished line is only appended to. So the cost is linear for any cuts.
2. A line is split off as bytes and decoded as a whole. CR and LF never occur inside a
   UTF-8 sequence, so the result equals the standard's decoding of the whole stream.
3. A CR ends its line immediately, so its event never waits; an LF that follows is
   ignored. Nothing else depends on where the stream is cut.
4. There is no limit of size: the judge decides what is too large.
"""

from __future__ import annotations

from harness.sse.model import (
    Comment,
    Deviation,
    DeviationKind,
    ParsedStream,
    ServerSentEvent,
)

__all__ = ["EventStreamParser", "parse"]

_BOM = b"\xef\xbb\xbf"
_RETRY_DIGITS_MAX = 18  # fits 64 bits; CPython refuses int() of over 4,300 digits
_FIELDS = frozenset({b"data", b"event", b"id", b"retry"})
_LF = 0x0A
_CR = 0x0D
_COLON = 0x3A


class EventStreamParser:
    """An incremental reader of one event stream.

    Attributes:
        deviations: The deviations so far, in the order of reading.
        retry: The last valid reconnection time in milliseconds, if any.
        offset: The number of bytes that were fed.
    """

    __slots__ = (
        "_block",
        "_closed",
        "_cr_at",
        "_data",
        "_event",
        "_id",
        "_line_at",
        "_retry",
        "deviations",
        "offset",
        "retry",
    )

    def __init__(self) -> None:
        self.deviations: list[Deviation] = []
        self.retry: int | None = None
        self.offset = 0
        self._id = ""  # the last event ID; outlives blocks
        self._cr_at: int | None = None  # a CR that an LF may still follow
        self._closed = False
        self._begin_block()

    @property
    def pending(self) -> bytes:
        """The last bytes that were fed, if they are an unfinished event or line."""
        return bytes(self._block[self._bom_length() :])

    def feed(self, data: bytes) -> list[ServerSentEvent | Comment]:
        """Read the next bytes.

        Args:
            data: Any piece of the stream, cut anywhere.

        Returns:
            The events and comments that these bytes completed, in order.

        Raises:
            ValueError: The parser is closed.
        """
        if self._closed:
            raise ValueError("feed() after close()")
        found: list[ServerSentEvent | Comment] = []
        if self._cr_at is None and _LF not in data and _CR not in data:
            # The middle of a line: what small reads and large events are made of.
            self.offset += len(data)
            self._block += data
            return found
        # Unlike str.splitlines, bytes.splitlines knows only LF, CR and CRLF.
        for piece in data.splitlines(keepends=True):
            self.offset += len(piece)
            if self._cr_at is not None and self._settle_cr(self._cr_at, piece):
                continue
            self._block += piece
            if piece.endswith((b"\n", b"\r")):
                self._read_line(found, 2 if piece.endswith(b"\r\n") else 1)
        return found

    def close(self) -> None:
        """End the stream; an unfinished event is discarded and noted."""
        if self._closed:
            return
        self._closed = True
        if self._cr_at is not None:
            self._settle_cr(self._cr_at, b"")
        if bom_length := self._bom_length():
            self._note(DeviationKind.BOM, 0, bom_length)
        if pending := self.pending:
            kind = (
                DeviationKind.UNFINISHED_EVENT
                if _begins_event(pending)
                else DeviationKind.UNFINISHED_COMMENT
            )
            self._note(kind, self.offset - len(pending), self.offset)

    def _begin_block(self) -> None:
        self._block = bytearray()  # the lines of the block and the unfinished one
        self._line_at = 0  # where in the block the unfinished line starts
        self._data: list[str] = []
        self._event = ""
        self._retry: int | None = None

    def _note(self, kind: DeviationKind, start: int, end: int) -> None:
        self.deviations.append(Deviation(kind=kind, start=start, end=end))

    def _bom_length(self) -> int:
        """Return the number of bytes of the block that are a BOM to skip."""
        at_start = len(self._block) == self.offset
        return len(_BOM) if at_start and self._block.startswith(_BOM) else 0

    def _settle_cr(self, at: int, piece: bytes) -> bool:
        """Note the CR before ``piece``; return whether ``piece`` is its LF."""
        self._cr_at = None
        if piece != b"\n":
            self._note(DeviationKind.CR, at, at + 1)
            return False
        self._note(DeviationKind.CRLF, at, at + 2)
        if self._block:
            self._block += piece
            self._line_at += 1
        return True

    def _read_line(
        self, found: list[ServerSentEvent | Comment], ending_length: int
    ) -> None:
        """Interpret the line that has just become complete."""
        if bom_length := self._bom_length():
            self._note(DeviationKind.BOM, 0, bom_length)
            del self._block[:bom_length]
        start = self.offset - len(self._block) + self._line_at
        content_end = self.offset - ending_length
        carriage_return = self._block[-ending_length] == _CR
        if start == content_end:
            self._end_block(found)
        elif self._block[self._line_at] == _COLON:
            self._read_comment(found, start, content_end)
        else:
            self._read_field(start, content_end)
            self._line_at = len(self._block)
        if ending_length > 1:
            self._note(DeviationKind.CRLF, content_end, content_end + 2)
        elif carriage_return:
            self._cr_at = content_end

    def _decode(self, start: int, end: int, *, skip: int = 0) -> str:
        """Decode the line at these offsets of the stream, without its first bytes."""
        base = self.offset - len(self._block)
        # A slice of the bytearray would copy the line again, and it can be large.
        with (
            memoryview(self._block) as block,
            block[start - base + skip : end - base] as content,
        ):
            try:
                return str(content, "utf-8")
            except UnicodeDecodeError:
                # "replace" puts one U+FFFD for each maximal subpart, as WHATWG
                # Encoding has it.
                self._note(DeviationKind.INVALID_UTF8, start, end)
                return str(content, "utf-8", "replace")

    def _read_comment(
        self, found: list[ServerSentEvent | Comment], start: int, end: int
    ) -> None:
        text = self._decode(start, end, skip=1).removeprefix(" ")
        found.append(Comment(text=text, start=start, end=self.offset))
        if self._line_at:
            self._line_at = len(self._block)
        else:  # a comment before the first field is not part of the event
            self._block.clear()

    def _read_field(self, start: int, end: int) -> None:
        content_at, content_end = self._line_at, self._line_at + end - start
        colon_at = self._block.find(b":", content_at, content_end)
        name_end = content_end if colon_at < 0 else colon_at
        name = bytes(self._block[content_at:name_end])
        if name not in _FIELDS:
            self._decode(start, end)
            self._note(DeviationKind.UNKNOWN_FIELD, start, end)
            return
        skip = len(name) + 1
        if colon_at < 0:
            self._note(DeviationKind.NO_COLON, start, end)
            skip -= 1
        elif self._block.startswith(b" ", colon_at + 1):
            skip += 1
        elif start + skip < end:
            self._note(DeviationKind.NO_SPACE_AFTER_COLON, start, end)
        self._set_field(name, self._decode(start, end, skip=skip), start, end)

    def _set_field(self, name: bytes, value: str, start: int, end: int) -> None:
        match name:
            case b"data":
                self._data.append(value)
            case b"event":
                self._event = value
            case b"id" if "\0" in value:
                self._note(DeviationKind.ID_WITH_NULL, start, end)
            case b"id":
                self._id = value
            case _:
                self._set_retry(value, start, end)

    def _set_retry(self, value: str, start: int, end: int) -> None:
        if not (value.isascii() and value.isdigit()):
            self._note(DeviationKind.RETRY_NOT_DIGITS, start, end)
        elif len(value.lstrip("0")) > _RETRY_DIGITS_MAX:
            self._note(DeviationKind.RETRY_TOO_LARGE, start, end)
        else:
            self.retry = self._retry = int(value.lstrip("0") or "0")

    def _end_block(self, found: list[ServerSentEvent | Comment]) -> None:
        start, end = self.offset - len(self._block), self.offset
        if self._data:
            event = ServerSentEvent(
                event=self._event or "message",
                data="\n".join(self._data),
                id=self._id,
                retry=self._retry,
                start=start,
                end=end,
            )
            found.append(event)
            if len(self._data) > 1:
                self._note(DeviationKind.MULTI_LINE_DATA, start, end)
            elif not event.data:
                self._note(DeviationKind.EMPTY_DATA, start, end)
        elif self._line_at:  # the block has more than the blank line
            self._note(DeviationKind.NO_DATA, start, end)
        self._begin_block()


def parse(data: bytes) -> ParsedStream:
    """Read a whole event stream.

    Args:
        data: The body, from its first byte to its last.

    Returns:
        Its content; the same for the same bytes.
    """
    parser = EventStreamParser()
    found = parser.feed(data)
    parser.close()
    pending = parser.pending
    return ParsedStream(
        events=tuple(item for item in found if isinstance(item, ServerSentEvent)),
        comments=tuple(item for item in found if isinstance(item, Comment)),
        deviations=tuple(parser.deviations),
        retry=parser.retry,
        unfinished=pending if _begins_event(pending) else b"",
    )


def _begins_event(pending: bytes) -> bool:
    """Return whether unfinished bytes are more than part of a comment.

    A block starts with a field, so a colon comes first only where there is none.
    """
    return bool(pending) and not pending.startswith(b":")

"""The byte offsets of the lines and blocks of an event stream.

Code that changes a stream uses them to keep the other bytes; `harness.sse.parser` reads
the content of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["LineSpan", "block_ends", "field_lines"]

_BOM = b"\xef\xbb\xbf"
_BLANK = frozenset({b"\n", b"\r", b"\r\n"})


class LineSpan(NamedTuple):
    """One field line, ``stream[start:end]``, with its value ``stream[value:stop]``.

    Attributes:
        name: The field's name.
        start: Offset of the line; for the first line, after a byte order mark.
        value: Offset of the value, after the colon and one space.
        stop: Offset of the line end; ``end`` where the stream ends without one.
        end: Offset just past the line end.
    """

    name: bytes
    start: int
    value: int
    stop: int
    end: int


def field_lines(stream: bytes) -> Iterator[LineSpan]:
    """Yield all fields, known and unknown; skip comments and blank lines.

    A line without a colon is a field with an empty value.
    """
    end = 0
    # Unlike str.splitlines, bytes.splitlines knows only LF, CR and CRLF.
    for line in stream.splitlines(keepends=True):
        start, end = end, end + len(line)
        content = line.rstrip(b"\r\n")
        stop = start + len(content)
        if not start and content.startswith(_BOM):
            start = len(_BOM)
            content = content[start:]
        name, colon, value = content.partition(b":")
        if name:
            skipped = len(name) + len(colon) + value.startswith(b" ")
            yield LineSpan(name, start, start + skipped, stop, end)


def block_ends(stream: bytes) -> list[int]:
    """Return the offsets at which blocks end: after all blank lines of each block.

    Bytes after the last offset are the beginning of a block.
    """
    ends = []
    offset = 0
    closed = False
    for line in stream.splitlines(keepends=True):
        blank = line in _BLANK
        if closed and not blank:
            ends.append(offset)
        # A blank line at the very beginning closes nothing.
        closed = blank and offset > 0
        offset += len(line)
    return [*ends, offset] if closed else ends

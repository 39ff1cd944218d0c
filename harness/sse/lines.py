"""Where the lines and the blocks of an event stream lie, by byte offset.

For those who change a stream and leave the rest of its bytes as they are; what the
stream says is read by `harness.sse.parser`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["LineSpan", "block_ends", "field_lines"]

_BOM = b"\xef\xbb\xbf"
_BLANK = frozenset({b"\n", b"\r", b"\r\n"})


class LineSpan(NamedTuple):
    """One field of a stream: ``stream[start:end]``, and ``stream[value:stop]`` in it.

    Attributes:
        name: The field's name.
        start: Offset of the line; of the first line, behind a byte order mark.
        value: Offset of the value, behind the colon and one space.
        stop: Offset of the line end; ``end`` where the stream ends without one.
        end: Offset just past the line end.
    """

    name: bytes
    start: int
    value: int
    stop: int
    end: int


def field_lines(stream: bytes) -> Iterator[LineSpan]:
    """Yield the lines that are fields, known or not; comments and blank lines are none.

    A line without a colon is a field with an empty value.
    """
    end = 0
    # bytes.splitlines knows LF, CR and CRLF and nothing else, unlike str's.
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
    """Return where blocks end: behind the last of the blank lines that follow lines.

    What stands behind the last of them is the beginning of a block.
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

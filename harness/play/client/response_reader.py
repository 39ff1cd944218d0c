"""Reads an HTTP/1 response from stamped reads and judges how it ended.

Rules of this file (RFC 9112, sections 2, 6 and 7):

1. Body bytes are given out as soon as they arrive: a piece is the part of one transfer
   chunk that one read brought.
2. An end is judged once, from the bytes, FIN and RST alone. Bytes after a complete
   answer are kept as ``surplus`` and change nothing.
3. In the head a line may end with LF alone (section 2.2) and a folded line is unfolded
   (section 5.2). In the chunked coding nothing is forgiven: a reader that guesses
   may read another body than the next reader.
4. A transfer coding beats a content-length (section 6.3); with HTTP/1.0 it is an error
   (section 6.1), and so is ``chunked`` applied twice or lengths that disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from harness.cassette.model import Framing
from harness.judge.evidence.observation import ClientEnd

__all__ = ["ResponseReader"]

_HEAD_MAX = 100 * 1024  # as h11, the parser inside httpx
_CHUNK_LINE_MAX = 4096

_HEAD_START = b"HTTP/1."
_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-9][0-9]{2})(?: [^\x00\r\n]*)?")
_HEADER_LINE = re.compile(
    rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*([^\x00\r\n]*?)[ \t]*", re.DOTALL
)
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00\r\n]*)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_BLANK_LINE = re.compile(rb"\n\r?\n")


class _Malformed(Exception):  # noqa: N818 - a signal inside this file
    """The bytes are not what HTTP/1 allows; the text says why."""


class _State(StrEnum):
    HEAD = "head"
    SIZED = "sized"
    TO_FIN = "to_fin"
    CHUNK_LINE = "chunk_line"
    CHUNK_DATA = "chunk_data"
    CHUNK_END = "chunk_end"
    TRAILERS = "trailers"
    OVER = "over"


class ResponseReader:
    """Reads one response; interim (1xx) answers are skipped.

    Args:
        method: The request's method; an answer to HEAD has no body.

    Attributes:
        status: HTTP status; None before the head.
        http_version: ``HTTP/1.1`` or ``HTTP/1.0``; None before the head.
        headers: Header lines as they arrived, in order.
        trailers: The same for the trailer section of a chunked body.
        framing: How the end of the body is marked; None before the head and for an
            answer that has no body by its nature.
        head_at_ns: Time of the read that completed the head.
        pieces: The body so far, with the time of the read that brought each piece.
        end: How the answer ended; None while it runs.
        end_at_ns: When it ended.
        why: What was wrong, for `ClientEnd.PROTOCOL_ERROR`.
        surplus: Bytes after a complete answer.
    """

    def __init__(self, *, method: str = "GET") -> None:
        self.status: int | None = None
        self.http_version: str | None = None
        self.headers: tuple[tuple[bytes, bytes], ...] = ()
        self.trailers: tuple[tuple[bytes, bytes], ...] = ()
        self.framing: Framing | None = None
        self.head_at_ns: int | None = None
        self.pieces: list[tuple[int, bytes]] = []
        self.end: ClientEnd | None = None
        self.end_at_ns: int | None = None
        self.why: str | None = None
        self.surplus = b""
        self._method = method
        self._state = _State.HEAD
        self._buffer = bytearray()
        self._scanned = 0  # bytes of the buffer in which no end of the head was found
        self._left = 0  # body bytes missing of the chunk or of the length
        self._now_ns = 0
        self._steps: dict[_State, Callable[[], bool]] = {
            _State.HEAD: self._read_head,
            _State.SIZED: self._read_sized,
            _State.TO_FIN: self._read_to_fin,
            _State.CHUNK_LINE: self._read_chunk_line,
            _State.CHUNK_DATA: self._read_chunk_data,
            _State.CHUNK_END: self._read_chunk_end,
            _State.TRAILERS: self._read_trailers,
            _State.OVER: self._keep_surplus,
        }

    def feed(self, at_ns: int, data: bytes) -> list[bytes]:
        """Read the bytes of one read.

        Returns:
            The pieces of the body that they brought.
        """
        self._now_ns = at_ns
        before = len(self.pieces)
        self._buffer += data
        try:
            while self._steps[self._state]():
                pass
        except _Malformed as error:
            self.why = str(error)
            self._finish(ClientEnd.PROTOCOL_ERROR)
        return [piece for _, piece in self.pieces[before:]]

    def feed_eof(self, at_ns: int) -> None:
        """Learn that the peer sent FIN."""
        self._now_ns = at_ns
        if self.end is None:
            whole = self._state is _State.TO_FIN
            self._finish(ClientEnd.COMPLETE if whole else ClientEnd.TRUNCATED)

    def feed_reset(self, at_ns: int) -> None:
        """Learn that the connection was reset."""
        self._now_ns = at_ns
        if self.end is None:
            self._finish(ClientEnd.RESET)

    def _finish(self, end: ClientEnd) -> None:
        self.end = end
        self.end_at_ns = self._now_ns
        self._state = _State.OVER

    # Every step consumes what it can and returns whether another step may follow.

    def _read_head(self) -> bool:
        start = bytes(self._buffer[: len(_HEAD_START)])
        if not _HEAD_START.startswith(start):
            # Reported immediately: what is not HTTP may never bring the end of a line.
            raise _Malformed(f"not an HTTP/1 answer: {bytes(self._buffer[:80])!r}")
        lines = self._take_lines(_HEAD_MAX, "the head")
        if lines is None:
            return False
        match = _STATUS_LINE.fullmatch(lines[0])
        if match is None:
            raise _Malformed(f"not a status line: {lines[0][:80]!r}")
        status = int(match[2])
        headers = _header_lines(lines[1:])
        if status < 200:
            if status == 101:
                raise _Malformed("the protocol was switched without being asked to")
            return True
        self.status = status
        self.http_version = match[1].decode()
        self.headers = headers
        self.head_at_ns = self._now_ns
        self._begin_body()
        return True

    def _begin_body(self) -> None:
        if self._method == "HEAD" or self.status in {204, 304}:
            self._finish(ClientEnd.COMPLETE)
            return
        codings = _list_values(self.headers, b"transfer-encoding")
        lengths = set(_list_values(self.headers, b"content-length"))
        if codings:
            self._begin_coded(codings)
        elif lengths:
            self._begin_sized(lengths)
        else:
            self.framing = Framing.CLOSE
            self._state = _State.TO_FIN

    def _begin_coded(self, codings: list[bytes]) -> None:
        if self.http_version == "HTTP/1.0":
            raise _Malformed("transfer-encoding in an HTTP/1.0 answer")
        if codings.count(b"chunked") > 1:
            raise _Malformed("transfer-encoding: chunked is given twice")
        if codings[-1] == b"chunked":
            self.framing = Framing.CHUNKED
            self._state = _State.CHUNK_LINE
        else:
            self.framing = Framing.CLOSE
            self._state = _State.TO_FIN

    def _begin_sized(self, lengths: set[bytes]) -> None:
        length = lengths.pop()
        if lengths or not _LENGTH.fullmatch(length):
            raise _Malformed("content-length is not one number")
        self.framing = Framing.CONTENT_LENGTH
        self._left = int(length)
        self._state = _State.SIZED

    def _read_sized(self) -> bool:
        self._take_body(self._left)
        if self._left == 0:
            self._finish(ClientEnd.COMPLETE)
            return True
        return False

    def _read_to_fin(self) -> bool:
        self._take_body(None)
        return False

    def _read_chunk_line(self) -> bool:
        line = self._take_chunk_line()
        if line is None:
            return False
        match = _CHUNK_LINE.fullmatch(line)
        if match is None:
            raise _Malformed(f"not a chunk size: {line[:80]!r}")
        self._left = int(match[1], 16)
        self._state = _State.CHUNK_DATA if self._left else _State.TRAILERS
        return True

    def _read_chunk_data(self) -> bool:
        self._take_body(self._left)
        if self._left == 0:
            self._state = _State.CHUNK_END
            return True
        return False

    def _read_chunk_end(self) -> bool:
        ending = bytes(self._buffer[:2])
        if not b"\r\n".startswith(ending):
            raise _Malformed(f"expected CR LF after a chunk, got {ending!r}")
        if len(ending) < 2:
            return False
        del self._buffer[:2]
        self._state = _State.CHUNK_LINE
        return True

    def _read_trailers(self) -> bool:
        if self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        elif self._buffer == b"\r" or not self._buffer:
            return False
        else:
            lines = self._take_lines(_HEAD_MAX, "the trailer section")
            if lines is None:
                return False
            self.trailers = _header_lines(lines)
        self._finish(ClientEnd.COMPLETE)
        return True

    def _keep_surplus(self) -> bool:
        if self.end is ClientEnd.COMPLETE:
            self.surplus += bytes(self._buffer)
        self._buffer.clear()
        return False

    def _take_body(self, at_most: int | None) -> None:
        piece = bytes(self._buffer[:at_most])
        if piece:
            del self._buffer[: len(piece)]
            self._left -= len(piece)
            self.pieces.append((self._now_ns, piece))

    def _take_chunk_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _CHUNK_LINE_MAX)
        if end >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            return line
        if len(self._buffer) >= _CHUNK_LINE_MAX:
            raise _Malformed("the line of a chunk size does not end")
        start = bytes(self._buffer.removesuffix(b"\r"))
        if start and not _CHUNK_LINE.fullmatch(start):
            # Reported immediately: waiting for more would look like a stall.
            raise _Malformed(f"not a chunk size: {start[:80]!r}")
        return None

    def _take_lines(self, at_most: int, what: str) -> list[bytes] | None:
        """Take lines up to a blank one; None where it has not arrived yet."""
        blank = _BLANK_LINE.search(self._buffer, self._scanned)
        if blank is None:
            if len(self._buffer) > at_most:
                raise _Malformed(f"{what} does not end within {at_most} bytes")
            # The end may begin in the last three bytes (CR LF CR).
            self._scanned = max(0, len(self._buffer) - 3)
            return None
        block = bytes(self._buffer[: blank.end()])
        blank = None  # a match keeps the buffer from being resized
        del self._buffer[: len(block)]
        self._scanned = 0
        lines = [line.removesuffix(b"\r") for line in block.split(b"\n")]
        return lines[:-2]


def _header_lines(lines: list[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    unfolded: list[bytes] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"} and unfolded:
            unfolded[-1] += b" " + line.strip(b" \t")
        else:
            unfolded.append(line)
    headers = []
    for line in unfolded:
        match = _HEADER_LINE.fullmatch(line)
        if match is None:
            raise _Malformed(f"not a header line: {line[:80]!r}")
        headers.append((match[1], match[2]))
    return tuple(headers)


def _list_values(
    headers: tuple[tuple[bytes, bytes], ...], wanted: bytes
) -> list[bytes]:
    """Return the members of a header that is a list, in lower case."""
    joined = b",".join(value for name, value in headers if name.lower() == wanted)
    return [part.strip(b" \t").lower() for part in joined.split(b",") if part.strip()]

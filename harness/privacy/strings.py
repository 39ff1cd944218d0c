"""The strings in a body: where they stand, and what they say together.

A stream says one text in many pieces: a key or a prompt can be cut between two events
and two segments. So a body is read into *pieces* (JSON strings and numbers, each with
its bytes) and the pieces into *strands*: what stands at one path of event after event,
joined. A place in a strand's text leads back to the bytes that say it.

Rules of the reading:

1. Nothing is refused. Recorded streams are cut and malformed, and what they hold must
   be found all the same; so this is a lexer that knows quotes, colons and brackets.
2. In an event stream the data lines of an event are one document; the bytes between
   them are read as spaces, so that offsets stay. Any other body is one document.
3. Where an object says its ``index`` (``output_index``, ``content_index``), that names
   it in the path and not its position, and so does the ``type`` of a whole document:
   the choices of n=2 and the blocks of an answer do not run into each other.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "Document",
    "Piece",
    "Strand",
    "characters",
    "documents",
    "is_event_stream",
    "lex",
    "lines_of",
    "looks_like_json",
    "pieces_in",
    "pieces_of",
    "read_text",
    "strands_of",
]

Label = str | int | tuple[object, ...]
StrandPath = tuple[Label, ...]

_STREAM_START = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(?:data|event|id|retry)?:")
# "[DONE]" is none.
_JSON_START = re.compile(rb'(?:\xef\xbb\xbf)?[\s,]*(?:[{"]|\[\s*(?:["{\[\]0-9tfn-]|$))')
_BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(
    r'"([^"\\]*+(?:\\.[^"\\]*+)*+)("?)([ \t\r\n]*:)?'
    r"|([{\[])|([}\]])|(-?[0-9][0-9.eE+-]*+)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CHARACTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_INDEXES = frozenset({"index", "output_index", "content_index"})
_NAMING = _INDEXES | {"type"}
_KEY, _STRING, _OPEN, _CLOSE, _NUMBER = 3, 2, 4, 5, 6  # the last group of _TOKEN
_DEPTH_MAX = 64  # deeper values count as members of the deepest container


class Piece(NamedTuple):
    """One JSON value that is a string or a number.

    Attributes:
        start: Offset of its first byte in the body, after the quote.
        end: Offset past its last byte, before the quote; the end of the document where
            the string never ends.
        path: Where it stands: keys are text, positions are numbers, and tuples hold
            what else tells objects apart.
        is_string: Whether it is a string.
    """

    start: int
    end: int
    path: StrandPath
    is_string: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead here, outermost first."""
        return tuple(part for part in self.path if part and isinstance(part, str))

    @property
    def key(self) -> str:
        """The innermost key: its own, or that of the array it stands in."""
        label = self.path[-1]
        if isinstance(label, int) and len(self.path) > 1:
            label = self.path[-2]
        return label if isinstance(label, str) else ""


class Strand:
    """What the strings at one path say, joined in their order.

    Where all of them are the same (an id in every chunk) they are not joined: the text
    is said once, and a place in it stands for the place in each of them.

    Attributes:
        pieces: The strings.
        texts: What each of them says, escapes read; a byte that is not UTF-8 is a lone
            surrogate (PEP 383), half an emoji is one too.
        text: What they say together.
        is_constant: Whether all of them are the same.
    """

    __slots__ = ("_body", "_starts", "is_constant", "pieces", "text", "texts")

    def __init__(self, body: bytes, pieces: list[Piece], texts: list[str]) -> None:
        self._body = body
        self.pieces = pieces
        self.texts = texts
        self.is_constant = len(set(texts)) == 1
        self._starts = [0]
        for text in () if self.is_constant else texts:
            self._starts.append(self._starts[-1] + len(text))
        self.text = texts[0] if self.is_constant else "".join(texts)

    def bytes_of(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the byte ranges of the body that say ``text[start:end]``."""
        if self.is_constant:
            for index in range(len(self.pieces)):
                yield self.bytes_in(index, start, end)
            return
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self.pieces) and self._starts[index] < end:
            at = self._starts[index]
            size = len(self.texts[index])
            if size and at + size > start:
                yield self.bytes_in(index, max(0, start - at), min(size, end - at))
            index += 1

    def bytes_in(self, index: int, start: int, end: int) -> tuple[int, int]:
        """Return the byte range that says ``texts[index][start:end]``."""
        piece = self.pieces[index]
        raw = self._body[piece.start : piece.end].decode("utf-8", "surrogateescape")
        return (
            piece.start + _size(raw[: _written_at(raw, start)]),
            piece.start + _size(raw[: _written_at(raw, end)]),
        )


def characters(raw: str) -> Iterator[tuple[str, int]]:
    r"""Yield each character as it is written, ``\u00e9`` too, and its size in bytes."""
    for match in _CHARACTER.finditer(raw):
        written = match[0]
        yield written, _size(written)


def read_text(raw: bytes) -> str:
    """Return what the inside of a JSON string says."""
    text = raw.decode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _size(written: str) -> int:
    return len(written.encode("utf-8", "surrogateescape"))


def _written_at(raw: str, count: int) -> int:
    """Return where in a string as written the character of this number begins."""
    at = 0
    for match in _ESCAPE.finditer(raw):
        plain = match.start() - at
        if count <= plain:
            break
        count -= plain + 1
        at = match.end()
    return at + count


def _unescape(match: re.Match[str]) -> str:
    code, short = match.groups()
    return chr(int(code, 16)) if code else _SHORT.get(short, short)


def is_event_stream(body: bytes, content_type: str | None) -> bool:
    """Tell whether a body is read by lines; a wrong content type does not hide it."""
    named = content_type is not None and "event-stream" in content_type.lower()
    return named or _STREAM_START.match(body) is not None


class Document(NamedTuple):
    """What one event says, or the whole body where it is no event stream.

    Attributes:
        start: Offset of its first byte in the body.
        data: Its bytes; what stands between two data lines is spaces.
        spans: Where in the body the bytes are that it says.
    """

    start: int
    data: bytes
    spans: tuple[tuple[int, int], ...]


def documents(body: bytes, content_type: str | None) -> Iterator[Document]:
    """Yield each document of a body.

    Args:
        body: All of its bytes, without content coding.
        content_type: What the head says it is.
    """
    if not is_event_stream(body, content_type):
        yield Document(0, body, ((0, len(body)),))
        return
    values: list[tuple[int, int]] = []
    for start, line in lines_of(body):
        if line.startswith(b"data:"):
            values.append((start + len(b"data:"), start + len(line)))
        elif not line and values:
            yield _document(body, values)
            values = []
    if values:
        yield _document(body, values)


def lines_of(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line of an event stream and its offset, without its end or a BOM."""
    offset = len(_BOM) if body.startswith(_BOM) else 0
    for line in body[offset:].splitlines(keepends=True):
        yield offset, line.rstrip(b"\r\n")
        offset += len(line)


def _document(body: bytes, values: list[tuple[int, int]]) -> Document:
    start, end = values[0][0], values[-1][1]
    data = body[start:end]
    if len(values) > 1:
        blank = bytearray(b" " * (end - start))
        for value_start, value_end in values:
            blank[value_start - start : value_end - start] = body[value_start:value_end]
        data = bytes(blank)
    return Document(start, data, tuple(values))


class _Frame:
    """An open object or array."""

    __slots__ = ("count", "depth", "is_array", "key", "label", "parent", "path")

    def __init__(
        self, parent: _Frame | None, label: Label, *, is_array: bool = False
    ) -> None:
        self.parent = parent
        self.label = label
        self.is_array = is_array
        self.depth: int = parent.depth + 1 if parent else 0
        self.key = ""
        self.count = 0
        self.path: StrandPath | None = None

    def next_label(self) -> Label:
        if not self.is_array:
            return self.key
        self.count += 1
        return self.count - 1

    def take_index(self, value: str) -> None:
        """Let a member that tells this object from others name it in the path."""
        is_top = self.depth == 1 and not self.is_array
        if self.key == "type" and is_top:
            self.label = (self.label, value)
        elif self.key in _INDEXES and is_top:
            self.label = (self.label, f"{self.key} {value}")
        elif self.key == "index" and self.parent and self.parent.is_array:
            self.label = (f"index {value}",)

    def resolved(self) -> StrandPath:
        """Return the path, which is known only when the document was read."""
        if self.path is None:
            above = self.parent.resolved() if self.parent else ()
            self.path = (*above, self.label)
        return self.path


def lex(text: str, base: int = 0) -> list[Piece]:
    """Return the strings and numbers of a JSON text, keys left out.

    Args:
        text: The document; one character for each byte where offsets are to be bytes.
        base: Added to every offset.
    """
    frame = _Frame(None, "")
    too_deep = 0
    found: list[tuple[int, int, _Frame, Label, bool]] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastindex
        if kind == _KEY:
            frame.key = _key(match[1])
        elif kind in (_STRING, _NUMBER):
            group = 1 if kind == _STRING else _NUMBER
            label = frame.next_label()
            found.append((*match.span(group), frame, label, kind == _STRING))
            if not frame.is_array and frame.key in _NAMING:
                frame.take_index(match[group])
        elif kind == _OPEN and (too_deep or frame.depth >= _DEPTH_MAX):
            too_deep += 1
        elif kind == _OPEN:
            frame = _Frame(frame, frame.next_label(), is_array=match[_OPEN] == "[")
        elif too_deep:
            too_deep -= 1
        else:
            frame = frame.parent or frame
    return [
        Piece(base + start, base + end, (*at.resolved(), label), is_string)
        for start, end, at, label, is_string in found
    ]


def pieces_of(body: bytes, content_type: str | None) -> list[Piece]:
    """Return the strings and numbers of all documents of a body, in their order.

    A document that does not begin like JSON with a string in it is one string at the
    path of nothing.
    """
    found: list[Piece] = []
    for document in documents(body, content_type):
        found += pieces_in(document)
    return found


def pieces_in(document: Document) -> list[Piece]:
    """Return the strings and numbers of one document, in their order."""
    start, data, spans = document
    if looks_like_json(data):
        pieces = lex(data.decode("latin-1"), start)
    else:
        pieces = [Piece(start, start + len(data), ("",), is_string=True)]
    # A string may go over the end of a data line: where it was never ended.
    return pieces if len(spans) == 1 else [*_clipped(pieces, spans)]


def looks_like_json(data: bytes) -> bool:
    """Tell whether a document is read as JSON; what is not is one text."""
    return _JSON_START.match(data) is not None


def _clipped(
    pieces: list[Piece], spans: tuple[tuple[int, int], ...]
) -> Iterator[Piece]:
    for piece in pieces:
        for start, end in spans:
            if piece.start < end and start < piece.end:
                yield piece._replace(
                    start=max(piece.start, start), end=min(piece.end, end)
                )


def strands_of(body: bytes, pieces: list[Piece]) -> list[Strand]:
    """Join the strings that stand at the same path.

    Where one of them says all that was said before, and perhaps more, it begins a
    strand of its own: so do streams that stutter or send their whole text every time.
    """
    by_path: dict[StrandPath, list[Piece]] = {}
    for piece in pieces:
        if piece.is_string and piece.end > piece.start:
            by_path.setdefault(piece.path, []).append(piece)
    strands: list[Strand] = []
    for found in by_path.values():
        texts = [read_text(body[piece.start : piece.end]) for piece in found]
        if len(set(texts)) == 1:
            strands.append(Strand(body, found, texts))
        else:
            strands += _runs(body, found, texts)
    return strands


def _runs(body: bytes, pieces: list[Piece], texts: list[str]) -> Iterator[Strand]:
    first = 0
    said = texts[0]
    for index in range(1, len(texts)):
        if texts[index].startswith(said):
            yield Strand(body, pieces[first:index], texts[first:index])
            first = index
            said = ""
        said += texts[index]
    yield Strand(body, pieces[first:], texts[first:])


def _key(written: str) -> str:
    if written.isascii():
        return written if "\\" not in written else _ESCAPE.sub(_unescape, written)
    try:
        return read_text(written.encode("latin-1"))
    except UnicodeEncodeError:  # text, not one character for each byte
        return written

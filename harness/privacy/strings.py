"""The strings of a body, with their bytes, and the texts that they form together.

A stream sends one text in many parts: a key or a prompt can be cut between two events
and two segments. So a body is read into *scalars* (JSON strings and numbers, each with
its bytes) and the scalars into *streamed texts*: the strings at one path of event after
event, joined. A position in a streamed text leads back to its bytes.

Rules of the reading:

1. Nothing is refused. Recorded streams are cut and malformed, and secrets in them must
   be found as well; so this is a lexer that knows quotes, colons and brackets.
2. In an event stream the data lines of an event are one document; the bytes between
   them are read as spaces, which keeps the offsets. Any other body is one document.
3. If an object has an ``index`` (``output_index``, ``content_index``), that names it in
   the path, not its position, and so does the ``type`` of a whole document: the choices
   of n=2 and the blocks of an answer stay apart.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from harness.dialects.registry import DIALECTS
from harness.sse import begins_like_event_stream, is_event_stream

__all__ = [
    "BodyDocument",
    "Scalar",
    "StreamedText",
    "body_documents",
    "has_events",
    "lex_json",
    "lines_of",
    "looks_like_json",
    "scalars_in",
    "scalars_of",
    "streamed_texts",
    "unescape",
    "written_characters",
]

PathStep = str | int | tuple[object, ...]
ScalarPath = tuple[PathStep, ...]

# "[DONE]" is not JSON.
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
_INDEXES = frozenset[str]().union(*(one.fields.indexes for one in DIALECTS))
_NAMING = _INDEXES | {"type"}
_KEY, _STRING, _OPEN, _CLOSE, _NUMBER = 3, 2, 4, 5, 6  # the last group of _TOKEN
_DEPTH_MAX = 64  # deeper values count as members of the deepest container


class Scalar(NamedTuple):
    """One JSON value that is a string or a number.

    Attributes:
        start: Offset of its first byte in the body, after the quote.
        end: Offset past its last byte, before the quote; the end of the document if
            the string never ends.
        path: Its place in the document: keys are text, positions are numbers, and
            tuples hold what else distinguishes objects.
        is_string: Whether it is a string.
    """

    start: int
    end: int
    path: ScalarPath
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


class StreamedText:
    """The text of the strings at one path, joined in their order.

    If all of them are the same (an id in every chunk) they are not joined: the text is
    kept once, and a position in it means that position in each of them.

    Attributes:
        scalars: The strings.
        parts: The text of each string, escapes decoded; a byte that is not UTF-8 is a
            lone surrogate (PEP 383), and so is half an emoji.
        text: Their joined text.
        is_constant: Whether all of them are the same.
    """

    __slots__ = ("_body", "_starts", "is_constant", "parts", "scalars", "text")

    def __init__(self, body: bytes, scalars: list[Scalar], parts: list[str]) -> None:
        self._body = body
        self.scalars = scalars
        self.parts = parts
        self.is_constant = len(set(parts)) == 1
        self._starts = [0]
        for text in () if self.is_constant else parts:
            self._starts.append(self._starts[-1] + len(text))
        self.text = parts[0] if self.is_constant else "".join(parts)

    def byte_ranges(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the byte ranges of the body that hold ``text[start:end]``."""
        if self.is_constant:
            for index in range(len(self.scalars)):
                yield self.byte_range(index, start, end)
            return
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self.scalars) and self._starts[index] < end:
            at = self._starts[index]
            size = len(self.parts[index])
            if size and at + size > start:
                yield self.byte_range(index, max(0, start - at), min(size, end - at))
            index += 1

    def byte_range(self, index: int, start: int, end: int) -> tuple[int, int]:
        """Return the byte range that holds ``parts[index][start:end]``."""
        scalar = self.scalars[index]
        raw = self._body[scalar.start : scalar.end].decode("utf-8", "surrogateescape")
        return (
            scalar.start + _size(raw[: _written_at(raw, start)]),
            scalar.start + _size(raw[: _written_at(raw, end)]),
        )


def written_characters(raw: str) -> Iterator[tuple[str, int]]:
    r"""Yield each character as written, such as ``\u00e9``, and its size in bytes."""
    for match in _CHARACTER.finditer(raw):
        written = match[0]
        yield written, _size(written)


def unescape(raw: bytes) -> str:
    """Return the text of the inside of a JSON string, escapes decoded."""
    text = raw.decode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _size(written: str) -> int:
    return len(written.encode("utf-8", "surrogateescape"))


def _written_at(raw: str, count: int) -> int:
    """Return the offset of a character in a string as written."""
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


def has_events(body: bytes, content_type: str | None) -> bool:
    """Tell whether a body is an event stream, also with a wrong content type."""
    named = is_event_stream(content_type, anywhere=True, name="event-stream")
    return named or begins_like_event_stream(body)


class BodyDocument(NamedTuple):
    """The data of one event, or the whole body if it is not an event stream.

    Attributes:
        start: Offset of its first byte in the body.
        data: Its bytes, with spaces in place of the bytes between two data lines.
        spans: The byte ranges of its data in the body.
    """

    start: int
    data: bytes
    spans: tuple[tuple[int, int], ...]


def body_documents(body: bytes, content_type: str | None) -> Iterator[BodyDocument]:
    """Yield each document of a body.

    Args:
        body: All of its bytes, without content coding.
        content_type: Value of the header.
    """
    if not has_events(body, content_type):
        yield BodyDocument(0, body, ((0, len(body)),))
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


def _document(body: bytes, values: list[tuple[int, int]]) -> BodyDocument:
    start, end = values[0][0], values[-1][1]
    data = body[start:end]
    if len(values) > 1:
        blank = bytearray(b" " * (end - start))
        for value_start, value_end in values:
            blank[value_start - start : value_end - start] = body[value_start:value_end]
        data = bytes(blank)
    return BodyDocument(start, data, tuple(values))


class _Container:
    """An open object or array."""

    __slots__ = ("count", "depth", "is_array", "key", "label", "parent", "path")

    def __init__(
        self, parent: _Container | None, label: PathStep, *, is_array: bool = False
    ) -> None:
        self.parent = parent
        self.label = label
        self.is_array = is_array
        self.depth: int = parent.depth + 1 if parent else 0
        self.key = ""
        self.count = 0
        self.path: ScalarPath | None = None

    def next_label(self) -> PathStep:
        if not self.is_array:
            return self.key
        self.count += 1
        return self.count - 1

    def take_index(self, value: str) -> None:
        """Name this object in the path by its ``index`` or ``type``."""
        is_top = self.depth == 1 and not self.is_array
        if self.key == "type" and is_top:
            self.label = (self.label, value)
        elif self.key in _INDEXES and is_top:
            self.label = (self.label, f"{self.key} {value}")
        elif self.key == "index" and self.parent and self.parent.is_array:
            self.label = (f"index {value}",)

    def resolved(self) -> ScalarPath:
        """Return the path; known only after the whole document is read."""
        if self.path is None:
            above = self.parent.resolved() if self.parent else ()
            self.path = (*above, self.label)
        return self.path


def lex_json(text: str, base: int = 0) -> list[Scalar]:
    """Return the strings and numbers of a JSON text, keys left out.

    Args:
        text: The document; decoded as latin-1 if offsets must count bytes.
        base: Added to every offset.
    """
    container = _Container(None, "")
    too_deep = 0
    found: list[tuple[int, int, _Container, PathStep, bool]] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastindex
        if kind == _KEY:
            container.key = _key(match[1])
        elif kind in (_STRING, _NUMBER):
            group = 1 if kind == _STRING else _NUMBER
            label = container.next_label()
            found.append((*match.span(group), container, label, kind == _STRING))
            if not container.is_array and container.key in _NAMING:
                container.take_index(match[group])
        elif kind == _OPEN and (too_deep or container.depth >= _DEPTH_MAX):
            too_deep += 1
        elif kind == _OPEN:
            container = _Container(
                container, container.next_label(), is_array=match[_OPEN] == "["
            )
        elif too_deep:
            too_deep -= 1
        else:
            container = container.parent or container
    return [
        Scalar(base + start, base + end, (*at.resolved(), label), is_string)
        for start, end, at, label, is_string in found
    ]


def scalars_of(body: bytes, content_type: str | None) -> list[Scalar]:
    """Return the strings and numbers of all documents of a body, in their order.

    A document that does not begin like JSON with a string in it is one string with an
    empty path.
    """
    found: list[Scalar] = []
    for document in body_documents(body, content_type):
        found += scalars_in(document)
    return found


def scalars_in(document: BodyDocument) -> list[Scalar]:
    """Return the strings and numbers of one document, in their order."""
    start, data, spans = document
    if looks_like_json(data):
        scalars = lex_json(data.decode("latin-1"), start)
    else:
        scalars = [Scalar(start, start + len(data), ("",), is_string=True)]
    # An unterminated string may go over the end of a data line.
    return scalars if len(spans) == 1 else [*_clipped(scalars, spans)]


def looks_like_json(data: bytes) -> bool:
    """Tell whether a document is read as JSON; any other document is one text."""
    return _JSON_START.match(data) is not None


def _clipped(
    scalars: list[Scalar], spans: tuple[tuple[int, int], ...]
) -> Iterator[Scalar]:
    for scalar in scalars:
        for start, end in spans:
            if scalar.start < end and start < scalar.end:
                yield scalar._replace(
                    start=max(scalar.start, start), end=min(scalar.end, end)
                )


def streamed_texts(body: bytes, scalars: list[Scalar]) -> list[StreamedText]:
    """Join the strings at the same path.

    A string that begins with all the text before it begins a text of its own: streams
    that stutter or send their whole text every time have such strings.
    """
    by_path: dict[ScalarPath, list[Scalar]] = {}
    for scalar in scalars:
        if scalar.is_string and scalar.end > scalar.start:
            by_path.setdefault(scalar.path, []).append(scalar)
    streamed: list[StreamedText] = []
    for found in by_path.values():
        texts = [unescape(body[scalar.start : scalar.end]) for scalar in found]
        if len(set(texts)) == 1:
            streamed.append(StreamedText(body, found, texts))
        else:
            streamed += _runs(body, found, texts)
    return streamed


def _runs(
    body: bytes, scalars: list[Scalar], texts: list[str]
) -> Iterator[StreamedText]:
    first = 0
    said = texts[0]
    for index in range(1, len(texts)):
        if texts[index].startswith(said):
            yield StreamedText(body, scalars[first:index], texts[first:index])
            first = index
            said = ""
        said += texts[index]
    yield StreamedText(body, scalars[first:], texts[first:])


def _key(written: str) -> str:
    if written.isascii():
        return written if "\\" not in written else _ESCAPE.sub(_unescape, written)
    try:
        return unescape(written.encode("latin-1"))
    except UnicodeEncodeError:  # text, not one character for each byte
        return written

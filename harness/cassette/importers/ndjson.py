"""Cassettes from timed NDJSON, a log that any gateway can write (docs/formats.md).

Each segment is a line with its time and its bytes; before them is a line with request
and response head, after them one with the ending. Nothing is invented: an interaction
without an ending was still running when the log stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.codec import cassette_schema
from harness.cassette.http_message import read_body, read_headers
from harness.cassette.importers.imported import (
    ImportedFile,
    ImportedInteraction,
    utc_time,
)
from harness.cassette.model import (
    Ending,
    EndingKind,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.documents.json_document import load_json
from harness.documents.node import Node
from harness.errors import InputError
from harness.units import NS_PER_MS

__all__ = ["import_ndjson"]

_CUT_NOTE = "The last line of the log is cut."


def import_ndjson(data: bytes, *, source: str) -> ImportedFile:
    """Read a log of timed NDJSON.

    Args:
        data: The file.
        source: Its name, for messages.

    Raises:
        InputError: A line is not JSON, has an unknown key, belongs to no interaction or
            to one that has ended, or its time falls; an id opens two interactions. A
            last line without its line end is no error: the writer was killed.
    """
    log = _LogReader(source)
    for number, text, whole in _lines(data):
        try:
            line = load_json(text, source=source, line=number)
        except InputError:
            if whole:
                raise
            log.cut = True
        else:
            log.take(line)
    return ImportedFile(interactions=tuple(log.interactions()), program=log.by)


def _lines(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Yield number and bytes of each line that is not blank, and whether it ended."""
    start = 0
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        whole = end >= 0
        end = end if whole else len(data)
        number += 1
        line = data[start:end]
        if line.strip():
            yield number, line, whole
        start = end + 1


class _OpenInteraction:
    """An interaction that was opened by its head."""

    __slots__ = ("ending", "head", "last_ms", "segments")

    def __init__(self, head: Node) -> None:
        self.head = head
        self.segments: list[Segment] = []
        self.last_ms: float = 0
        self.ending: Ending | None = None

    def read_time(self, at_ms: Node) -> int:
        """Return a time in nanoseconds; none may be before the one before it."""
        if at_ms.value < self.last_ms:
            raise InputError(
                "expected a time not before the last of its interaction,"
                f" got {at_ms.value} after {self.last_ms}",
                at=at_ms,
            )
        self.last_ms = at_ms.value
        return round(self.last_ms * NS_PER_MS)


class _LogReader:
    """A reader that takes the lines of a log in order.

    Attributes:
        by: The program that wrote the log, as its first head says.
        cut: Whether its last line is cut.
    """

    def __init__(self, source: str) -> None:
        self.by: str | None = None
        self.cut = False
        self._source = source
        self._opened: dict[str | int | None, _OpenInteraction] = {}

    def take(self, line: Node) -> None:
        """Take a line."""
        if not isinstance(line.value, dict):
            line.check(_SEGMENT)  # raises an error that says what is expected
        elif "request" in line.value or "response" in line.value:
            line.check(_HEAD)
            self._open(line)
        elif "ending" in line.value:
            line.check(_ENDING)
            opened = self._find(line)
            ending = line.at("ending")
            at_ns = opened.read_time(ending.at("at_ms"))
            kind = EndingKind(ending.value["kind"])
            opened.ending = Ending(at_ns=at_ns, kind=kind)
        else:
            line.check(_SEGMENT)
            opened = self._find(line)
            at_ns = opened.read_time(line.at("at_ms"))
            data = read_body(line)
            if data:  # an empty read is no segment
                opened.segments.append(Segment(at_ns=at_ns, data=data))

    def interactions(self) -> Iterator[ImportedInteraction]:
        """Yield the interactions in the order of their heads."""
        if not self._opened:
            message = "expected a line with request and response, got none"
            raise InputError(message, source=self._source)
        for opened in self._opened.values():
            yield _finish(opened, cut=self.cut)

    def _open(self, head: Node) -> None:
        name = head.value.get("id")
        if name in self._opened:
            id_ = "no id" if name is None else f"the id {name!r}"
            line = self._opened[name].head.origin.line
            message = f"an interaction with {id_} was opened before, on line {line}"
            raise InputError(message, at=head.at("id"))
        at = head.at("at")
        if at.value is not None and utc_time(at.value) is None:
            raise InputError("expected a time with its zone, in ISO 8601", at=at)
        self.by = self.by or head.value.get("by")
        self._opened[name] = _OpenInteraction(head)

    def _find(self, line: Node) -> _OpenInteraction:
        name = line.value.get("id")
        opened = self._opened.get(name)
        which = "without id" if name is None else f"{name!r}"
        if opened is None:
            raise InputError(
                f"no interaction {which} was opened before this line", at=line
            )
        if opened.ending is not None:
            raise InputError(
                f"the interaction {which} has ended before this line", at=line
            )
        return opened


def _finish(opened: _OpenInteraction, *, cut: bool) -> ImportedInteraction:
    head = opened.head.value
    notes = tuple(head.get("notes", ()))
    ending = opened.ending
    if ending is None:
        at_ns = round(opened.last_ms * NS_PER_MS)
        ending = Ending(at_ns=at_ns, kind=EndingKind.RECORDER_STOPPED)
        notes += (_CUT_NOTE,) if cut else ()
    asked, answered = opened.head.at("request"), opened.head.at("response")
    request = Request(
        method=asked.value["method"],
        path=asked.value["path"],
        headers=read_headers(asked.at("headers")),
        body=read_body(asked.at("body")) if "body" in asked.value else b"",
    )
    response = Response(
        status=answered.value["status"],
        http_version=answered.value.get("http_version", "HTTP/1.1"),
        headers=read_headers(answered.at("headers")),
        segments=tuple(opened.segments),
        ending=ending,
    )
    return ImportedInteraction(
        interaction=Interaction(request=request, response=response, notes=notes),
        at=utc_time(head["at"]) if "at" in head else None,
        upstream=head.get("upstream"),
        reconstructed=(),
        tags=tuple(head.get("tags", ())),
    )


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    whole = {"type": "object", "additionalProperties": False, **schema}
    return Draft202012Validator({**whole, "$defs": _DEFS})


_SCHEMA = cassette_schema()
_DEFS = _SCHEMA["$defs"]
_ID = {"type": ["string", "integer"]}
_TEXT = {"type": "string", "minLength": 1}
_RESPONSE = _DEFS["response"]["properties"]
_ITEM = _RESPONSE["segments"]["items"]

_HEAD = _validator(
    {
        "required": ["request", "response"],
        "properties": {
            "id": _ID,
            "format": {"const": 1},
            "at": _TEXT,
            "by": _TEXT,
            "upstream": _TEXT,
            "tags": _SCHEMA["properties"]["tags"],
            "notes": {"type": "array", "items": _TEXT},
            "request": {**_DEFS["request"], "required": ["method", "path"]},
            "response": {
                "type": "object",
                "required": ["status"],
                "additionalProperties": False,
                "properties": {
                    name: _RESPONSE[name]
                    for name in ("status", "http_version", "headers")
                },
            },
        },
    }
)
_SEGMENT = _validator({**_ITEM, "properties": {"id": _ID, **_ITEM["properties"]}})
_ENDING = _validator(
    {
        "required": ["ending"],
        "properties": {"id": _ID, "ending": _RESPONSE["ending"]},
    }
)

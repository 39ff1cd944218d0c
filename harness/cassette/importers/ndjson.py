"""Cassettes from timed NDJSON, a log that any gateway can write (docs/formats.md).

A line a segment, with its time and its bytes; before them a line with request and
response head, after them one with the ending. Nothing is invented: an interaction
without an ending was still running when the log stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.codec import cassette_schema
from harness.cassette.importers.harvest import Found, Harvest, utc
from harness.cassette.importers.values import Place, parse_json
from harness.cassette.model import (
    Ending,
    EndingKind,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.errors import InputError
from harness.units import NS_PER_MS

__all__ = ["import_ndjson"]

_CUT_NOTE = "The last line of the log is cut."


def import_ndjson(data: bytes, *, source: str) -> Harvest:
    """Read a log of timed NDJSON.

    Args:
        data: The file.
        source: Its name, for messages.

    Raises:
        InputError: A line is not JSON, has an unknown key, belongs to no interaction or
            to one that has ended, or its time falls; an id opens two interactions. A
            last line without its line end may be cut: the writer was killed.
    """
    log = _Log(source)
    for number, line, whole in _lines(data):
        try:
            value = parse_json(line, source, line=number)
        except InputError:
            if whole:
                raise
            log.cut = True
        else:
            log.take(value, Place(source, line=number))
    return Harvest(found=tuple(log.found()), of=log.by)


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


class _Open:
    """An interaction that was opened by its head."""

    __slots__ = ("ending", "head", "last_ms", "place", "segments")

    def __init__(self, head: dict[str, Any], place: Place) -> None:
        self.head = head
        self.place = place
        self.segments: list[Segment] = []
        self.last_ms: float = 0
        self.ending: Ending | None = None


class _Log:
    """Takes the lines of a log in order.

    Attributes:
        by: What the first head says that wrote the log.
        cut: Whether its last line is cut.
    """

    def __init__(self, source: str) -> None:
        self.by: str | None = None
        self.cut = False
        self._source = source
        self._open: dict[str | int | None, _Open] = {}

    def take(self, value: Any, place: Place) -> None:
        """Take what a line says."""
        if not isinstance(value, dict):
            place.check(value, _SEGMENT)  # an error: it tells what is expected
        elif "request" in value or "response" in value:
            place.check(value, _HEAD)
            self._take_head(value, place)
        elif "ending" in value:
            place.check(value, _ENDING)
            opened = self._find(value, place)
            ending = value["ending"]
            at_ns = _forward(opened, ending["at_ms"], place.at("ending", "at_ms"))
            opened.ending = Ending(at_ns=at_ns, kind=EndingKind(ending["kind"]))
        else:
            place.check(value, _SEGMENT)
            opened = self._find(value, place)
            at_ns = _forward(opened, value["at_ms"], place.at("at_ms"))
            data = place.body(value)
            if data:  # no read brings nothing
                opened.segments.append(Segment(at_ns=at_ns, data=data))

    def found(self) -> Iterator[Found]:
        """Yield the interactions in the order of their heads."""
        if not self._open:
            message = "expected a line with request and response, came none"
            raise InputError(message, source=self._source)
        for opened in self._open.values():
            yield _finish(opened, cut=self.cut)

    def _take_head(self, head: dict[str, Any], place: Place) -> None:
        name = head.get("id")
        if name in self._open:
            id_ = "no id" if name is None else f"the id {name!r}"
            line = self._open[name].place.line
            message = f"an interaction with {id_} was opened before, on line {line}"
            raise place.at("id").error(message)
        if "at" in head and utc(head["at"]) is None:
            raise place.at("at").error("expected a time with its zone, in ISO 8601")
        self.by = self.by or head.get("by")
        self._open[name] = _Open(head, place)

    def _find(self, value: dict[str, Any], place: Place) -> _Open:
        name = value.get("id")
        opened = self._open.get(name)
        which = "without id" if name is None else f"{name!r}"
        if opened is None:
            message = f"no interaction {which} was opened before this line"
            raise place.error(message)
        if opened.ending is not None:
            raise place.error(f"the interaction {which} has ended before this line")
        return opened


def _forward(opened: _Open, at_ms: float, place: Place) -> int:
    if at_ms < opened.last_ms:
        message = (
            "expected a time not before the last of its interaction,"
            f" came {at_ms} after {opened.last_ms}"
        )
        raise place.error(message)
    opened.last_ms = at_ms
    return round(at_ms * NS_PER_MS)


def _finish(opened: _Open, *, cut: bool) -> Found:
    head, place = opened.head, opened.place
    asked, answered = head["request"], head["response"]
    notes = tuple(head.get("notes", ()))
    ending = opened.ending
    if ending is None:
        at_ns = round(opened.last_ms * NS_PER_MS)
        ending = Ending(at_ns=at_ns, kind=EndingKind.RECORDER_STOPPED)
        notes += (_CUT_NOTE,) if cut else ()
    inside = place.at("request")
    request = Request(
        method=asked["method"],
        path=asked["path"],
        headers=inside.at("headers").headers(asked.get("headers", ())),
        body=inside.at("body").body(asked["body"]) if "body" in asked else b"",
    )
    response = Response(
        status=answered["status"],
        http_version=answered.get("http_version", "HTTP/1.1"),
        headers=place.at("response", "headers").headers(answered.get("headers", ())),
        segments=tuple(opened.segments),
        ending=ending,
    )
    return Found(
        interaction=Interaction(request=request, response=response, notes=notes),
        at=utc(head["at"]) if "at" in head else None,
        upstream=head.get("upstream"),
        invented=(),
        tags=tuple(head.get("tags", ())),
    )


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    whole = {"type": "object", "additionalProperties": False, **schema}
    return Draft202012Validator({**whole, "$defs": _DEFS})


_SCHEMA = cassette_schema()
_DEFS = _SCHEMA["$defs"]
_ID = {"type": ["string", "integer"]}
_TEXT = {"type": "string", "minLength": 1}
_PARTS = _DEFS["response"]["properties"]
_PIECE = _PARTS["segments"]["items"]

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
                    name: _PARTS[name] for name in ("status", "http_version", "headers")
                },
            },
        },
    }
)
_SEGMENT = _validator({**_PIECE, "properties": {"id": _ID, **_PIECE["properties"]}})
_ENDING = _validator(
    {
        "required": ["ending"],
        "properties": {"id": _ID, "ending": _PARTS["ending"]},
    }
)

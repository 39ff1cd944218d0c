"""What a HAR of ours carries beside what HAR can say, in the field ``_harness``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.codec import cassette_schema
from harness.cassette.importers.harvest import Found
from harness.cassette.importers.values import Place
from harness.cassette.model import (
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.units import NS_PER_MS

__all__ = ["EXACT", "read_exact"]

EXACT = "_harness"
"""Custom field of an entry; the format leaves names with an underscore to tools."""


def read_exact(  # noqa: PLR0913, PLR0917 - the parts of one entry
    exact: Any,
    place: Place,
    request: Request,
    answered: Mapping[str, Any],
    headers: Headers,
    body: bytes,
) -> Found:
    """Return the interaction of which the entry was made.

    Args:
        exact: The field.
        place: Where it stands.
        request: As HAR says it.
        answered: The entry's response.
        headers: Those of the response.
        body: Its body, as HAR says it: decoded.

    Raises:
        InputError: The field does not say what it must, or does not fit the body.
    """
    place.check(exact, _FIELD)
    if "response_base64" in exact:
        body = place.at("response_base64").decode(exact["response_base64"])
    if "request_base64" in exact:
        asked = place.at("request_base64").decode(exact["request_base64"])
        request = replace(request, body=asked)
    segments = _segments(exact["segments"], body, place.at("segments"))
    last_ns = segments[-1].at_ns if segments else 0
    ending = exact["ending"]
    at_ns = round(ending["at_ms"] * NS_PER_MS)
    if at_ns < last_ns:
        message = "expected an ending not before the last segment"
        raise place.at("ending", "at_ms").error(message)
    version = str(answered.get("httpVersion"))
    if version not in _VERSIONS:
        message = f"expected one of {', '.join(_VERSIONS)} for response.httpVersion"
        raise place.error(message)
    response = Response(
        status=answered["status"],
        http_version=version,
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=at_ns, kind=EndingKind(ending["kind"])),
    )
    return Found(
        interaction=Interaction(
            request=replace(request, path=exact["path"]),
            response=response,
            notes=tuple(exact.get("notes", ())),
        ),
        at=exact.get("at"),
        upstream=exact.get("upstream"),
        invented=tuple(exact.get("reconstructed", ())),
        tags=tuple(exact.get("tags", ())),
    )


def _segments(
    listed: Sequence[tuple[float, int]], body: bytes, place: Place
) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    start = 0
    for index, (at_ms, length) in enumerate(listed):
        at_ns = round(at_ms * NS_PER_MS)
        if segments and at_ns < segments[-1].at_ns:
            raise place.at(index).error("expected a time not before the last segment")
        data = body[start : start + length]
        segments.append(Segment(at_ns=at_ns, data=data))
        start += length
    if start != len(body):
        message = f"expected lengths of {len(body)} bytes, as the body, came {start}"
        raise place.error(message)
    return tuple(segments)


_SCHEMA = cassette_schema()
_PROPERTIES = _SCHEMA["properties"]
_RECORDED = _PROPERTIES["recorded"]["properties"]
_PARTS = _SCHEMA["$defs"]["response"]["properties"]
_VERSIONS: Sequence[str] = _PARTS["http_version"]["enum"]
_INTERACTION = _PROPERTIES["interactions"]["items"]["properties"]
_FIELD = Draft202012Validator(
    {
        "type": "object",
        "required": ["format", "path", "segments", "ending"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": 1},
            "path": {"type": "string", "minLength": 1},
            "segments": {
                "type": "array",
                "items": {
                    "description": "a pair [at_ms, length in bytes]",
                    "type": "array",
                    "minItems": 2,
                    "prefixItems": [
                        _PARTS["segments"]["items"]["properties"]["at_ms"],
                        {"type": "integer", "minimum": 0},
                    ],
                    "items": False,
                },
            },
            "ending": _PARTS["ending"],
            "at": _RECORDED["at"],
            "by": _RECORDED["by"],
            "upstream": _RECORDED["upstream"],
            "tags": _PROPERTIES["tags"],
            "reconstructed": _PROPERTIES["reconstructed"],
            "notes": _INTERACTION["notes"],
            "request_base64": {"type": "string"},
            "response_base64": {"type": "string"},
        },
    }
)

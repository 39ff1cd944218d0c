"""Reader of ``_harness``, the field for what HAR itself cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from jsonschema import Draft202012Validator

from harness.cassette.codec import cassette_schema
from harness.cassette.http_message import read_base64
from harness.cassette.importers.imported import ImportedInteraction
from harness.cassette.model import (
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.documents.node import Node
from harness.errors import InputError
from harness.units import NS_PER_MS

__all__ = ["EXACT", "read_exact"]

EXACT = "_harness"
"""Custom field of an entry; the format leaves names with an underscore to tools."""


def read_exact(
    entry: Node, request: Request, headers: Headers, body: bytes
) -> ImportedInteraction:
    """Return the interaction that an entry with the field was made from.

    Args:
        entry: The entry.
        request: As HAR has it.
        headers: Those of the response.
        body: Its decoded body, as HAR has it.

    Raises:
        InputError: The field is wrong, or does not fit the body.
    """
    node = entry.at(EXACT)
    node.check(_FIELD)
    exact = node.value
    if "response_base64" in exact:
        body = read_base64(node.at("response_base64"))
    if "request_base64" in exact:
        request = replace(request, body=read_base64(node.at("request_base64")))
    segments = _segments(node.at("segments"), body)
    last_ns = segments[-1].at_ns if segments else 0
    ending = exact["ending"]
    at_ns = round(ending["at_ms"] * NS_PER_MS)
    if at_ns < last_ns:
        message = "expected an ending not before the last segment"
        raise InputError(message, at=node.at("ending", "at_ms"))
    answered = entry.value["response"]
    version = str(answered.get("httpVersion"))
    if version not in _VERSIONS:
        message = f"expected one of {', '.join(_VERSIONS)} for response.httpVersion"
        raise InputError(message, at=node)
    response = Response(
        status=answered["status"],
        http_version=version,
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=at_ns, kind=EndingKind(ending["kind"])),
    )
    return ImportedInteraction(
        interaction=Interaction(
            request=replace(request, path=exact["path"]),
            response=response,
            notes=tuple(exact.get("notes", ())),
        ),
        at=exact.get("at"),
        upstream=exact.get("upstream"),
        reconstructed=tuple(exact.get("reconstructed", ())),
        tags=tuple(exact.get("tags", ())),
    )


def _segments(node: Node, body: bytes) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    start = 0
    for item in node:
        at_ms, length = item.value
        at_ns = round(at_ms * NS_PER_MS)
        if segments and at_ns < segments[-1].at_ns:
            raise InputError("expected a time not before the last segment", at=item)
        data = body[start : start + length]
        segments.append(Segment(at_ns=at_ns, data=data))
        start += length
    if start != len(body):
        message = f"expected lengths of {len(body)} bytes, as the body, got {start}"
        raise InputError(message, at=node)
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

"""Cassettes from HAR 1.2, the archives of browsers and of many proxies.

They have requests, response heads, whole decoded bodies, and the times of the first and
the last byte. A HAR from `harness.cassette.exporters.har` has the rest in ``_harness``,
a custom field as the format allows (HAR 1.2, section 2.3), and is read back unchanged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.codec import AT_NS_MAX
from harness.cassette.content_coding import content_type_of
from harness.cassette.http_message import check_headers, read_base64, read_text
from harness.cassette.importers.har_exact import EXACT, read_exact
from harness.cassette.importers.imported import (
    ImportedFile,
    ImportedInteraction,
    split_url,
    utc_time,
)
from harness.cassette.importers.reconstruction import (
    ReconstructionOptions,
    SourceResponse,
    reconstruct,
)
from harness.cassette.model import EndingKind, Headers, Request
from harness.documents.json_document import load_json
from harness.documents.node import Node
from harness.errors import InputError
from harness.sse import encode_event, is_event_stream
from harness.units import NS_PER_MS

__all__ = ["import_har"]

_NO_ANSWER = "requests without an answer"
_NO_BODY = "event streams whose body the source did not keep"
_SOCKETS = "WebSockets"
_REWRITTEN = (
    "The source kept events and not their bytes: the bytes were written anew from them."
)


def import_har(data: bytes, *, source: str, how: ReconstructionOptions) -> ImportedFile:
    """Read a HAR.

    Args:
        data: The file.
        source: Its name, for messages.
        how: How to invent borders, and times where it has none.

    Raises:
        InputError: It is not JSON or not a HAR, or its ``_harness`` does not fit the
            body.
    """
    root = load_json(data, source=source)
    root.check(_HAR)
    interactions: list[ImportedInteraction] = []
    left_out: Counter[str] = Counter()
    for entry in root.at("log", "entries"):
        entry.check(_ENTRY)
        imported = _import_entry(entry, how)
        if isinstance(imported, str):
            left_out[imported] += 1
        else:
            interactions.append(imported)
    return ImportedFile(
        interactions=tuple(interactions),
        program=_program(root.value["log"]),
        left_out=left_out,
    )


def _program(log: Mapping[str, Any]) -> str | None:
    recorders = {entry.get(EXACT, {}).get("by") for entry in log["entries"]}
    if len(recorders) == 1 and (recorder := recorders.pop()):
        return str(recorder)
    creator = log.get("creator", {})
    names = (creator.get("name"), creator.get("version"))
    return " ".join(name for name in names if name) or None


def _import_entry(entry: Node, how: ReconstructionOptions) -> ImportedInteraction | str:
    """Return the interaction of an entry, or the reason why there is none."""
    status = entry.value["response"]["status"]
    if "_webSocketMessages" in entry.value or status == 101:
        return _SOCKETS
    if status < 100:
        return _NO_ANSWER
    url = entry.at("request", "url")
    try:
        upstream, path = split_url(url.value)
    except ValueError as error:
        raise InputError(f"expected a URL: {error}", at=url) from None
    request = _request(entry.at("request"), path)
    headers = _headers(entry.at("response", "headers"))
    if EXACT in entry.value:
        body = _body(entry.at("response", "content")) or b""
        return read_exact(entry, request, headers, body)
    response = _response(entry, headers)
    if isinstance(response, str):
        return response
    return ImportedInteraction(
        interaction=reconstruct(request, response, how),
        at=utc_time(entry.value.get("startedDateTime", "")),
        upstream=upstream,
    )


def _response(entry: Node, headers: Headers) -> SourceResponse | str:
    answered = entry.at("response")
    first_ns, last_ns = _times(entry.value.get("timings", {}))
    body = _body(answered.at("content"))
    notes: tuple[str, ...] = ()
    if not body and is_event_stream(content_type_of(headers)):
        body = _written_anew(entry.at("_eventSourceMessages"))
        if not body:
            return _NO_BODY
        notes = (_REWRITTEN,)
    error = answered.value.get("_error")
    if error:
        notes += (f"The source says of the end: {error}.",)
    return SourceResponse(
        status=answered.value["status"],
        http_version=answered.value.get("httpVersion", ""),
        headers=headers,
        body=body or b"",
        first_ns=first_ns,
        last_ns=last_ns,
        ending=_ending(error),
        notes=notes,
    )


def _times(timings: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return when the body began and ended, as far as it is known."""
    wait_ms, receive_ms = timings.get("wait"), timings.get("receive")
    # -1 says that a time is not known (HAR 1.2, timings).
    if wait_ms is None or wait_ms < 0:
        return None, None
    first_ns = round(wait_ms * NS_PER_MS)
    if receive_ms is None or receive_ms < 0:
        return first_ns, None
    return first_ns, first_ns + round(receive_ms * NS_PER_MS)


def _request(asked: Node, path: str) -> Request:
    body = _body(asked.at("postData"))
    return Request(
        method=asked.value["method"],
        path=path,
        headers=_headers(asked.at("headers")),
        body=body or b"",
    )


def _headers(node: Node) -> Headers:
    # Pseudo-headers of HTTP/2 are no headers (RFC 9113, section 8.3).
    lines = ((line["name"], line["value"]) for line in node.value)
    headers = check_headers(lines, node)
    return tuple(line for line in headers if not line[0].startswith(":"))


def _body(content: Node) -> bytes | None:
    text = content.at("text")
    if text.value is None:
        return None
    if content.value.get("encoding") == "base64":
        return read_base64(text)
    # mitmproxy writes a byte that is not UTF-8 as half a surrogate pair (PEP 383).
    return read_text(text, surrogates="surrogateescape")


def _written_anew(messages: Node) -> bytes:
    """Return the bytes of the events that Chrome keeps in place of a body."""
    written = []
    for node in messages:
        message = node.value
        name, last_id = message.get("eventName"), message.get("eventId")
        event = None if name in {None, "", "message"} else name
        try:
            written.append(
                encode_event(message["data"], event=event, id=last_id or None)
            )
        except ValueError as error:
            raise InputError(f"expected an event: {error}", at=node) from None
    return b"".join(written)


# How Chrome and mitmproxy name the ends of broken answers.
_ENDINGS = (
    ("ABORTED", EndingKind.CLIENT_CLOSED),
    ("Client disconnected", EndingKind.CLIENT_CLOSED),
    ("RESET", EndingKind.RESET),
    ("TIMED_OUT", EndingKind.TIMEOUT),
)


def _ending(error: str | None) -> EndingKind | None:
    if not error:
        return None
    kinds = (kind for sign, kind in _ENDINGS if sign in error)
    return next(kinds, EndingKind.TRUNCATED)


_HAR = Draft202012Validator(
    {
        "description": "a HAR",
        "type": "object",
        "required": ["log"],
        "properties": {
            "log": {
                "type": "object",
                "required": ["entries"],
                "properties": {
                    "entries": {"type": "array"},
                    "creator": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "version": {"type": "string"},
                        },
                    },
                },
            }
        },
    }
)
_LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "value"],
        "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
    },
}
_CONTENT = {
    "text": {"type": ["string", "null"]},
    "encoding": {"type": ["string", "null"]},
}
_TIME = {"type": ["number", "null"], "maximum": AT_NS_MAX // NS_PER_MS}
_ENTRY = Draft202012Validator(
    {
        "type": "object",
        "required": ["request", "response"],
        "properties": {
            "startedDateTime": {"type": "string"},
            "request": {
                "type": "object",
                "required": ["method", "url", "headers"],
                "properties": {
                    "method": {
                        "description": "a method such as POST",
                        "type": "string",
                        "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
                    },
                    "url": {"type": "string"},
                    "headers": _LINES,
                    "postData": {"type": ["object", "null"], "properties": _CONTENT},
                },
            },
            "response": {
                "type": "object",
                "required": ["status", "headers", "content"],
                "properties": {
                    "status": {"type": "integer", "minimum": 0, "maximum": 999},
                    "httpVersion": {"type": "string"},
                    "headers": _LINES,
                    "content": {"type": "object", "properties": _CONTENT},
                    "_error": {"type": ["string", "null"]},
                },
            },
            "timings": {
                "type": "object",
                "properties": {"wait": _TIME, "receive": _TIME},
            },
            "_eventSourceMessages": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["data"],
                    "properties": {
                        "data": {"type": "string"},
                        "eventName": {"type": ["string", "null"]},
                        "eventId": {"type": ["string", "null"]},
                    },
                },
            },
        },
    }
)

"""Cassettes from HAR 1.2, the archives of browsers and of many proxies.

They hold requests, response heads, whole bodies, decoded, and how long the answer was
waited for and received. A HAR that `harness.cassette.exporters.har` wrote carries the
rest in ``_harness``, a custom field as the format allows (HAR 1.2, section 2.3), and
comes back as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from harness.cassette.codec import AT_NS_MAX
from harness.cassette.importers.har_exact import EXACT, read_exact
from harness.cassette.importers.harvest import (
    Found,
    Harvest,
    Held,
    Rebuild,
    is_event_stream,
    rebuild,
    split_url,
    utc,
)
from harness.cassette.importers.values import Place, parse_json
from harness.cassette.model import EndingKind, Headers, Interaction, Request
from harness.sse.encoder import encode_event
from harness.units import NS_PER_MS

__all__ = ["import_har"]

_NO_ANSWER = "requests without an answer"
_NO_BODY = "event streams whose body the source did not keep"
_SOCKETS = "WebSockets"
_REWRITTEN = (
    "The source kept events and not their bytes: the bytes were written anew from them."
)


def import_har(data: bytes, *, source: str, how: Rebuild) -> Harvest:
    """Read a HAR.

    Args:
        data: The file.
        source: Its name, for messages.
        how: How to invent borders, and times where it holds none.

    Raises:
        InputError: It is not JSON or not of HAR's form, or its ``_harness`` does not
            fit the body beside it.
    """
    value = parse_json(data, source)
    whole = Place(source)
    whole.check(value, _HAR)
    log = value["log"]
    found: list[Found] = []
    left_out: Counter[str] = Counter()
    for index, entry in enumerate(log["entries"]):
        place = whole.at("log", "entries", index)
        place.check(entry, _ENTRY)
        taken = _take(entry, place, how)
        if isinstance(taken, str):
            left_out[taken] += 1
        else:
            found.append(taken)
    return Harvest(found=tuple(found), of=_of(log), left_out=left_out)


def _of(log: Mapping[str, Any]) -> str | None:
    recorders = {entry.get(EXACT, {}).get("by") for entry in log["entries"]}
    if len(recorders) == 1 and (recorder := recorders.pop()):
        return str(recorder)
    creator = log.get("creator", {})
    names = (creator.get("name"), creator.get("version"))
    return " ".join(name for name in names if name) or None


def _take(entry: Mapping[str, Any], place: Place, how: Rebuild) -> Found | str:
    """Return what an entry holds, or why it holds nothing to take."""
    answered = entry["response"]
    if "_webSocketMessages" in entry or answered["status"] == 101:
        return _SOCKETS
    if answered["status"] < 100:
        return _NO_ANSWER
    try:
        upstream, path = split_url(entry["request"]["url"])
    except ValueError as error:
        at = place.at("request", "url")
        raise at.error(f"expected a URL: {error}") from None
    request = _request(entry["request"], path, place.at("request"))
    inside = place.at("response")
    headers = _headers(answered["headers"], inside.at("headers"))
    if EXACT in entry:
        body = _body(answered["content"], inside.at("content")) or b""
        at = place.at(EXACT)
        return read_exact(entry[EXACT], at, request, answered, headers, body)
    return _rebuilt(entry, place, request, headers, upstream, how)


def _rebuilt(  # noqa: PLR0913, PLR0917 - the parts of one entry
    entry: Mapping[str, Any],
    place: Place,
    request: Request,
    headers: Headers,
    upstream: str | None,
    how: Rebuild,
) -> Found | str:
    answered = entry["response"]
    timings = entry.get("timings", {})
    wait_ms, receive_ms = timings.get("wait"), timings.get("receive")
    first_ns = last_ns = None
    # -1 says that a time is not known (HAR 1.2, timings).
    if wait_ms is not None and wait_ms >= 0:
        first_ns = round(wait_ms * NS_PER_MS)
        if receive_ms is not None and receive_ms >= 0:
            last_ns = first_ns + round(receive_ms * NS_PER_MS)
    body = _body(answered["content"], place.at("response", "content"))
    notes: tuple[str, ...] = ()
    if not body and is_event_stream(headers):
        messages = entry.get("_eventSourceMessages", ())
        body = _written_anew(messages, place.at("_eventSourceMessages"))
        if not body:
            return _NO_BODY
        notes = (_REWRITTEN,)
    error = answered.get("_error")
    if error:
        notes += (f"The source says of the end: {error}.",)
    held = Held(
        status=answered["status"],
        http_version=answered.get("httpVersion", ""),
        headers=headers,
        body=body or b"",
        first_ns=first_ns,
        last_ns=last_ns,
        ending=_ending(error),
        notes=notes,
    )
    at = utc(entry.get("startedDateTime", ""))
    interaction: Interaction = rebuild(request, held, how)
    return Found(interaction=interaction, at=at, upstream=upstream)


def _request(asked: Mapping[str, Any], path: str, place: Place) -> Request:
    posted = asked.get("postData") or {}
    body = _body(posted, place.at("postData"))
    return Request(
        method=asked["method"],
        path=path,
        headers=_headers(asked["headers"], place.at("headers")),
        body=body or b"",
    )


def _headers(lines: Sequence[Mapping[str, str]], place: Place) -> Headers:
    # Those of HTTP/2 that begin with a colon are no headers (RFC 9113, section 8.3).
    pairs = [(line["name"], line["value"]) for line in lines]
    return tuple(pair for pair in place.headers(pairs) if not pair[0].startswith(":"))


def _body(content: Mapping[str, Any], place: Place) -> bytes | None:
    text = content.get("text")
    if text is None:
        return None
    at = place.at("text")
    if content.get("encoding") == "base64":
        return at.decode(text)
    # mitmproxy writes a byte that is not UTF-8 as half a surrogate pair (PEP 383).
    return at.encode(text, errors="surrogateescape")


def _written_anew(messages: Sequence[Mapping[str, Any]], place: Place) -> bytes:
    """Return the bytes of events that Chrome keeps where it keeps no body."""
    written = []
    for index, message in enumerate(messages):
        name, last_id = message.get("eventName"), message.get("eventId")
        event = None if name in {None, "", "message"} else name
        try:
            written.append(
                encode_event(message["data"], event=event, id=last_id or None)
            )
        except ValueError as error:
            raise place.at(index).error(f"expected an event: {error}") from None
    return b"".join(written)


# What Chrome and mitmproxy write of an answer that broke off.
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

"""Exporter of cassettes as HAR 1.2, for browsers, proxies and log viewers.

HAR has one decoded body, and the times of its first and last byte. Borders, times and
ending are in the custom field ``_harness``, which other readers skip (HAR 1.2, section
2.3), so `harness.cassette.importers.har` reads the recording back unchanged.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from harness.cassette.content_coding import CodingError, codings_of, decode_body
from harness.cassette.importers.har_exact import EXACT
from harness.cassette.model import Cassette, Headers, Interaction, Request, Response
from harness.units import NS_PER_MS

__all__ = ["NO_TIME", "export_har"]

NO_TIME = "1970-01-01T00:00:00.000Z"
"""The value of an unknown time, because HAR demands one."""

_UNKNOWN_HOST = "http://unknown.invalid"  # RFC 2606, section 2: it never resolves


def export_har(cassettes: Iterable[Cassette], *, version: str) -> dict[str, Any]:
    """Return a HAR, as a value for JSON, with an entry for each interaction.

    Args:
        cassettes: The cassettes.
        version: The version of this program.
    """
    entries = [
        _entry(interaction, cassette)
        for cassette in cassettes
        for interaction in cassette.interactions
    ]
    creator = {"name": "harness export har", "version": version}
    return {"log": {"version": "1.2", "creator": creator, "entries": entries}}


def _entry(interaction: Interaction, cassette: Cassette) -> dict[str, Any]:
    request, response = interaction.request, interaction.response
    end_ns = response.ending.at_ns
    first_ns = response.segments[0].at_ns if response.segments else end_ns
    entry = {
        "startedDateTime": cassette.recorded.at or NO_TIME,
        "time": _ms(end_ns),
        "request": _request(request, response.http_version, _base(cassette, request)),
        "response": _response(response),
        "cache": {},
        "timings": {
            "send": 0,
            "wait": _ms(first_ns),
            "receive": _ms(end_ns - first_ns),
        },
        EXACT: dict(_exact(interaction, cassette)),
    }
    if interaction.notes:
        entry["comment"] = " ".join(interaction.notes)
    return entry


def _base(cassette: Cassette, request: Request) -> str:
    upstream = cassette.recorded.upstream or ""
    if upstream.startswith(("http://", "https://")):
        return upstream.rstrip("/")
    hosts = (value for name, value in request.headers if name.lower() == "host")
    host = next(hosts, "")
    return f"http://{host}" if host else _UNKNOWN_HOST


def _request(request: Request, version: str, base: str) -> dict[str, Any]:
    slash = "" if request.path.startswith("/") else "/"
    query = request.path.partition("?")[2]
    exported = {
        "method": request.method,
        "url": base + slash + request.path,
        "httpVersion": version,
        "cookies": [],
        "headers": _lines(request.headers),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(query, keep_blank_values=True)
        ],
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        exported["postData"] = {
            "mimeType": _header(request.headers, "content-type"),
            "params": [],
            "text": request.body.decode(errors="replace"),
        }
    return exported


def _response(response: Response) -> dict[str, Any]:
    body = response.body
    said = _decoded(response)
    content: dict[str, Any] = {
        "size": len(said),
        "compression": len(said) - len(body),
        "mimeType": _header(response.headers, "content-type"),
    }
    try:
        content["text"] = said.decode()
    except UnicodeDecodeError:
        content["text"] = base64.b64encode(said).decode()
        content["encoding"] = "base64"
    return {
        "status": response.status,
        "statusText": _phrase(response.status),
        "httpVersion": response.http_version,
        "cookies": [],
        "headers": _lines(response.headers),
        "content": content,
        "redirectURL": _header(response.headers, "location"),
        "headersSize": -1,
        "bodySize": len(body),
    }


def _exact(interaction: Interaction, cassette: Cassette) -> Iterator[tuple[str, Any]]:
    request, response, recorded = (
        interaction.request,
        interaction.response,
        cassette.recorded,
    )
    yield "format", 1
    yield "path", request.path
    segments = response.segments
    yield "segments", [[_ms(one.at_ns), len(one.data)] for one in segments]
    ending = response.ending
    yield "ending", {"at_ms": _ms(ending.at_ns), "kind": ending.kind.value}
    if recorded.at is not None:
        yield "at", recorded.at
    yield "by", recorded.by
    if recorded.upstream is not None:
        yield "upstream", recorded.upstream
    yield "tags", list(cassette.tags)
    yield "reconstructed", list(cassette.reconstructed)
    if interaction.notes:
        yield "notes", list(interaction.notes)
    if not _is_text(request.body):
        yield "request_base64", base64.b64encode(request.body).decode()
    if _decoded(response) != response.body:
        yield "response_base64", base64.b64encode(response.body).decode()


def _decoded(response: Response) -> bytes:
    """Return the decoded body; its bytes where they cannot be decoded."""
    try:
        return decode_body(response.body, codings_of(response.headers))
    except CodingError:
        return response.body


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _header(headers: Headers, wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _ms(at_ns: int) -> float:
    # A float holds nanoseconds up to the latest time of a cassette exactly.
    return at_ns / NS_PER_MS

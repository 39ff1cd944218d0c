"""Converts mitmproxy's values to those of a cassette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mitmproxy.http import HTTPFlow

from harness.cassette.model import Headers, Request

__all__ = [
    "content_type_of",
    "ends_by_length",
    "read_headers",
    "read_request",
    "read_version",
    "upstream_of",
]

_VERSIONS = {"HTTP/1.0": "HTTP/1.0", "HTTP/1.1": "HTTP/1.1", "HTTP/2.0": "HTTP/2"}
_PORTS = {"http": 80, "https": 443}


def read_headers(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return header lines unchanged and in order."""
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in fields
    )


def read_request(flow: HTTPFlow) -> Request:
    """Return the request; a body that was streamed past is empty."""
    request = flow.request
    return Request(
        method=request.method,
        path=request.path or "/",
        headers=read_headers(request.headers.fields),
        body=request.raw_content or b"",
    )


def read_version(response: Any) -> tuple[str, str | None]:
    """Return the version of HTTP for a cassette, and a note if a cassette has no such.

    Args:
        response: mitmproxy's response.
    """
    version: str = response.http_version
    known = _VERSIONS.get(version)
    if known is not None:
        return known, None
    return "HTTP/2", f"The upstream spoke {version}, kept as HTTP/2."


def content_type_of(response: Any) -> str:
    """Return the content type of an answer, or an empty text."""
    return str(response.headers.get("content-type", ""))


def ends_by_length(response: Any) -> bool:
    """Tell whether the framing marks the end of the body (RFC 9112, section 6.3)."""
    if response.http_version not in ("HTTP/1.0", "HTTP/1.1"):
        return True
    coding = response.headers.get("transfer-encoding", "").lower()
    return "chunked" in coding or "content-length" in response.headers


def upstream_of(flow: HTTPFlow) -> str:
    """Return the base URL of the upstream."""
    request = flow.request
    host = f"[{request.host}]" if ":" in request.host else request.host
    port = "" if _PORTS.get(request.scheme) == request.port else f":{request.port}"
    return f"{request.scheme}://{host}{port}"

"""The proxy's own responses: JSON, and errors in the form of the providers."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from proxy.relay import Headers

__all__ = ["LocalResponse", "error_body", "error_response", "json_response"]


class LocalResponse(NamedTuple):
    """A response that the proxy makes by itself.

    Attributes:
        headers: They include the body's length.
    """

    status: int
    headers: Headers
    body: bytes


_KINDS = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    431: "invalid_request_error",
    501: "invalid_request_error",
    502: "upstream_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def json_response(status: int, value: object) -> LocalResponse:
    """Return a JSON response that must not be cached."""
    body = orjson.dumps(value)
    return LocalResponse(
        status, (*_json_headers(body), (b"cache-control", b"no-store")), body
    )


def error_response(status: int, message: str) -> LocalResponse:
    """Return an error response; see :func:`error_body`."""
    return LocalResponse(status, *error_body(status, message))


def error_body(status: int, message: str) -> tuple[Headers, bytes]:
    """Return the headers and body of an error response.

    The object has the members ``message``, ``type`` and ``code`` under ``error``, which
    the SDKs of OpenAI and of Anthropic both read.

    Args:
        status: The HTTP status; it chooses the ``type``.
        message: One sentence for a human; it never holds text from a client.
    """
    kind = _KINDS.get(status, "api_error")
    body = orjson.dumps({"error": {"message": message, "type": kind, "code": status}})
    return _json_headers(body), body


def _json_headers(body: bytes) -> Headers:
    return (
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    )

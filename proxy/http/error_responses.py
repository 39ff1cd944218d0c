"""The answers that the proxy gives by itself: JSON, in the shape providers use."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from proxy.relay import Headers

__all__ = ["Reply", "error_body", "error_reply", "json_reply"]


class Reply(NamedTuple):
    """An answer of our own.

    Attributes:
        status: The HTTP status.
        headers: They hold the body's length.
        body: The whole body.
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


def json_reply(status: int, value: object) -> Reply:
    """Return a JSON answer that no cache may keep."""
    body = orjson.dumps(value)
    return Reply(status, (*_json_headers(body), (b"cache-control", b"no-store")), body)


def error_reply(status: int, message: str) -> Reply:
    """Return an error answer; see :func:`error_body`."""
    return Reply(status, *error_body(status, message))


def error_body(status: int, message: str) -> tuple[Headers, bytes]:
    """Return the headers and body of an error answer.

    The object has the members ``message``, ``type`` and ``code`` under ``error``, which
    the SDKs of OpenAI and of Anthropic both read.

    Args:
        status: The HTTP status; it chooses the ``type``.
        message: One sentence for a human; never holds what a client sent.
    """
    kind = _KINDS.get(status, "api_error")
    body = orjson.dumps({"error": {"message": message, "type": kind, "code": status}})
    return _json_headers(body), body


def _json_headers(body: bytes) -> Headers:
    return (
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    )

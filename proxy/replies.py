"""The answers that the proxy gives by itself: JSON, in the shape providers use."""

from __future__ import annotations

import orjson

from proxy.relay import Headers

__all__ = ["HEALTHY", "error_body", "json_headers"]

HEALTHY = b'{"status":"ok"}'
"""The body of ``/healthz``."""

_KINDS = {
    400: "invalid_request_error",
    404: "not_found_error",
    413: "request_too_large",
    431: "invalid_request_error",
    502: "upstream_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def json_headers(body: bytes) -> Headers:
    """Return the headers of a JSON answer with this body."""
    return (
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    )


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
    return json_headers(body), body

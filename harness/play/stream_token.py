"""The token of a stream, by which the upstream knows which client asked.

It is in the header ``x-harness-stream`` and, where the body is a JSON object, in its
``user`` field. A proxy passes on both, one of them, or neither.
"""

from __future__ import annotations

import json
from dataclasses import replace

import orjson

from harness.cassette.model import Request

__all__ = ["STREAM_HEADER", "user_field", "with_token"]

STREAM_HEADER = b"x-harness-stream"
"""Name of the header, in lower case."""


def with_token(request: Request, token: str) -> Request:
    """Return the request with a token, in place of an earlier one."""
    name = STREAM_HEADER.decode()
    kept = tuple(line for line in request.headers if line[0].lower() != name)
    headers = (*kept, (name, token))
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return replace(request, headers=headers)
    text = json.dumps(
        {**body, "user": token}, ensure_ascii=False, separators=(",", ":")
    )
    return replace(request, headers=headers, body=text.encode("utf-8", "surrogatepass"))


def user_field(body: bytes) -> str | None:
    """Return the ``user`` field of a body; None where it has none that is a string."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    user = value.get("user") if isinstance(value, dict) else None
    return user if isinstance(user, str) else None

"""Routing: which paths are forwarded, and which requests ask for a stream."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from proxy.relay import Headers

__all__ = ["Request", "TargetError", "origin_form", "wants_stream"]

_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_SEPARATORS = re.compile(rb"[/\\]")
_PARAMETERS = re.compile(rb"[;\0]")
"""The end of a segment's name: for some servers at ``;``, for those in C at a NUL."""


class TargetError(ValueError):
    """A request target that is not forwarded.

    Args:
        status: The status of the refusal.
        message: The reason.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a client, its body complete.

    Attributes:
        method: As received, for example ``b"POST"``.
        target: In origin form, the query included.
        headers: In order, their bytes as received.
        body: After transfer coding.
        http_11: Whether the client speaks HTTP/1.1.
        keep_alive: Whether the client would keep the connection.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes
    http_11: bool
    keep_alive: bool

    @property
    def path(self) -> bytes:
        """The target without its query."""
        return self.target.partition(b"?")[0]


def origin_form(target: bytes) -> bytes:
    """Return the target in origin form if it may be forwarded.

    Only ``/v1`` and paths below it are forwarded. A segment that another server could
    read as a step upward is refused in every spelling, so no path that begins below
    ``/v1`` ends outside of it; an encoded slash within a name, as in
    ``/v1/models/meta%2Fllama``, passes.

    Raises:
        TargetError: 404 outside of ``/v1``, 400 for a path that could leave it.
    """
    match = _ABSOLUTE.match(target)
    if match:
        target = target[match.end() :] or b"/"
    path = target.partition(b"?")[0]
    if b"#" in target:
        raise TargetError(400, "the request target holds a fragment")
    if path != b"/v1" and not path.startswith(b"/v1/"):
        raise TargetError(404, "only /v1 is forwarded")
    decoded = path
    # Twice, for servers behind the upstream that decode again.
    for _ in range(2):
        decoded = unquote_to_bytes(decoded)
        for segment in _SEPARATORS.split(decoded):
            # Some file systems ignore white space around a name.
            if _PARAMETERS.split(segment, 1)[0].strip() in (b".", b".."):
                raise TargetError(400, "the path holds a dot segment")
    return target


def wants_stream(body: bytes) -> bool:
    """Return whether the request's JSON body says ``"stream": true``."""
    if b"stream" not in body and b"\\u" not in body:
        return False
    parsed: Any
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        # The standard library reads what orjson refuses, such as lone surrogates.
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return False
    return isinstance(parsed, dict) and parsed.get("stream") is True

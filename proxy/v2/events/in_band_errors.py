"""In-band errors: errors that an upstream sends as events, after a 200 head."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["InBandError", "in_band_error"]

_BAD_REQUESTS = frozenset(
    {
        "authentication_error",
        "billing_error",
        "context_length_exceeded",
        "invalid_prompt",
        "invalid_request_error",
        "not_found_error",
        "permission_error",
        "request_too_large",
    }
)
"""Types and codes from the providers' references that blame the request."""


class InBandError(NamedTuple):
    """An error that was sent as an event.

    Attributes:
        blames_upstream: Whether it is the upstream's failure.  A bad request, or one
            too many, says nothing about its health.
    """

    blames_upstream: bool


def in_band_error(chunk: dict[str, Any]) -> InBandError | None:
    """Return the error that a chunk holds; None if it holds none.

    Servers write ``{"error": {...}}``, ``{"error": "words"}``, the same with empty
    choices, and ``{"type": "error", ...}`` (goose#8027, OmniRoute#8210).  The Responses
    API has ``response.failed`` as well.
    """
    error = chunk.get("error")
    kind = chunk.get("type")
    if not error:
        if kind == "response.failed":
            response = chunk.get("response")
            error = response.get("error") if isinstance(response, dict) else None
            error = error or {}
        elif kind == "error":
            error = chunk
        else:
            return None
    if not isinstance(error, dict):
        return InBandError(blames_upstream=True)
    named = {error.get(key) for key in ("type", "code") if _is_plain(error.get(key))}
    return InBandError(blames_upstream=not (named & _BAD_REQUESTS or _is_4xx(error)))


def _is_4xx(error: dict[str, Any]) -> bool:
    values = [error.get(key) for key in ("code", "status", "status_code")]
    plain = [str(value) for value in values if _is_plain(value)]
    return any(len(text) == 3 and text[0] == "4" and text.isdecimal() for text in plain)


def _is_plain(value: Any) -> bool:
    return type(value) is int or (type(value) is str and len(value) < 100)

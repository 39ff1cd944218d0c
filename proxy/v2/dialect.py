"""Failures, and the errors that report them in the client's own dialect."""

from __future__ import annotations

from enum import Enum
from typing import Any

import orjson

from proxy.v2.events.event_parser import encode_event

__all__ = ["Dialect", "Failure"]


class Failure(Enum):
    """The failure of an answer; values are the codes that clients read."""

    REFUSED = "upstream_refused"
    CONNECT_TIMEOUT = "upstream_connect_timeout"
    TRUNCATED = "upstream_truncated"
    RESET = "upstream_reset"
    PROTOCOL_ERROR = "upstream_protocol_error"
    FIRST_BYTE_TIMEOUT = "upstream_first_byte_timeout"
    IDLE_TIMEOUT = "upstream_idle_timeout"
    TOTAL_TIMEOUT = "stream_timeout"
    MALFORMED = "upstream_malformed"
    TOO_LARGE = "upstream_event_too_large"
    CIRCUIT_OPEN = "circuit_open"
    BAD_STATUS = "upstream_status"
    """An error status; its answer passes, so no client reads this code."""
    IN_BAND = "upstream_error_event"
    """An error that the upstream itself sent; its event passes, as above."""

    @property
    def status(self) -> int:
        """The status that reports it while there is no head (RFC 9110, 15.6)."""
        return _STATUSES.get(self, 502)

    @property
    def message(self) -> str:
        """The message for the client's user."""
        return _MESSAGES[self]


_STATUSES = {
    Failure.CONNECT_TIMEOUT: 504,
    Failure.FIRST_BYTE_TIMEOUT: 504,
    Failure.IDLE_TIMEOUT: 504,
    Failure.TOTAL_TIMEOUT: 504,
    Failure.CIRCUIT_OPEN: 503,
}

_MESSAGES = {
    Failure.REFUSED: "The upstream could not be reached.",
    Failure.CONNECT_TIMEOUT: "The upstream could not be reached in time.",
    Failure.TRUNCATED: "The upstream closed the connection before its answer was over.",
    Failure.RESET: "The upstream reset the connection before its answer was over.",
    Failure.PROTOCOL_ERROR: "The upstream's answer was not valid HTTP.",
    Failure.FIRST_BYTE_TIMEOUT: "The upstream did not begin to answer in time.",
    Failure.IDLE_TIMEOUT: "The upstream fell silent in the middle of its answer.",
    Failure.TOTAL_TIMEOUT: "The answer took longer than a stream may last.",
    Failure.MALFORMED: "The upstream sent malformed events; text may be missing.",
    Failure.TOO_LARGE: "The upstream sent an event that is too large.",
    Failure.CIRCUIT_OPEN: "The upstream has failed repeatedly; try again later.",
    Failure.BAD_STATUS: "The upstream answered with an error.",
    Failure.IN_BAND: "The upstream reported an error.",
}


class Dialect(Enum):
    """The API that a client speaks."""

    OPENAI = "openai"
    """Chat completions, and every API with such answers."""

    RESPONSES = "responses"
    """OpenAI's Responses API, whose events are numbered and named."""

    ANTHROPIC = "anthropic"

    @classmethod
    def of_target(cls, target: bytes) -> Dialect:
        """Return the dialect that a request target belongs to."""
        path = target.partition(b"?")[0]
        if path.endswith(b"/messages"):
            return cls.ANTHROPIC
        return cls.RESPONSES if path.endswith(b"/responses") else cls.OPENAI

    def is_last(self, chunk: dict[str, Any]) -> bool:
        """Tell whether a chunk says that the answer is over.

        Chat completions say so by ``[DONE]``, which is not a chunk.
        """
        kind = chunk.get("type")
        return type(kind) is str and kind in _LAST.get(self, ())

    def error_body(self, failure: Failure) -> bytes:
        """Return the JSON of an error that replaces the upstream's answer.

        The shapes are those of the providers' API references: OpenAI's
        ``{"error": {message, type, code}}``, and Anthropic's "Errors", "Error shapes".
        """
        error = _error(failure)
        if self is Dialect.ANTHROPIC:
            error = {"type": "api_error", "message": failure.message}
            return orjson.dumps({"type": "error", "error": error})
        return orjson.dumps({"error": error})

    def error_event(self, failure: Failure, number: int = 0) -> bytes:
        """Return the event that reports an error within a stream.

        Args:
            failure: What went wrong.
            number: How many events preceded it, if the dialect counts them.
        """
        if self is Dialect.OPENAI:
            return encode_event(self.error_body(failure))
        body = self.error_body(failure)
        if self is Dialect.RESPONSES:
            # The reference has code and message beside the type ("Streaming events",
            # "error"); what its service sends, and what OpenAI's own SDKs raise on,
            # has them in an object (openai-python#2487, openai-dotnet#881). Both, so
            # that no client takes the event for an answer.
            error = _error(failure)
            body = orjson.dumps(
                {
                    "type": "error",
                    "sequence_number": number,
                    "code": error["code"],
                    "message": error["message"],
                    "param": None,
                    "error": {**error, "param": None},
                }
            )
        return encode_event(body, b"event: error\n")


_LAST = {
    Dialect.ANTHROPIC: frozenset({"message_stop"}),
    Dialect.RESPONSES: frozenset(
        {"response.completed", "response.failed", "response.incomplete"}
    ),
}


def _error(failure: Failure) -> dict[str, Any]:
    return {
        "message": failure.message,
        "type": "upstream_error",
        "code": failure.value,
    }

"""How a client is told, in its own dialect, that an answer failed."""

from __future__ import annotations

from enum import Enum

import orjson

from proxy.v2.framing import encode_event

__all__ = ["Dialect", "Failure"]


class Failure(Enum):
    """What went wrong with an answer; values are the codes that clients read."""

    REFUSED = "upstream_refused"
    CONNECT_TIMEOUT = "upstream_connect_timeout"
    TRUNCATED = "upstream_truncated"
    RESET = "upstream_reset"
    PROTOCOL_ERROR = "upstream_protocol_error"
    TIMEOUT = "upstream_timeout"
    MALFORMED = "upstream_malformed"
    TOO_LARGE = "upstream_event_too_large"


_MESSAGES = {
    Failure.REFUSED: "The upstream could not be reached.",
    Failure.CONNECT_TIMEOUT: "The upstream could not be reached in time.",
    Failure.TRUNCATED: "The upstream closed the connection before its answer was over.",
    Failure.RESET: "The upstream reset the connection before its answer was over.",
    Failure.PROTOCOL_ERROR: "The upstream's answer was not valid HTTP.",
    Failure.TIMEOUT: "The upstream did not answer in time.",
    Failure.MALFORMED: "The upstream sent malformed events; text may be missing.",
    Failure.TOO_LARGE: "The upstream sent an event that is too large.",
}


class Dialect(Enum):
    """The API that a client speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"

    @classmethod
    def of_target(cls, target: bytes) -> Dialect:
        """Return the dialect that a request target belongs to."""
        path = target.partition(b"?")[0]
        return cls.ANTHROPIC if path.endswith(b"/messages") else cls.OPENAI

    def error_body(self, failure: Failure) -> bytes:
        """Return the JSON of an error.

        The shapes are those of the providers' API references: OpenAI's
        ``{"error": {message, type, code}}``, and Anthropic's "Errors", "Error shapes".
        """
        message = _MESSAGES[failure]
        if self is Dialect.ANTHROPIC:
            error = {"type": "api_error", "message": message}
            return orjson.dumps({"type": "error", "error": error})
        return orjson.dumps(
            {
                "error": {
                    "message": message,
                    "type": "upstream_error",
                    "code": failure.value,
                }
            }
        )

    def error_event(self, failure: Failure) -> bytes:
        """Return the event that tells of an error in mid-stream."""
        head = b"event: error\n" if self is Dialect.ANTHROPIC else b""
        return encode_event(self.error_body(failure), head)

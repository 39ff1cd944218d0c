"""What the data of one event is, in words that every dialect shares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Payload", "PayloadKind", "looks_like_object"]

_JSON_SPACE = " \t\n\r"  # RFC 8259, section 2


class PayloadKind(StrEnum):
    """What an event's data is to its dialect."""

    CHUNK = "chunk"
    """A part of the answer."""

    END = "end"
    """The event behind which nothing of the stream follows."""

    ERROR = "error"
    """A failure that is reported within the stream."""

    MALFORMED = "malformed"
    """Not JSON; empty data too."""

    OTHER = "other"
    """JSON that the dialect does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The data of one event, read.

    Attributes:
        kind: What it is.
        value: The JSON value, or None where it is none. The data itself where an
            error is not JSON.
    """

    kind: PayloadKind
    value: Any = None

    @property
    def is_unknown_object(self) -> bool:
        """Whether it is a JSON object of which the dialect knows nothing."""
        return self.kind is PayloadKind.OTHER and isinstance(self.value, dict)


def looks_like_object(data: str) -> bool:
    """Tell whether data begins like a JSON object, so that text may be lost with it."""
    return data.lstrip(_JSON_SPACE).startswith("{")

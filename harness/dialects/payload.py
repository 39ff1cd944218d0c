"""The payload of one event and its kind, in the common form of all dialects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Payload", "PayloadKind", "looks_like_object"]

_JSON_SPACE = " \t\n\r"  # RFC 8259, section 2


class PayloadKind(StrEnum):
    """The kinds of data that an event has, as its dialect reads it."""

    CHUNK = "chunk"
    """A part of the answer."""

    END = "end"
    """The last event of a stream."""

    ERROR = "error"
    """A failure that the stream reports."""

    MALFORMED = "malformed"
    """Data that is not JSON, including empty data."""

    OTHER = "other"
    """JSON that the dialect does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The parsed data of one event.

    Attributes:
        value: The JSON value, or None if the data is not JSON. An error that is not
            JSON has the data itself.
    """

    kind: PayloadKind
    value: Any = None

    @property
    def is_unknown_object(self) -> bool:
        """Whether it is a JSON object that the dialect does not know."""
        return self.kind is PayloadKind.OTHER and isinstance(self.value, dict)


def looks_like_object(data: str) -> bool:
    """Return whether data begins like a JSON object, so it may contain text."""
    return data.lstrip(_JSON_SPACE).startswith("{")

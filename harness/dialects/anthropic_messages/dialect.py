"""The partial dialect of Anthropic's Messages API."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.dialects.interface import ErrorEvent, FieldNames
from harness.dialects.partial import PartialDialect
from harness.dialects.payload import Payload

__all__ = ["AnthropicMessages"]

_STOP = "message_stop"
_TYPES = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        _STOP,
    }
)


class AnthropicMessages(PartialDialect):
    """The Messages API of Anthropic."""

    name: ClassVar[str] = "anthropic-messages"
    path: ClassVar[str] = "/v1/messages"
    path_endings: ClassVar[tuple[str, ...]] = ("/v1/messages",)
    fields: ClassVar[FieldNames] = FieldNames(
        structure=frozenset({"stopreason"}),
        tools=frozenset({"contentblock"}),
        written=frozenset({"input"}),
    )

    def owns(self, value: Any) -> bool:
        """Return whether an object has the type of an event of this API."""
        return isinstance(value, dict) and _type_of(value) in _TYPES

    def error(self, message: str, kind: str) -> ErrorEvent:
        """Return an object of type ``error``, in an event with that name."""
        value = {"type": "error", "error": {"type": kind, "message": message}}
        return ErrorEvent(value=value, event="error")

    def finishes(self, payload: Payload) -> bool:
        """Return whether the event is ``message_stop``."""
        return payload.is_unknown_object and _type_of(payload.value) == _STOP


def _type_of(value: dict[str, Any]) -> str:
    kind = value.get("type")
    return kind if isinstance(kind, str) else ""

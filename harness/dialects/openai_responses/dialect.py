"""The partial dialect of OpenAI's Responses API."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.dialects.interface import FieldNames
from harness.dialects.partial import PartialDialect

__all__ = ["OpenAIResponses"]


class OpenAIResponses(PartialDialect):
    """The Responses API of OpenAI."""

    name: ClassVar[str] = "openai-responses"
    path: ClassVar[str] = "/v1/responses"
    path_endings: ClassVar[tuple[str, ...]] = ("/responses",)
    fields: ClassVar[FieldNames] = FieldNames(
        structure=frozenset({"completedat", "createdat", "status", "truncation"}),
        tools=frozenset({"item", "output"}),
        indexes=frozenset({"content_index", "output_index"}),
    )

    def owns(self, value: Any) -> bool:
        """Return whether an object has the type of an event of this API."""
        kind = value.get("type") if isinstance(value, dict) else None
        return isinstance(kind, str) and kind.startswith("response.")

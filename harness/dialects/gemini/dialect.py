"""The partial dialect of Google's Gemini API."""

from __future__ import annotations

from typing import Any, ClassVar

from harness.dialects.interface import FieldNames
from harness.dialects.partial import PartialDialect

__all__ = ["Gemini"]


class Gemini(PartialDialect):
    """The method ``streamGenerateContent`` of Gemini."""

    name: ClassVar[str] = "gemini"
    path: ClassVar[str] = "/v1beta/models/gemini:streamGenerateContent?alt=sse"
    path_endings: ClassVar[tuple[str, ...]] = (":streamGenerateContent",)
    model_folder: ClassVar[str] = "models"
    fields: ClassVar[FieldNames] = FieldNames(
        structure=frozenset({"mimetype", "modelversion"}),
        tools=frozenset({"functiondeclarations", "functionresponse"}),
        written=frozenset({"args"}),
    )

    def owns(self, value: Any) -> bool:
        """Return whether an object has candidates."""
        return isinstance(value, dict) and "candidates" in value

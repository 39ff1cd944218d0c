"""The base of dialects of which only a little is known.

What a package does not say of itself is read as chat's: some keys are the same
(``usage``, ``error``), and objects that chat does not know pass as they are.
"""

from __future__ import annotations

from typing import ClassVar

from harness.dialects.interface import FieldNames
from harness.dialects.openai_chat.dialect import OpenAIChat

__all__ = ["PartialDialect"]


class PartialDialect(OpenAIChat):
    """A dialect whose package is not complete; its streams are read as chat's."""

    is_complete: ClassVar[bool] = False
    model_folder: ClassVar[str] = ""
    fields: ClassVar[FieldNames] = FieldNames()

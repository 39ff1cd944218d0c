"""The base of dialects that are only partly implemented.

For everything that its package does not define, a partial dialect reads a stream as
chat's: some keys are the same (``usage``, ``error``), and objects that chat does not
know pass unchanged.
"""

from __future__ import annotations

from typing import ClassVar

from harness.dialects.interface import FieldNames
from harness.dialects.openai_chat.dialect import OpenAIChat

__all__ = ["PartialDialect"]


class PartialDialect(OpenAIChat):
    """A dialect with an incomplete package; the rest of it is read as chat's."""

    is_complete: ClassVar[bool] = False
    model_folder: ClassVar[str] = ""
    fields: ClassVar[FieldNames] = FieldNames()

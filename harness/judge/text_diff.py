"""Difference between two texts, in words that fit on a line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.printable import quote

__all__ = ["Change", "TextDifference", "compare_text"]

_CONTEXT = 24
"""Characters shown on each side of a difference."""


class Change(StrEnum):
    """A kind of change of a text."""

    LOST = "lost"
    ADDED = "added"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDifference:
    """The first difference between two texts.

    Attributes:
        at: Index of the first character that differs.
        expected: The expected text around it, quoted.
        got: The text that arrived, around it, quoted.
        count: Characters lost or added; 0 for a change.
    """

    change: Change
    at: int
    expected: str
    got: str
    count: int


def compare_text(expected: str, got: str) -> TextDifference | None:
    """Return the first difference, or None where the texts are equal."""
    if expected == got:
        return None
    at = _common_prefix(expected, got)
    if len(got) < len(expected):
        change = Change.LOST
    elif len(got) > len(expected):
        change = Change.ADDED
    else:
        change = Change.CHANGED
    return TextDifference(
        change=change,
        at=at,
        expected=_excerpt(expected, at),
        got=_excerpt(got, at),
        count=abs(len(expected) - len(got)),
    )


def _common_prefix(first: str, second: str) -> int:
    limit = min(len(first), len(second))
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if first[:middle] == second[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(text: str, at: int) -> str:
    start = max(0, at - _CONTEXT)
    piece = text[start : at + _CONTEXT]
    before = "…" if start else ""
    after = "…" if at + _CONTEXT < len(text) else ""
    return quote(f"{before}{piece}{after}", limit=2 * _CONTEXT + 2)

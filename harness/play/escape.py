"""Text of others on a terminal: what cannot be printed is shown, not performed."""

from __future__ import annotations

__all__ = ["escaped"]


def escaped(text: str) -> str:
    """Return the text with control characters as escapes, on one line."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )

"""A number that need not be exact."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A number that need not be exact.

    Attributes:
        at_least: The lowest that is right.
        at_most: The highest; None: any.
    """

    at_least: int = 0
    at_most: int | None = None

    def __contains__(self, number: int) -> bool:
        """Whether a number is right."""
        return self.at_least <= number and (
            self.at_most is None or number <= self.at_most
        )

    def __str__(self) -> str:
        """Say it in words: ``2``, ``at most 3``."""
        if self.at_least == self.at_most:
            return str(self.at_least)
        if self.at_most is None:
            return f"at least {self.at_least}"
        if not self.at_least:
            return f"at most {self.at_most}"
        return f"{self.at_least} to {self.at_most}"

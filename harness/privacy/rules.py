"""A user's own rules of redaction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["DEFAULT_RULES", "RedactionRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactionRules:
    """Rules of redaction in addition to those that always apply.

    Attributes:
        headers: More names of headers, in any case.
        parameters: More names of query and form parameters, in any case.
        keys: More JSON keys, in any case.
        patterns: Regular expressions (Python's) of more secrets, searched in header
            values, in the query, and in the decoded strings of a body. If one has a
            group, the group is the secret.

    Raises:
        ValueError: A pattern is not a regular expression, or matches the empty text.
    """

    headers: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()
    _compiled: tuple[re.Pattern[str], ...] = field(
        init=False, repr=False, compare=False, default=()
    )

    def __post_init__(self) -> None:
        for name in ("headers", "parameters", "keys"):
            lowered = frozenset(text.lower() for text in getattr(self, name))
            object.__setattr__(self, name, lowered)
        object.__setattr__(self, "_compiled", tuple(map(_compile, self.patterns)))

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and kind of each secret that one of the patterns matches."""
        for pattern in self._compiled:
            for match in pattern.finditer(text):
                start, end = match.span(1 if match.lastindex else 0)
                if start < end:
                    yield start, end, f"match of {pattern.pattern!r}"


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    if compiled.match(""):
        raise ValueError(f"{pattern!r} matches the empty text, so it matches anywhere")
    return compiled


DEFAULT_RULES = RedactionRules()
"""No rules in addition to those that always apply."""

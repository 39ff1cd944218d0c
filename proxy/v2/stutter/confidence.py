"""The evidence of a stutter: how a delta relates to its opening.

Five features are weighed into a confidence that a delta repeats earlier text: the
relation of the texts, their similarity, their length (a long text repeats by chance
less often than a short one), whether the deltas have the same keys, and whether the
delta followed immediately.  The weights are a judgement, tested on the labelled sets of
the harness.

Decisions depend on the texts alone.  Timing is part of the confidence that is logged,
and never of a decision: a slow network must give the same text.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = [
    "REPLACE_THRESHOLD",
    "Evidence",
    "Relation",
    "StutterDecision",
    "begins_alike",
    "relation_of",
]


class Relation(Enum):
    """The relation of a delta to its opening; values are words of the log."""

    REPEATS = "repeats"
    """It is the same text."""

    EXTENDS = "extends"
    """It is the same text, and more."""

    SHRINKS = "shrinks"
    """It is a beginning of the opening."""

    RESEMBLES = "resembles"
    """It begins like the opening and continues differently."""

    DIFFERS = "differs"
    """It is another text."""


_RELATION = {
    Relation.REPEATS: 1.0,
    Relation.EXTENDS: 1.0,
    Relation.SHRINKS: 0.8,
    Relation.RESEMBLES: 0.5,
    Relation.DIFFERS: 0.0,
}

_WEIGHTS = {
    "relation": 0.5,
    "similarity": 0.2,
    "length": 0.15,
    "keys": 0.1,
    "timing": 0.05,
}

_LONG = 8
"""Characters from which a repeat by chance counts as unlikely."""

_SOON_NS = 5_000_000
"""Deltas closer than this count as sent together, not generated in sequence."""

_ALIKE = 3
"""Common first characters with which two texts count as alike."""

REPLACE_THRESHOLD = 0.6
"""Confidence from which a delta that resembles its opening replaces it."""


class Evidence(NamedTuple):
    """The evidence for a stutter, each feature from 0 to 1.

    Attributes:
        relation: The relation of the texts.
        similarity: The part of the shorter text that both begin and end with.
        length: The length of the shorter text.
        keys: Whether the deltas have the same keys.
        timing: Whether the delta followed immediately.
    """

    relation: float
    similarity: float
    length: float
    keys: float
    timing: float

    @classmethod
    def of(
        cls,
        relation: Relation,
        opening: str,
        text: str,
        *,
        same_keys: bool,
        gap_ns: int,
    ) -> Evidence:
        """Weigh a delta against the opening that it follows after ``gap_ns``."""
        shorter = min(len(opening), len(text))
        return cls(
            relation=_RELATION[relation],
            similarity=_alike(opening, text) / shorter,
            length=min(1.0, shorter / _LONG),
            keys=float(same_keys),
            timing=1.0 if gap_ns < _SOON_NS else 0.5,
        )

    @property
    def confidence(self) -> float:
        """The confidence that it is a stutter, from 0 to 1, by all features."""
        return sum(
            _WEIGHTS[name] * value
            for name, value in zip(self._fields, self, strict=True)
        )

    @property
    def confidence_of_text(self) -> float:
        """The same without timing; decisions depend on this."""
        timing = _WEIGHTS["timing"]
        return (self.confidence - timing * self.timing) / (1 - timing)

    def reason(self, relation: Relation) -> str:
        """Return the evidence in words; they hold no text of the answer."""
        words = [
            relation.value,
            f"{self.similarity:.0%} alike",
            "long" if self.length == 1 else "short",
            "same shape" if self.keys else "other shape",
            "at once" if self.timing == 1 else "later",
        ]
        return ", ".join(words)


class StutterDecision(NamedTuple):
    """A decision on a delta, for the log.

    Attributes:
        choice: Its index.
        field: The field of its text.
        confidence: From 0 to 1, that it is a stutter.
        reason: The evidence in words.
    """

    choice: int
    field: str
    relation: Relation
    confidence: float
    reason: str


def relation_of(opening: str, text: str) -> Relation:
    """Return the relation of a text to an opening, by prefixes alone.

    ``RESEMBLES`` is never returned: similarity is a question of weights.
    """
    if text.startswith(opening):
        return Relation.REPEATS if len(text) == len(opening) else Relation.EXTENDS
    return Relation.SHRINKS if opening.startswith(text) else Relation.DIFFERS


def begins_alike(opening: str, text: str) -> bool:
    """Tell whether two texts share their first characters: three, or half of one.

    A text that continues its opening begins like it only by chance.
    """
    shorter = min(len(opening), len(text))
    return _common(opening, text) >= min(_ALIKE, (shorter + 1) // 2)


def _alike(one: str, two: str) -> int:
    """Return how many characters both begin and end with, each counted once."""
    start = _common(one, two)
    left = min(len(one), len(two)) - start
    end = 0
    while end < left and one[-1 - end] == two[-1 - end]:
        end += 1
    return start + end


def _common(one: str, two: str) -> int:
    """Return the length of the common beginning."""
    shorter = min(len(one), len(two))
    if one[:shorter] == two[:shorter]:
        return shorter
    low, high = 0, shorter
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle
    return low

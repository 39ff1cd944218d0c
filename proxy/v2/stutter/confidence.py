"""The evidence of a stutter: how a delta relates to what its opening holds.

Five features are weighed into a confidence that a delta says again what was said: the
relation of the texts, how alike they are, their length (a long text repeats by chance
less often than a short one), whether the deltas have the same keys, and whether the
delta came at once.  The weights are a judgement; what they are held to is the labelled
sets of the harness.

What is done rests on the texts alone.  Timing is weighed into the confidence that is
logged, and never into a decision: the same text must come out of a slow network.
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
    """How a delta relates to what its opening holds; values are words of the log."""

    REPEATS = "repeats"
    """It is the same."""

    EXTENDS = "extends"
    """It is the same, and more."""

    SHRINKS = "shrinks"
    """It is a beginning of it."""

    RESEMBLES = "resembles"
    """It begins alike and goes on in another way."""

    DIFFERS = "differs"
    """It is something else."""


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
"""Characters from which on a repeat by chance is taken for unlikely."""

_SOON_NS = 5_000_000
"""Deltas closer than this were sent together, not generated one after the other."""

_ALIKE = 3
"""Characters that two texts begin with which are taken for one and the same."""

REPLACE_THRESHOLD = 0.6
"""Confidence from which a delta that resembles its opening is taken to replace it."""


class Evidence(NamedTuple):
    """The evidence for a stutter, each feature from 0 to 1.

    Attributes:
        relation: How the texts relate.
        similarity: The part of the shorter text that both begin and end with.
        length: How long the shorter text is.
        keys: Whether the deltas have the same keys.
        timing: Whether the delta came at once.
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
        """How surely it is a stutter, from 0 to 1, by all features."""
        return sum(
            _WEIGHTS[name] * value
            for name, value in zip(self._fields, self, strict=True)
        )

    @property
    def confidence_of_text(self) -> float:
        """The same without timing; decisions rest on this."""
        timing = _WEIGHTS["timing"]
        return (self.confidence - timing * self.timing) / (1 - timing)

    def reason(self, relation: Relation) -> str:
        """Say in words what was found; no text is in it."""
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
        relation: How it relates to the opening.
        confidence: How surely it is a stutter, from 0 to 1.
        reason: Why, in words.
    """

    choice: int
    field: str
    relation: Relation
    confidence: float
    reason: str


def relation_of(opening: str, text: str) -> Relation:
    """Return how a text relates to an opening, as far as prefixes tell.

    ``RESEMBLES`` is never found here: what is alike is a question of weights.
    """
    if text.startswith(opening):
        return Relation.REPEATS if len(text) == len(opening) else Relation.EXTENDS
    return Relation.SHRINKS if opening.startswith(text) else Relation.DIFFERS


def begins_alike(opening: str, text: str) -> bool:
    """Tell whether two texts share their first characters: three, or half of one.

    A text that goes on never does so by more than chance: what follows a word is not
    that word again.
    """
    shorter = min(len(opening), len(text))
    return _common(opening, text) >= min(_ALIKE, (shorter + 1) // 2)


def _alike(one: str, two: str) -> int:
    """Return how many characters both begin and end with, none counted twice."""
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

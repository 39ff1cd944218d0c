"""From runs to figures: medians, and ratios with what they are worth.

The unit is a *spawn*, one set of fresh processes: two processes of equal code differ by
5 to 9 % (`research/JUDGE.md`, section 2.2), which no number of rounds within one spawn
removes. Within a spawn the rounds of the arms alternate, and their log ratios are
reduced to the median.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Ratio", "Ruling", "percentile", "ratio_of", "rule"]

# Student's t, one-sided 95 %, by degrees of freedom; beyond the table the normal's.
_T95 = (
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812,
    1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725,
    1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697,
)  # fmt: skip
_Z95 = 1.645


class Ruling(StrEnum):
    """A ratio against its limit (`research/JUDGE.md`, section 2.3)."""

    PASS = "pass"  # noqa: S105 - no password
    """The upper bound is within the limit."""

    FAIL = "fail"
    """The lower bound is above it."""

    INCONCLUSIVE = "inconclusive"
    """The limit lies between the bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio of two arms.

    Attributes:
        value: The estimate.
        low: One-sided 95 % bound below; 0 where a single spawn tells nothing.
        high: The same above; infinite where a single spawn tells nothing.
    """

    value: float
    low: float
    high: float


def ratio_of(spawns: Sequence[Sequence[float]]) -> Ratio:
    """Return the ratio that paired rounds show.

    Args:
        spawns: For every spawn, the ratio of each of its rounds; above 0.
    """
    estimates = [
        statistics.median(math.log(ratio) for ratio in rounds) for rounds in spawns
    ]
    middle = statistics.mean(estimates)
    if len(estimates) < 2:
        return Ratio(value=math.exp(middle), low=0.0, high=math.inf)
    freedom = len(estimates) - 1
    quantile = _T95[freedom - 1] if freedom <= len(_T95) else _Z95
    half = quantile * statistics.stdev(estimates) / math.sqrt(len(estimates))
    return Ratio(
        value=math.exp(middle),
        low=math.exp(middle - half),
        high=math.exp(middle + half),
    )


def rule(ratio: Ratio, limit: float) -> Ruling:
    """Hold a ratio against the most that is allowed."""
    if ratio.high <= limit:
        return Ruling.PASS
    return Ruling.FAIL if ratio.low > limit else Ruling.INCONCLUSIVE


def percentile(values: Sequence[int], share: float) -> int:
    """Return the value that ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, math.ceil(share * len(ordered)))
    return ordered[rank - 1] if ordered else 0

"""Quantiles, shares with their intervals, and ratios with their bounds.

The interval of a share also holds for small counts, where no failure in ten proves
little: the 95 % interval of 0 of 10 reaches 28 %.

The unit of a ratio is a *spawn*, one set of fresh processes: two processes of the same
code differ by 5 to 9 % (measured), and more rounds within one spawn do not remove that.
Within a spawn the rounds of the arms alternate, and the median of their log ratios
counts.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Ratio",
    "Ruling",
    "Share",
    "mcnemar_exact",
    "nearest_rank",
    "ratio_of",
    "rule",
    "wilson",
]

# Student's t, one-sided 95 %, by degrees of freedom; beyond the table the normal's.
_T95 = (
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812,
    1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725,
    1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697,
)  # fmt: skip
_Z95 = 1.645


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share, ``count`` of ``of``, with the bounds of its interval, 0 to 1."""

    count: int
    of: int
    low: float
    high: float

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None where ``of`` is 0."""
        return self.count / self.of if self.of else None


def wilson(count: int, of: int, confidence: float = 0.95) -> Share:
    """Return a share with its score interval (Wilson 1927; Newcombe 1998, method 3).

    Args:
        count: The number of those that count.
        of: The number of all; the interval of 0 is 0 to 1.
        confidence: Above 0, below 1.

    Raises:
        ValueError: The count is below 0 or above ``of``.
    """
    if not 0 <= count <= of:
        raise ValueError(f"expected 0 to {of}, got {count}")
    if not of:
        return Share(count=0, of=0, low=0.0, high=1.0)
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    rate = count / of
    middle = rate + z * z / (2 * of)
    spread = z * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # The bounds of none and of all are exact, and rounding must not move them.
    low = 0.0 if count == 0 else (middle - spread) / scale
    high = 1.0 if count == of else (middle + spread) / scale
    return Share(count=count, of=of, low=low, high=high)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of McNemar's test, from the discordant pairs.

    Two methods decided the same cases; cases that both got right or both got wrong
    show nothing. If neither method is better, a discordant pair is on either side with
    probability one half.

    Args:
        only_first: Pairs in which only the first was right.
        only_second: Pairs in which only the second was.
    """
    pairs = only_first + only_second
    fewer = min(only_first, only_second)
    tail = sum(math.comb(pairs, count) for count in range(fewer + 1))
    # In integers: 2 ** 1100 is no float.
    return min(1.0, (2 * tail) / (1 << pairs))


def nearest_rank(ordered: Sequence[int], share: float) -> int:
    """Return the value that ``share`` of the values do not exceed.

    Args:
        ordered: Values, the smallest first; at least one.
        share: Above 0, at most 1, in steps of a thousandth.
    """
    rank = -(-len(ordered) * round(share * 1000) // 1000)
    return ordered[rank - 1]


class Ruling(StrEnum):
    """The ruling on a ratio and its limit."""

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
        low: One-sided 95 % lower bound; 0 with a single spawn.
        high: One-sided 95 % upper bound; infinite with a single spawn.
    """

    value: float
    low: float
    high: float


def ratio_of(spawns: Sequence[Sequence[float]]) -> Ratio:
    """Return the ratio of paired rounds.

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
    """Compare a ratio with its upper limit."""
    if ratio.high <= limit:
        return Ruling.PASS
    return Ruling.FAIL if ratio.low > limit else Ruling.INCONCLUSIVE

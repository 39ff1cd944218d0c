"""Statistics of counts: how sure a share is, and whether two of them differ.

Both are exact or near enough for small counts, where zero failures of ten prove little:
the 95 % interval of 0 of 10 still reaches 28 % (`research/JUDGE.md`, section 2.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist

__all__ = ["Share", "mcnemar_exact", "nearest_rank", "wilson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of counted things, with its interval.

    Attributes:
        count: How many.
        of: Of how many.
        low: Lower bound of the interval, 0 to 1.
        high: Upper bound.
    """

    count: int
    of: int
    low: float
    high: float

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None: of nothing."""
        return self.count / self.of if self.of else None


def wilson(count: int, of: int, confidence: float = 0.95) -> Share:
    """Return a share with its score interval (Wilson 1927; Newcombe 1998, method 3).

    Args:
        count: How many.
        of: Of how many; of nothing, the interval is everything.
        confidence: Above 0, below 1.

    Raises:
        ValueError: There are more than all, or fewer than none.
    """
    if not 0 <= count <= of:
        raise ValueError(f"expected 0 to {of}, came {count}")
    if not of:
        return Share(count=0, of=0, low=0.0, high=1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = count / of
    middle = rate + z * z / (2 * of)
    spread = z * sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # What is none or all has an exact bound, which rounding must not miss.
    low = 0.0 if count == 0 else (middle - spread) / scale
    high = 1.0 if count == of else (middle + spread) / scale
    return Share(count=count, of=of, low=low, high=high)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of McNemar's test, from the discordant pairs.

    Two ways of deciding met the same things; where both were right or both wrong
    nothing is learnt. If neither were the better one, a discordant pair would fall on
    either side with probability one half.

    Args:
        only_first: Pairs in which only the first was right.
        only_second: Pairs in which only the second was.
    """
    pairs = only_first + only_second
    fewer = min(only_first, only_second)
    tail = sum(comb(pairs, count) for count in range(fewer + 1))
    # Whole numbers: a float of 2 ** 1100 does not exist.
    return min(1.0, (2 * tail) / (1 << pairs))


def nearest_rank(ordered: list[int], share: float) -> int | None:
    """Return a quantile by nearest rank; None: of nothing.

    Args:
        ordered: Values, the smallest first.
        share: Above 0, at most 1.
    """
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]

"""Statistics of counts, against published values."""

from __future__ import annotations

import math

import pytest

from harness.statistics import (
    Ratio,
    Ruling,
    mcnemar_exact,
    nearest_rank,
    ratio_of,
    rule,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_that_of_newcombe(count, of, low, high):
    """The score interval without continuity correction."""
    share = wilson(count, of)

    assert (round(share.low, 4), round(share.high, 4)) == (low, high)
    assert share.rate == count / of


@pytest.mark.parametrize(("count", "of"), [(0, 1), (5, 5), (3, 7), (420, 420)])
def test_an_interval_holds_its_share(count, of):
    """Bounds stay within 0 and 1, around the share, and mirror one another."""
    share, mirrored = wilson(count, of), wilson(of - count, of)

    assert 0 <= share.low <= count / of <= share.high <= 1
    assert share.low == pytest.approx(1 - mirrored.high)


def test_more_confidence_is_a_wider_interval():
    """The level is used."""
    wide, narrow = wilson(8, 20, 0.99), wilson(8, 20, 0.9)

    assert wide.low < narrow.low
    assert wide.high > narrow.high


def test_of_nothing_nothing_is_known():
    """No stream is no evidence, not a pass."""
    share = wilson(0, 0)

    assert (share.low, share.high, share.rate) == (0.0, 1.0, None)


@pytest.mark.parametrize(("count", "of"), [(-1, 3), (4, 3)])
def test_a_share_is_of_something(count, of):
    """Counting wrongly is an error, not a rate."""
    with pytest.raises(ValueError, match="expected 0 to 3"):
        wilson(count, of)


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [
        # Fagerland, Lydersen, Laake, BMC Medical Research Methodology 13:91 (2013):
        # airway hyper-responsiveness, 1 and 7 discordant pairs.
        (1, 7, 0.0703125),
        # All pairs on one side: 2 * 0.5 ** 5 and 2 * 0.5 ** 6.
        (5, 0, 0.0625),
        (6, 0, 0.03125),
        (0, 0, 1.0),
        (3, 3, 1.0),
    ],
)
def test_mcnemar_is_exact(first, second, p):
    """The binomial test of discordant pairs, doubled, at most 1, the same both ways."""
    assert mcnemar_exact(first, second) == p
    assert mcnemar_exact(second, first) == p


def test_mcnemar_takes_many_pairs():
    """Sums that no float holds."""
    assert mcnemar_exact(0, 5000) < 1e-300
    assert mcnemar_exact(2500, 2500) == 1.0


def test_nearest_rank():
    """A quantile is a value that occurred."""
    ordered = list(range(1, 101))

    assert nearest_rank(ordered, 0.5) == 50
    assert nearest_rank(ordered, 0.99) == 99
    assert nearest_rank(ordered, 1) == 100
    assert nearest_rank([7], 0.5) == 7


def test_a_ratio_is_the_mean_of_the_spawns_medians():
    """One round that was disturbed changes nothing; a spawn counts once."""
    ratio = ratio_of([[1.1, 1.1, 9.0], [1.1, 1.1, 0.1]])
    assert ratio.value == pytest.approx(1.1)
    assert ratio.low == pytest.approx(1.1)
    assert ratio.high == pytest.approx(1.1)


def test_bounds_are_those_of_students_t():
    """Four spawns: t(0.95, 3) = 2.353 (any table of the distribution)."""
    logs = [0.0, 0.1, 0.2, 0.3]
    ratio = ratio_of([[math.exp(one)] for one in logs])
    deviation = math.sqrt(sum((one - 0.15) ** 2 for one in logs) / 3)
    half = 2.353 * deviation / 2
    assert math.log(ratio.value) == pytest.approx(0.15)
    assert math.log(ratio.low) == pytest.approx(0.15 - half)
    assert math.log(ratio.high) == pytest.approx(0.15 + half)


def test_one_spawn_bounds_nothing():
    """Two equal processes differ by 5 to 9 %: one pair proves nothing."""
    ratio = ratio_of([[1.5, 1.5]])
    assert ratio == Ratio(value=pytest.approx(1.5), low=0.0, high=math.inf)
    assert rule(ratio, 1.2) is Ruling.INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "ruling"),
    [
        (1.0, 1.2, Ruling.PASS),
        (1.0, 1.21, Ruling.INCONCLUSIVE),
        (1.2, 1.3, Ruling.INCONCLUSIVE),
        (1.21, 1.3, Ruling.FAIL),
    ],
)
def test_a_limit_is_passed_by_the_upper_bound_and_failed_by_the_lower(
    low, high, ruling
):
    """Anything between shows nothing."""
    assert rule(Ratio(value=1.2, low=low, high=high), 1.2) is ruling

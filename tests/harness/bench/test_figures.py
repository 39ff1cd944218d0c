"""Ratios, bounds and rulings."""

from __future__ import annotations

import math

import pytest

from harness.bench.figures import Ratio, Ruling, percentile, ratio_of, rule


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


def test_percentiles_are_values_that_were_measured():
    """Nearest rank; nothing is interpolated."""
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7], 0.99) == 7
    assert percentile([], 0.5) == 0

"""Conclusions of a bench."""

from __future__ import annotations

import math

import pytest

from harness.bench.conclusions import (
    CONTROL,
    BenchPart,
    Conclusions,
    bounds,
    exit_code,
    judge_limits,
    judge_losses,
)
from harness.bench.live import MeasuredRun
from harness.bench.readers import LoadResult
from harness.bench.summary import Row
from harness.statistics import Ratio

NAMES = ["v1", "v2", CONTROL]


def measured(*, lost=0, unfinished=0):
    """Return a load of ten events."""
    result = LoadResult(
        events=10,
        lost=lost,
        unfinished=unfinished,
        wall_ns=1,
        ttft_ns=[],
        delay_ns=[],
        headers=(),
    )
    return MeasuredRun(result=result, cpu_s=None, idle_bytes=None, peak_bytes=None)


def losses(**broken):
    """Judge two spawns; in the second, one target is broken."""
    whole = {name: [measured(), measured()] for name in NAMES}
    [(name, run)] = broken.items()
    return judge_losses([whole, {**whole, name: [measured(), run]}], NAMES)


def test_every_event_is_accounted_for():
    """Events of all spawns are added up."""
    found = losses(v2=measured())
    assert "v1: 40 events, none lost, every stream finished" == found.words[0]
    assert [] == found.codes


@pytest.mark.parametrize(("name", "code"), [("v1", 4), ("v2", 1), (CONTROL, 4)])
@pytest.mark.parametrize(
    ("run", "words"),
    [
        (measured(lost=2), "2 events lost or out of order, 0 streams unfinished"),
        (measured(unfinished=1), "0 events lost or out of order, 1 streams unfinished"),
    ],
)
def test_a_target_that_loses_events_is_named(name, code, run, words):
    """Without a whole baseline there is nothing to compare a candidate with."""
    found = losses(**{name: run})
    assert f"{name}: {words}" in found.words
    assert [code] == found.codes


def cpu_row(candidate, control=None):
    """Return the row of CPU with these ratios."""
    return Row(
        name="CPU per event",
        unit="us",
        values={"v1": 1.0, "v2": 1.0, CONTROL: 1.0},
        ratios={"v2": candidate, CONTROL: control},
    )


@pytest.mark.parametrize(
    ("ratio", "code", "end"),
    [
        (Ratio(value=1.1, low=1.0, high=1.2), 0, "1.10 [1.00, 1.20], limit 1.20: pass"),
        (
            Ratio(value=1.3, low=1.21, high=1.4),
            1,
            "1.30 [1.21, 1.40], limit 1.20: fail",
        ),
        (
            Ratio(value=1.2, low=1.1, high=1.3),
            3,
            "1.20 [1.10, 1.30], limit 1.20: inconclusive",
        ),
        (Ratio(value=1.2, low=0, high=math.inf), 3, "1.20, limit 1.20: inconclusive"),
    ],
)
def test_a_ratio_is_compared_with_its_limit(ratio, code, end):
    """By its bounds, not by its value."""
    found = judge_limits([cpu_row(ratio)], NAMES)
    assert [f"CPU per event, v2/v1: {end}"] == found.words
    assert [code] == found.codes


@pytest.mark.parametrize(
    ("value", "codes"), [(1.06, []), (1.07, [4]), (0.95, []), (0.93, [4])]
)
def test_equal_targets_that_differ_are_bad_evidence(value, codes):
    """A third of the limit, on the logarithmic scale, either way."""
    rows = [cpu_row(None, Ratio(value=value, low=0, high=math.inf))]
    found = judge_limits(rows, NAMES)
    assert codes == found.codes
    assert len(codes) == len(found.words)


@pytest.mark.parametrize(
    ("codes", "code"),
    [([[]], 0), ([[0, 3], [0]], 3), ([[3], [1, 0]], 1), ([[1, 3], [4]], 4)],
)
def test_the_gravest_conclusion_is_the_exit_code(codes, code):
    """Bad evidence, then a proven excess, then an open question."""
    parts = [
        BenchPart(title="", rows=(), conclusions=Conclusions(codes=one))
        for one in codes
    ]
    assert code == exit_code(parts)


def test_conclusions_add_up():
    """In order."""
    both = Conclusions(words=["a"], codes=[1]) + Conclusions(words=["b"], codes=[3])
    assert Conclusions(words=["a", "b"], codes=[1, 3]) == both


def test_bounds_are_shown_where_they_are_known():
    """One spawn has none."""
    assert "1.00" == bounds(Ratio(value=1.0, low=0, high=math.inf))
    assert "1.00 [0.90, 1.10]" == bounds(Ratio(value=1.0, low=0.9, high=1.1))

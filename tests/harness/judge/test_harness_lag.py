from __future__ import annotations

from harness.judge.evidence.observation import UpstreamRequest
from harness.judge.harness_lag import lateness_of, summarise_lag


def request(*writes: tuple[int, int]) -> UpstreamRequest:
    """An upstream request whose writes were due and late by that much."""
    return UpstreamRequest(
        at_ns=0,
        method="POST",
        path="/",
        headers=(),
        body=b"",
        sent=tuple((due + late, 1) for due, late in writes),
        lateness_ns=tuple(late for _, late in writes),
        finished=True,
        closed_at_ns=None,
    )


def test_only_the_first_of_writes_due_at_once_counts():
    """A thousand pieces due at one instant are long, not late."""
    writes = [(100, 1), (100, 50), (100, 99), (200, 2)]

    assert [1, 2] == list(lateness_of([request(*writes)]))


def test_lag_above_a_millisecond_at_p99_is_degraded():
    """More than a millisecond late at p99 marks the timing."""
    assert not summarise_lag([1_000_000] * 100).degraded
    assert not summarise_lag([1] * 99 + [9_000_000]).degraded
    assert summarise_lag([1] * 98 + [1_000_001] * 2).degraded


def test_nothing_live_has_no_lag():
    """Without writes all figures are zero."""
    assert 0 == summarise_lag([]).count == summarise_lag([]).max_ns

from __future__ import annotations

from harness.judge.limits import (
    LIVE_FREE_MS,
    LIVE_HOLD_MS,
    LIVE_SLACK_MS,
    VIRTUAL_HOLD_MS,
    live_limits,
    virtual_limits,
)

MS = 1_000_000


def test_virtual_time_needs_no_slack():
    """The simulated clock is never late."""
    limits = virtual_limits()

    assert (VIRTUAL_HOLD_MS, 0.0) == (limits.hold_ms, limits.slack_ms)


def test_live_limits_allow_for_the_lag_of_the_harness():
    """What the harness itself was late is no fault of a target."""
    limits = live_limits(3 * MS)

    assert (LIVE_HOLD_MS, LIVE_FREE_MS, 3.0) == (
        limits.hold_ms,
        limits.free_ms,
        limits.slack_ms,
    )


def test_a_late_harness_does_not_excuse_any_delay():
    """The slack is bounded."""
    assert LIVE_SLACK_MS == live_limits(10_000 * MS).slack_ms

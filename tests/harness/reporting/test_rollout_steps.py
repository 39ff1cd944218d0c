"""The steps of a rollout."""

from __future__ import annotations

import pytest

from harness.reporting.rollout_steps import next_step


@pytest.mark.parametrize(
    ("current", "following"),
    [(0, 10), (5, 10), (10, 25), (25, 50), (50, 100), (99.99, 100), (100, None)],
)
def test_the_next_step_of_the_rollout(current, following):
    """The steps are 10, 25, 50 and 100 percent."""
    assert next_step(current) == following

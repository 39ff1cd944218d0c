"""The steps of a rollout, in percent of the traffic."""

from __future__ import annotations

__all__ = ["STEPS", "next_step"]

STEPS = (10, 25, 50, 100)
"""Percentages of the usual rollout."""


def next_step(current_percent: float) -> int | None:
    """Return the next percentage; None: the rollout is complete."""
    return next((step for step in STEPS if step > current_percent), None)

"""How many requests a target may make for one of its client's.

A correct proxy may ask again, but only where nothing can have reached its client, and
where the failure was not that the upstream took its time: the answer never began, or
its status says "not now".  Once an answer has begun, a second request would pay twice,
and its text could follow the first's (FAULTS classes 14 and 36).
"""

from __future__ import annotations

from harness.faults.draft import Finish, WireDraft
from harness.scenario.script import Script

__all__ = ["MOST_ATTEMPTS", "most_requests"]

MOST_ATTEMPTS = 4
"""Where asking again becomes a storm: SDKs ask three times by default (FAULTS 0.4)."""

_NOT_NOW = frozenset({408, 429})


def most_requests(script: Script) -> int:
    """Return how many requests may reach the upstream at most."""
    number = 1
    while number < MOST_ATTEMPTS and _may_be_retried(script.attempt(number)):
        number += 1
    return number


def _may_be_retried(wire: WireDraft) -> bool:
    if wire.head_at_ns is None:
        # A head that merely does not come is an upstream at work.
        return wire.finish is not Finish.STALL
    return wire.status in _NOT_NOW or wire.status >= 500

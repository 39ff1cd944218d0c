"""The circuit breaker: when an upstream that keeps failing is left alone for a while.

*Closed*: every attempt may go, and failures in a row are counted.  An attempt that
succeeds to its end begins the count anew; that an answer began is not enough, or an
upstream that breaks every answer off would never be left alone.  As many failures in a
row as are allowed open the circuit.

*Open*: no attempt may go, until a time has passed.  The first that asks after it finds
the circuit half-open.

*Half-open*: one attempt may go, the probe; all others are refused until it is known
how it fares.  Its first good sign (the answer began, and not with an error) closes the
circuit: to wait for the end of an answer, which may take minutes, would keep everybody
out.  A probe that fails opens the circuit again.  One that was given up, because its
client left or its request was bad, tells nothing and makes room for the next.  A probe
that was never heard of again makes room once no stream could last so long.

What an attempt tells counts only in the state in which it began: an answer from before
the circuit opened says nothing about an upstream that is being probed.

Pure: time and lengths come with each call, since settings may change meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "TRANSITIONS",
    "Change",
    "CircuitBreaker",
    "IllegalSignError",
    "Limits",
    "Permit",
    "Sign",
    "Standing",
    "step",
]


class Standing(Enum):
    """What an attempt finds; values are the words of logs and metrics."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Sign(Enum):
    """What can be learnt of the upstream."""

    SUCCEEDED = "succeeded"
    """An attempt went well: to its end, or as a probe to its first good sign."""

    FAILED = "failed"
    """An attempt failed, and fewer did so in a row than are allowed."""

    TRIPPED = "tripped"
    """An attempt failed, and that was one too many."""

    ABANDONED = "abandoned"
    """An attempt ended in a way that tells nothing of the upstream."""

    WAITED = "waited"
    """The circuit was open long enough, and an attempt asks."""


class IllegalSignError(RuntimeError):
    """The table has no such transition; the caller is wrong."""


TRANSITIONS: Mapping[Standing, Mapping[Sign, Standing]] = MappingProxyType(
    {
        Standing.CLOSED: {
            Sign.SUCCEEDED: Standing.CLOSED,
            Sign.FAILED: Standing.CLOSED,
            Sign.TRIPPED: Standing.OPEN,
            Sign.ABANDONED: Standing.CLOSED,
        },
        Standing.OPEN: {
            Sign.WAITED: Standing.HALF_OPEN,
        },
        Standing.HALF_OPEN: {
            Sign.SUCCEEDED: Standing.CLOSED,
            Sign.TRIPPED: Standing.OPEN,
            Sign.ABANDONED: Standing.HALF_OPEN,
        },
    }
)


def step(standing: Standing, sign: Sign) -> Standing:
    """Return the state that follows.

    Raises:
        IllegalSignError: :data:`TRANSITIONS` has no such pair.
    """
    try:
        return TRANSITIONS[standing][sign]
    except KeyError:
        raise IllegalSignError(f"{sign.value} while {standing.value}") from None


class Limits(NamedTuple):
    """What the breaker is to act on.

    Attributes:
        max_errors: Failures in a row that open the circuit.
        open_ns: How long it stays open.
        probe_ns: When a probe that was not heard of counts as given up.
    """

    max_errors: int
    open_ns: int
    probe_ns: int


class Permit:
    """An attempt's leave to go, by which it reports how it fared."""

    __slots__ = ("epoch", "over")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.over = False


class Change(NamedTuple):
    """A circuit that opened, half-opened or closed.

    Attributes:
        after: What it is now.
        failures: Failures in a row before it.
    """

    after: Standing
    failures: int


class CircuitBreaker:
    """The breaker of one upstream, shared by its streams.

    Attributes:
        standing: What an attempt finds.
        failures: Failures in a row.
    """

    def __init__(self) -> None:
        self.standing = Standing.CLOSED
        self.failures = 0
        self._epoch = 0
        self._until_ns = 0
        self._probe: Permit | None = None

    def ask(self, now_ns: int, limits: Limits) -> tuple[Permit | None, Change | None]:
        """Ask for leave to go; None where it is refused."""
        change = None
        if self.standing is Standing.OPEN and now_ns >= self._until_ns:
            change = self._move(Sign.WAITED)
        if self.standing is Standing.CLOSED:
            return Permit(self._epoch), change
        if self.standing is Standing.OPEN:
            return None, change
        if self._probe is not None and now_ns < self._until_ns:
            return None, change
        self._probe = Permit(self._epoch)
        self._until_ns = now_ns + limits.probe_ns
        return self._probe, change

    def refused_for_ns(self, now_ns: int) -> int:
        """Return how long an attempt would be refused for sure; 0: not at all."""
        if self.standing is Standing.OPEN:
            return max(0, self._until_ns - now_ns)
        return 0

    def progressed(self, permit: Permit) -> Change | None:
        """Take the first good sign of an answer; its end is still to come."""
        if permit is not self._probe or self._is_stale(permit):
            return None
        self.failures = 0
        change = self._move(Sign.SUCCEEDED)
        # From here on it is an attempt like any other.
        permit.epoch = self._epoch
        return change

    def succeeded(self, permit: Permit) -> Change | None:
        """Take an attempt that went well to its end."""
        if self._is_stale(permit):
            return None
        permit.over = True
        self.failures = 0
        return self._move(Sign.SUCCEEDED)

    def failed(self, permit: Permit, now_ns: int, limits: Limits) -> Change | None:
        """Take an attempt that the upstream failed."""
        if self._is_stale(permit):
            return None
        permit.over = True
        self.failures += 1
        probing = self.standing is Standing.HALF_OPEN
        if not probing and self.failures < limits.max_errors:
            return self._move(Sign.FAILED)
        change = self._move(Sign.TRIPPED)
        self._until_ns = now_ns + limits.open_ns
        return change

    def abandoned(self, permit: Permit) -> Change | None:
        """Take an attempt that tells nothing: its client left, or asked wrongly."""
        if self._is_stale(permit):
            return None
        permit.over = True
        if permit is self._probe:
            self._probe = None
        return self._move(Sign.ABANDONED)

    def _is_stale(self, permit: Permit) -> bool:
        stale = permit.over or permit.epoch != self._epoch
        if self.standing is Standing.HALF_OPEN:
            # A probe that was given up for lost has been replaced.
            stale |= permit is not self._probe
        return stale

    def _move(self, sign: Sign) -> Change | None:
        before, self.standing = self.standing, step(self.standing, sign)
        if self.standing is before:
            return None
        self._epoch += 1
        self._probe = None
        return Change(self.standing, self.failures)

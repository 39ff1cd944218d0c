"""The circuit breaker: when an upstream that keeps failing is left alone for a while.

*Closed*: every attempt may go, and failures in a row are counted.  An attempt that
succeeds to its end begins the count anew; that an answer began is not enough, or an
upstream that breaks every answer off would never be left alone.  As many failures in a
row as are allowed open the circuit.

*Open*: no attempt may go, until a time has passed.  The first that asks after it finds
the circuit half-open.

*Half-open*: one attempt may go, the probe; all others are refused until it is known
how it fares.  It has gone well once its answer makes progress: an event stream by its
first event, comments not counted, if that is no error; any other answer by a head below
400.  That closes the circuit: to wait for the end of an answer, which may take minutes,
would keep everybody out.  A probe that fails opens the circuit again.  One that was
given up, because its client left or its request was bad, tells nothing and makes room
for the next.  A probe that was never heard of again makes room once no stream could
last so long.

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
    "BreakerLimits",
    "CircuitBreaker",
    "CircuitChange",
    "CircuitEvent",
    "CircuitState",
    "IllegalCircuitEventError",
    "Permit",
    "step",
]


class CircuitState(Enum):
    """The state of the circuit; values are the words of logs and metrics."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitEvent(Enum):
    """What moves the circuit: how an attempt went, or that it was open long enough."""

    SUCCEEDED = "succeeded"
    """An attempt went well: to its end, or, as a probe, so far as to make progress."""

    FAILED = "failed"
    """An attempt failed, and fewer did so in a row than are allowed."""

    TRIPPED = "tripped"
    """An attempt failed, and that was one too many."""

    ABANDONED = "abandoned"
    """An attempt ended in a way that tells nothing of the upstream."""

    WAITED = "waited"
    """The circuit was open long enough, and an attempt asks."""


class IllegalCircuitEventError(RuntimeError):
    """The table has no such transition; the caller is wrong."""


TRANSITIONS: Mapping[CircuitState, Mapping[CircuitEvent, CircuitState]] = (
    MappingProxyType(
        {
            CircuitState.CLOSED: {
                CircuitEvent.SUCCEEDED: CircuitState.CLOSED,
                CircuitEvent.FAILED: CircuitState.CLOSED,
                CircuitEvent.TRIPPED: CircuitState.OPEN,
                CircuitEvent.ABANDONED: CircuitState.CLOSED,
            },
            CircuitState.OPEN: {
                CircuitEvent.WAITED: CircuitState.HALF_OPEN,
            },
            CircuitState.HALF_OPEN: {
                CircuitEvent.SUCCEEDED: CircuitState.CLOSED,
                CircuitEvent.TRIPPED: CircuitState.OPEN,
                CircuitEvent.ABANDONED: CircuitState.HALF_OPEN,
            },
        }
    )
)


def step(state: CircuitState, event: CircuitEvent) -> CircuitState:
    """Return the state that follows.

    Raises:
        IllegalCircuitEventError: :data:`TRANSITIONS` has no such pair.
    """
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalCircuitEventError(f"{event.value} while {state.value}") from None


class BreakerLimits(NamedTuple):
    """The limits that the breaker acts on.

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


class CircuitChange(NamedTuple):
    """A change of the circuit: it opened, half-opened or closed.

    Attributes:
        after: What it is now.
        failures: Failures in a row before it.
    """

    after: CircuitState
    failures: int


class CircuitBreaker:
    """The breaker of one upstream, shared by its streams.

    Attributes:
        state: The state of the circuit.
        failures: Failures in a row.
    """

    def __init__(self) -> None:
        self.state = CircuitState.CLOSED
        self.failures = 0
        self._epoch = 0
        self._until_ns = 0
        self._probe: Permit | None = None

    def acquire(
        self, now_ns: int, limits: BreakerLimits
    ) -> tuple[Permit | None, CircuitChange | None]:
        """Ask for leave to go; None where it is refused."""
        change = None
        if self.state is CircuitState.OPEN and now_ns >= self._until_ns:
            change = self._move(CircuitEvent.WAITED)
        if self.state is CircuitState.CLOSED:
            return Permit(self._epoch), change
        if self.state is CircuitState.OPEN:
            return None, change
        if self._probe is not None and now_ns < self._until_ns:
            return None, change
        self._probe = Permit(self._epoch)
        self._until_ns = now_ns + limits.probe_ns
        return self._probe, change

    def refused_for_ns(self, now_ns: int) -> int:
        """Return how long an attempt would be refused for sure; 0: not at all."""
        if self.state is CircuitState.OPEN:
            return max(0, self._until_ns - now_ns)
        return 0

    def progressed(self, permit: Permit) -> CircuitChange | None:
        """Take an answer that makes progress; its end is still to come."""
        if permit is not self._probe or self._is_stale(permit):
            return None
        self.failures = 0
        change = self._move(CircuitEvent.SUCCEEDED)
        # From here on it is an attempt like any other.
        permit.epoch = self._epoch
        return change

    def succeeded(self, permit: Permit) -> CircuitChange | None:
        """Take an attempt that went well to its end."""
        if self._is_stale(permit):
            return None
        permit.over = True
        self.failures = 0
        return self._move(CircuitEvent.SUCCEEDED)

    def failed(
        self, permit: Permit, now_ns: int, limits: BreakerLimits
    ) -> CircuitChange | None:
        """Take an attempt that the upstream failed."""
        if self._is_stale(permit):
            return None
        permit.over = True
        self.failures += 1
        probing = self.state is CircuitState.HALF_OPEN
        if not probing and self.failures < limits.max_errors:
            return self._move(CircuitEvent.FAILED)
        change = self._move(CircuitEvent.TRIPPED)
        self._until_ns = now_ns + limits.open_ns
        return change

    def abandoned(self, permit: Permit) -> CircuitChange | None:
        """Take an attempt that tells nothing: its client left, or asked wrongly."""
        if self._is_stale(permit):
            return None
        permit.over = True
        if permit is self._probe:
            self._probe = None
        return self._move(CircuitEvent.ABANDONED)

    def _is_stale(self, permit: Permit) -> bool:
        stale = permit.over or permit.epoch != self._epoch
        if self.state is CircuitState.HALF_OPEN:
            # A probe that was given up for lost has been replaced.
            stale |= permit is not self._probe
        return stale

    def _move(self, event: CircuitEvent) -> CircuitChange | None:
        before, self.state = self.state, step(self.state, event)
        if self.state is before:
            return None
        self._epoch += 1
        self._probe = None
        return CircuitChange(self.state, self.failures)

"""The circuit breaker: it stops attempts to an upstream that keeps failing.

*Closed*: every attempt may start, and failures in a row are counted.  An attempt that
succeeds to its end resets the count; the beginning of an answer is not enough, or an
upstream that breaks off every answer would never open the circuit.  The allowed number
of failures in a row opens the circuit.

*Open*: no attempt may start until a time has passed.  The first attempt after that
finds the circuit half-open.

*Half-open*: one attempt may start, the probe; all others are refused until its result
is known.  It has succeeded once its answer makes progress: an event stream by its
first event (comments not counted) if that is not an error; any other answer by a head
below 400.  That closes the circuit: to wait for the end of an answer, which may take
minutes, would refuse every client for that time.  A probe that fails opens the circuit
again.  One that was given up, because its client left or its request was bad, says
nothing and makes room for the next.  A probe without any result makes room once no
stream could last that long.

The result of an attempt counts only in the state in which it began: an answer from
before the circuit opened says nothing about an upstream that is being probed.

Pure: each call brings the time and the limits, because settings may change meanwhile.
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
    """A trigger of the circuit: the result of an attempt, or the end of a pause."""

    SUCCEEDED = "succeeded"
    """An attempt succeeded: to its end, or, as a probe, by making progress."""

    FAILED = "failed"
    """An attempt failed, and the failures in a row are below the limit."""

    TRIPPED = "tripped"
    """An attempt failed, and the failures in a row reached the limit."""

    ABANDONED = "abandoned"
    """An attempt ended in a way that says nothing about the upstream."""

    WAITED = "waited"
    """The circuit was open long enough, and an attempt asks for permission."""


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
    """The limits of the breaker.

    Attributes:
        max_errors: Failures in a row that open the circuit.
        open_ns: How long it stays open.
        probe_ns: The time after which a probe without a result counts as given up.
    """

    max_errors: int
    open_ns: int
    probe_ns: int


class Permit:
    """The permission for one attempt, with which it reports its result."""

    __slots__ = ("epoch", "over")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.over = False


class CircuitChange(NamedTuple):
    """A change of the circuit: it opened, half-opened or closed.

    Attributes:
        after: The new state.
        failures: Failures in a row before the change.
    """

    after: CircuitState
    failures: int


class CircuitBreaker:
    """The breaker of one upstream, shared by its streams.

    Attributes:
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
        """Ask for permission to start an attempt; None if it is refused."""
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
        """Return how long every attempt will be refused; 0: not at all."""
        if self.state is CircuitState.OPEN:
            return max(0, self._until_ns - now_ns)
        return 0

    def progressed(self, permit: Permit) -> CircuitChange | None:
        """Take an answer that makes progress and has not ended."""
        if permit is not self._probe or self._is_stale(permit):
            return None
        self.failures = 0
        change = self._move(CircuitEvent.SUCCEEDED)
        # From now on it is an attempt like any other.
        permit.epoch = self._epoch
        return change

    def succeeded(self, permit: Permit) -> CircuitChange | None:
        """Take an attempt that succeeded to its end."""
        if self._is_stale(permit):
            return None
        permit.over = True
        self.failures = 0
        return self._move(CircuitEvent.SUCCEEDED)

    def failed(
        self, permit: Permit, now_ns: int, limits: BreakerLimits
    ) -> CircuitChange | None:
        """Take an attempt that failed because of the upstream."""
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
        """Take an attempt without a result: its client left, or its request was bad."""
        if self._is_stale(permit):
            return None
        permit.over = True
        if permit is self._probe:
            self._probe = None
        return self._move(CircuitEvent.ABANDONED)

    def _is_stale(self, permit: Permit) -> bool:
        stale = permit.over or permit.epoch != self._epoch
        if self.state is CircuitState.HALF_OPEN:
            # A probe without a result has been replaced by another.
            stale |= permit is not self._probe
        return stale

    def _move(self, event: CircuitEvent) -> CircuitChange | None:
        before, self.state = self.state, step(self.state, event)
        if self.state is before:
            return None
        self._epoch += 1
        self._probe = None
        return CircuitChange(self.state, self.failures)

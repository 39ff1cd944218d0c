"""A scheduler of calls at exact times: one heap and one timer for all streams.

Rules of this file:

1. A call is never made before its time.
2. Calls are made in the order of their times, equal times in the order of scheduling.
3. All due calls are made in one waking, each measured by itself. After 32 of them the
   loop gets its turn: a burst must not delay the stamps of others.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable

from harness.play.upstream.timers import Timer, make_timer

__all__ = ["ScheduledCall", "Scheduler"]

_LATENESS_KEPT = 200_000  # the last ones; a replay by hand may run for days
_CALLS_PER_WAKING = 32


class ScheduledCall:
    """A call that waits for its time."""

    __slots__ = ("_callback", "due_ns")

    def __init__(self, due_ns: int, callback: Callable[[], None]) -> None:
        self.due_ns = due_ns
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Drop the call; a second time, or after it was made, this does nothing."""
        self._callback = None

    @property
    def cancelled(self) -> bool:
        """True where nothing will be called any more."""
        return self._callback is None

    def _call(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Scheduler:
    """Makes calls at times of CLOCK_MONOTONIC, within the running event loop.

    Args:
        clock: Monotonic nanoseconds.
        timer: Makes the timer, given the function to call; by default the most precise
            one of the system.

    Attributes:
        lateness_ns: How much after its time each of the last calls was made.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        timer: Callable[[Callable[[], None]], Timer] | None = None,
    ) -> None:
        self.lateness_ns: deque[int] = deque(maxlen=_LATENESS_KEPT)
        self._clock = clock
        self._heap: list[tuple[int, int, ScheduledCall]] = []
        self._count = 0
        self._set_for_ns: int | None = None
        self._firing = False
        self._timer = (
            make_timer(asyncio.get_running_loop(), self._fire)
            if timer is None
            else timer(self._fire)
        )

    def call_at(self, due_ns: int, callback: Callable[[], None]) -> ScheduledCall:
        """Call ``callback`` at ``due_ns``, at the next waking where that has passed."""
        scheduled = ScheduledCall(due_ns, callback)
        self._count += 1
        heapq.heappush(self._heap, (due_ns, self._count, scheduled))
        if not self._firing:
            self._arm()
        return scheduled

    def close(self) -> None:
        """Drop every call and free the timer."""
        self._heap.clear()
        self._timer.close()

    def _arm(self) -> None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        if self._heap and self._heap[0][0] != self._set_for_ns:
            self._set_for_ns = self._heap[0][0]
            self._timer.set(self._set_for_ns)

    def _fire(self) -> None:
        self._set_for_ns = None
        self._firing = True
        try:
            for _ in range(_CALLS_PER_WAKING):
                if not self._heap or self._heap[0][0] > self._clock():
                    break
                due_ns, _, scheduled = heapq.heappop(self._heap)
                if not scheduled.cancelled:
                    self.lateness_ns.append(self._clock() - due_ns)
                    scheduled._call()  # noqa: SLF001 - the other half of this file
        finally:
            self._firing = False
            self._arm()

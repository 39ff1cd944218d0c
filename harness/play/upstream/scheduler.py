"""Calls at exact times: one heap and one alarm for all streams.

Rules of this file:

1. A call is never made before its time.
2. Calls are made in the order of their times, equal times in the order of scheduling.
3. What is due is done in one waking, each call measured by itself; after so many calls
   the loop gets its turn, so that a burst does not delay the stamps of others.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable

from harness.play.upstream.timers import Alarm, make_alarm

__all__ = ["Pacer", "Scheduled"]

_LATENESS_KEPT = 200_000  # the last ones; a replay by hand may run for days
_CALLS_PER_WAKING = 32


class Scheduled:
    """A call that waits for its time."""

    __slots__ = ("_callback", "due_ns")

    def __init__(self, due_ns: int, callback: Callable[[], None]) -> None:
        self.due_ns = due_ns
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Drop the call; dropping it twice, or after it was made, does nothing."""
        self._callback = None

    @property
    def cancelled(self) -> bool:
        """True where nothing will be called any more."""
        return self._callback is None

    def _call(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Pacer:
    """Makes calls at times of CLOCK_MONOTONIC, within the running event loop.

    Args:
        clock: Monotonic nanoseconds.
        alarm: Given the function that it must call, makes the alarm; by default the
            most precise one of the system.

    Attributes:
        lateness_ns: For the last calls, how much after its time each was made.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        alarm: Callable[[Callable[[], None]], Alarm] | None = None,
    ) -> None:
        self.lateness_ns: deque[int] = deque(maxlen=_LATENESS_KEPT)
        self._clock = clock
        self._heap: list[tuple[int, int, Scheduled]] = []
        self._count = 0
        self._set_for_ns: int | None = None
        self._ringing = False
        self._alarm = (
            make_alarm(asyncio.get_running_loop(), self._ring)
            if alarm is None
            else alarm(self._ring)
        )

    def call_at(self, due_ns: int, callback: Callable[[], None]) -> Scheduled:
        """Call ``callback`` at ``due_ns``, at the next waking where that has passed."""
        scheduled = Scheduled(due_ns, callback)
        self._count += 1
        heapq.heappush(self._heap, (due_ns, self._count, scheduled))
        if not self._ringing:
            self._arm()
        return scheduled

    def close(self) -> None:
        """Drop every call and free the alarm."""
        self._heap.clear()
        self._alarm.close()

    def _arm(self) -> None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        if self._heap and self._heap[0][0] != self._set_for_ns:
            self._set_for_ns = self._heap[0][0]
            self._alarm.set(self._set_for_ns)

    def _ring(self) -> None:
        self._set_for_ns = None
        self._ringing = True
        try:
            for _ in range(_CALLS_PER_WAKING):
                if not self._heap or self._heap[0][0] > self._clock():
                    break
                due_ns, _, scheduled = heapq.heappop(self._heap)
                if not scheduled.cancelled:
                    self.lateness_ns.append(self._clock() - due_ns)
                    scheduled._call()  # noqa: SLF001 - the other half of this file
        finally:
            self._ringing = False
            self._arm()

"""The clock of virtual time: integer nanoseconds, and a heap of what is to happen.

What is to happen is kept as values, a name and its arguments, and never as a function
with its variables: a copy of the clock is a copy of all that is to happen.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import Any

__all__ = ["Action", "Priority", "VirtualClock"]

Action = tuple[int, str, tuple[Any, ...]]
"""The number of a stream, the name of what happens to it, and arguments."""


class Priority(IntEnum):
    """What comes first at one instant; where it is equal, what was put in first.

    A client that leaves is gone before the upstream's next bytes, and a timer that is
    due at the instant of an event finds that event done.
    """

    CLIENT = 0
    UPSTREAM = 1
    TIMER = 2
    DEADLINE = 3


class VirtualClock:
    """One clock for all streams, and what is to happen to them.

    Attributes:
        now_ns: The present.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self._number = 0
        self._heap: list[tuple[int, Priority, int, Action]] = []

    def at(self, at_ns: int, priority: Priority, action: Action) -> None:
        """Put in what is to happen at an instant; what is past happens now."""
        self._number += 1
        heappush(self._heap, (max(at_ns, self.now_ns), priority, self._number, action))

    def reserve(self, count: int) -> int:
        """Return the first of so many numbers, for what is put in later."""
        first = self._number + 1
        self._number += count
        return first

    def at_reserved(
        self, at_ns: int, priority: Priority, number: int, action: Action
    ) -> None:
        """Put in what is to happen, in the order of a number that was reserved."""
        heappush(self._heap, (max(at_ns, self.now_ns), priority, number, action))

    @property
    def next_at_ns(self) -> int | None:
        """When the next thing happens; None: nothing will."""
        return self._heap[0][0] if self._heap else None

    @property
    def next_action(self) -> Action | None:
        """What happens next; None: nothing will."""
        return self._heap[0][3] if self._heap else None

    def advance(self) -> Action | None:
        """Let the time pass until something happens, and return it; None: nothing."""
        if not self._heap:
            return None
        self.now_ns, _, _, action = heappop(self._heap)
        return action

    def fork(self) -> VirtualClock:
        """Return a clock with the same present and the same future."""
        twin: VirtualClock = VirtualClock.__new__(VirtualClock)
        twin.now_ns = self.now_ns
        twin._number = self._number
        twin._heap = self._heap.copy()
        return twin

"""The clock of virtual time: integer nanoseconds, and a heap of actions to come.

An action is a value, a name and its arguments, never a function with its variables: a
copy of the clock is a copy of all actions to come.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush
from typing import Any

__all__ = ["Action", "Priority", "VirtualClock"]

Action = tuple[int, str, tuple[Any, ...]]
"""The number of a stream, the name of the action, and its arguments."""


class Priority(IntEnum):
    """The order of actions at one instant; equal ones keep the order of insertion.

    A client that leaves is gone before the upstream's next bytes, and a timer at the
    instant of an event fires after that event.
    """

    CLIENT = 0
    UPSTREAM = 1
    TIMER = 2
    DEADLINE = 3


class VirtualClock:
    """One clock for all streams, and the actions to come."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._number = 0
        self._heap: list[tuple[int, Priority, int, Action]] = []

    def at(self, at_ns: int, priority: Priority, action: Action) -> None:
        """Add an action at an instant; an instant in the past means now."""
        self._number += 1
        heappush(self._heap, (max(at_ns, self.now_ns), priority, self._number, action))

    def reserve(self, count: int) -> int:
        """Return the first of ``count`` numbers for actions that are added later."""
        first = self._number + 1
        self._number += count
        return first

    def at_reserved(
        self, at_ns: int, priority: Priority, number: int, action: Action
    ) -> None:
        """Add an action in the order of a reserved number."""
        heappush(self._heap, (max(at_ns, self.now_ns), priority, number, action))

    @property
    def next_at_ns(self) -> int | None:
        """When the next action is due; None: there is none."""
        return self._heap[0][0] if self._heap else None

    @property
    def next_action(self) -> Action | None:
        """The next action; None: there is none."""
        return self._heap[0][3] if self._heap else None

    def advance(self) -> Action | None:
        """Advance to the next action, and return it; None: there is none."""
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

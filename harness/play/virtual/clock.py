"""The simulated clock of virtual time: integer nanoseconds and a heap."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import IntEnum

__all__ = ["Rank", "World"]


class Rank(IntEnum):
    """What comes first at one instant (DESIGN, section 8); then order of insertion."""

    CLIENT = 0
    UPSTREAM = 1
    TIMER = 2
    DEADLINE = 3


class World:
    """One clock for everything that happens, and what is going to.

    Attributes:
        now_ns: The present.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self._order = 0
        self._heap: list[tuple[int, int, int, Callable[[], object]]] = []

    def at(self, at_ns: int, rank: Rank, act: Callable[[], object]) -> None:
        """Have something done at an instant; what is past is done now."""
        self._order += 1
        heapq.heappush(
            self._heap, (max(at_ns, self.now_ns), int(rank), self._order, act)
        )

    def run(self, until: Callable[[], bool]) -> None:
        """Let time pass until something holds, or nothing is left to happen."""
        heap = self._heap
        while heap and not until():
            self.now_ns, _, _, act = heapq.heappop(heap)
            act()

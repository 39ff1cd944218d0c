"""CPU and memory of a target: all its processes, as the system counts them."""

from __future__ import annotations

import psutil

from harness.errors import EvidenceError

__all__ = ["Usage", "UsageMeter"]

Usage = tuple[float, int]
"""CPU seconds spent so far, and resident bytes now."""


class UsageMeter:
    """Reads what a process and its children use.

    Args:
        pid: The first process of the target.
        name: The target's name, for messages.
    """

    def __init__(self, pid: int, name: str) -> None:
        self._name = name
        self._root = psutil.Process(pid)

    def read(self) -> Usage:
        """Return CPU time and memory of the whole tree.

        Raises:
            EvidenceError: The target has ended.
        """
        seconds, resident = 0.0, 0
        try:
            family = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            raise EvidenceError(f"target {self._name} ended during the bench") from None
        for member in family:
            try:
                spent = member.cpu_times()
                resident += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            seconds += spent.user + spent.system
        return seconds, resident

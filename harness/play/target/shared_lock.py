"""A lock for many shared users or one exclusive user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["SharedLock"]


class SharedLock:
    """A lock for readers and writers: streams share a target, or one has it alone.

    An exclusive user waits for the current holders; new shared users queue behind it.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._holders = 0
        self._exclusive = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Hold the lock together with other shared users."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._exclusive == 0)
            self._holders += 1
        try:
            yield
        finally:
            async with self._changed:
                self._holders -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Hold the lock alone, once all holders have released it."""
        async with self._changed:
            self._exclusive += 1
            try:
                await self._changed.wait_for(lambda: self._holders == 0)
            except BaseException:
                self._exclusive -= 1
                self._changed.notify_all()
                raise
            self._holders += 1
        try:
            yield
        finally:
            async with self._changed:
                self._holders -= 1
                self._exclusive -= 1
                self._changed.notify_all()

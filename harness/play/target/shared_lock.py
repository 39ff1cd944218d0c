"""Many at once, or one alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Floor"]


class Floor:
    """Lets streams share a target, and one have it for itself.

    Who wants to be alone waits for those who are there, and nobody new comes before it.
    """

    def __init__(self) -> None:
        self._change = asyncio.Condition()
        self._present = 0
        self._alone = 0

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Be there beside others."""
        async with self._change:
            await self._change.wait_for(lambda: self._alone == 0)
            self._present += 1
        try:
            yield
        finally:
            async with self._change:
                self._present -= 1
                self._change.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be there when everybody has left."""
        async with self._change:
            self._alone += 1
            try:
                await self._change.wait_for(lambda: self._present == 0)
            except BaseException:
                self._alone -= 1
                self._change.notify_all()
                raise
            self._present += 1
        try:
            yield
        finally:
            async with self._change:
                self._present -= 1
                self._alone -= 1
                self._change.notify_all()

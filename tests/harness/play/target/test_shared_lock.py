"""Shared and exclusive users of a lock, and their order."""

from __future__ import annotations

import asyncio

from harness.play.target.shared_lock import SharedLock


def test_an_exclusive_user_waits_for_the_others_and_keeps_new_ones_out():
    """It comes when all have left, and before those who came after it."""
    order = []

    async def shared(lock, name, leave):
        async with lock.shared():
            order.append(f"{name} in")
            await leave.wait()
            order.append(f"{name} out")

    async def exclusive(lock, name):
        async with lock.exclusive():
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    async def main():
        lock, leave = SharedLock(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(shared(lock, "a", leave))
            group.create_task(shared(lock, "b", leave))
            await asyncio.sleep(0)
            group.create_task(exclusive(lock, "x"))
            group.create_task(exclusive(lock, "y"))
            for _ in range(3):
                await asyncio.sleep(0)
            group.create_task(shared(lock, "c", leave))
            for _ in range(3):
                await asyncio.sleep(0)
            assert order == ["a in", "b in"]
            leave.set()

    asyncio.run(main())
    assert order[2:4] == ["a out", "b out"]
    assert order[4:8] == ["x in", "x out", "y in", "y out"]
    assert order[8:] == ["c in", "c out"]


def test_one_who_gives_up_waiting_lets_others_in():
    """A run that is interrupted must not leave the door shut."""

    async def main():
        lock = SharedLock()
        async with lock.shared():
            waiting = asyncio.ensure_future(lock.exclusive().__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            async with asyncio.timeout(1), lock.shared():
                return True

    assert asyncio.run(main())

"""Lateness of the upstream's scheduler, and of asyncio.sleep.

Fifty streams with seeded gaps of 1 to 20 ms, both by turns, in one process.
"""

from __future__ import annotations

import asyncio
import os
import random
import time

from tabulate import tabulate

from harness.play.gc_pause import gc_paused
from harness.play.upstream.scheduler import Scheduler

STREAMS = 50
EVENTS = 100
ROUNDS = 3


def schedule(seed: int) -> list[int]:
    """Return the times of the events of one stream, in nanoseconds from its start."""
    rng = random.Random(seed)
    due, found = 0, []
    for _ in range(EVENTS):
        due += rng.randrange(1_000_000, 20_000_000)
        found.append(due)
    return found


async def by_scheduler() -> list[int]:
    scheduler = Scheduler(clock=time.monotonic_ns)
    late: list[int] = []
    zero = time.monotonic_ns() + 5_000_000
    done = asyncio.Event()
    left = STREAMS * EVENTS

    def arrive(due: int) -> None:
        nonlocal left
        late.append(time.monotonic_ns() - due)
        left -= 1
        if not left:
            done.set()

    for seed in range(STREAMS):
        for due in schedule(seed):
            at = zero + due
            scheduler.call_at(at, lambda at=at: arrive(at))
    await done.wait()
    scheduler.close()
    return late


async def by_sleep() -> list[int]:
    late: list[int] = []
    zero = time.monotonic_ns() + 5_000_000

    async def stream(seed: int) -> None:
        for due in schedule(seed):
            at = zero + due
            await asyncio.sleep(max(0, (at - time.monotonic_ns()) / 1e9))
            late.append(time.monotonic_ns() - at)

    async with asyncio.TaskGroup() as group:
        for seed in range(STREAMS):
            group.create_task(stream(seed))
    return late


async def main() -> None:
    found: dict[str, list[int]] = {"scheduler": [], "asyncio.sleep": []}
    with gc_paused():
        for round_ in range(ROUNDS):
            pair = [("scheduler", by_scheduler), ("asyncio.sleep", by_sleep)]
            for name, run in pair if round_ % 2 else reversed(pair):
                found[name] += await run()
    rows = []
    for name, late in found.items():
        late.sort()
        rows.append(
            [
                name,
                len(late),
                sum(one < 0 for one in late),
                late[len(late) // 2] / 1000,
                late[len(late) * 99 // 100] / 1000,
                late[-1] / 1000,
            ]
        )
    print(f"{STREAMS} streams, load", *(f"{load:.2f}" for load in os.getloadavg()))
    headers = ["", "events", "early", "p50 us", "p99 us", "max us"]
    print(tabulate(rows, headers, floatfmt=".0f"))
    print(f"p99 ratio {rows[0][4] / rows[1][4]:.2f}")


if __name__ == "__main__":
    asyncio.run(main())

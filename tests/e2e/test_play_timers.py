"""The timers of the system: they fire after their time, once, and can be moved."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from harness.play.upstream.scheduler import Scheduler
from harness.play.upstream.timers import ThreadTimer, TimerfdTimer, make_timer

pytestmark = pytest.mark.e2e

MS = 1_000_000
TIMERS = [
    pytest.param(
        TimerfdTimer,
        marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux has timerfd"),
    ),
    ThreadTimer,
]


class Fired(list):
    """When a timer fired, on the monotonic clock."""

    async def reach(self, count):
        """Wait until it fired this many times, however late the machine is."""
        async with asyncio.timeout(30):
            while len(self) < count:  # noqa: ASYNC110 - threads append, too
                await asyncio.sleep(0.005)


def firing(kind, drive):
    """Drive a timer; return when it fired."""
    fired = Fired()

    async def main():
        loop = asyncio.get_running_loop()
        timer = kind(loop, lambda: fired.append(time.monotonic_ns()))
        try:
            await drive(timer, fired)
            await asyncio.sleep(0.02)
        finally:
            timer.close()
        await asyncio.sleep(0.02)

    asyncio.run(main())
    return fired


@pytest.mark.parametrize("kind", TIMERS)
def test_a_timer_fires_once_after_its_time(kind):
    """It is silent before, and after it fired."""
    due_ns = time.monotonic_ns() + 50 * MS

    async def drive(timer, fired):
        timer.set(due_ns)
        await fired.reach(1)
        await asyncio.sleep(0.05)

    (fired_ns,) = firing(kind, drive)
    assert fired_ns >= due_ns


@pytest.mark.parametrize("kind", TIMERS)
def test_a_time_that_has_passed_fires_immediately(kind):
    """Also one before the clock began."""

    async def drive(timer, fired):
        timer.set(time.monotonic_ns() - 5 * MS)
        await fired.reach(1)
        timer.set(0)
        await fired.reach(2)

    assert 2 == len(firing(kind, drive))


@pytest.mark.parametrize("kind", TIMERS)
def test_a_new_time_replaces_the_old(kind):
    """Earlier or later, only the last one fires."""
    due_ns = []

    async def drive(timer, fired):
        due_ns.append(time.monotonic_ns() + 10 * MS)
        timer.set(due_ns[0] + 60_000 * MS)
        timer.set(due_ns[0])
        await fired.reach(1)
        due_ns.append(time.monotonic_ns() + 400 * MS)
        timer.set(due_ns[1] - 100 * MS)
        timer.set(due_ns[1])
        await fired.reach(2)

    first_ns, second_ns = firing(kind, drive)
    assert first_ns >= due_ns[0]
    assert second_ns >= due_ns[1]


@pytest.mark.parametrize("kind", TIMERS)
def test_a_closed_timer_is_silent(kind):
    """Nothing fires any more, and closing again does no harm."""

    async def drive(timer, _):
        timer.set(time.monotonic_ns() + 20 * MS)
        timer.close()
        await asyncio.sleep(0.05)

    assert [] == firing(kind, drive)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_a_closed_timer_frees_its_descriptor():
    """A run opens one scheduler for every upstream."""

    def open_descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    async def main():
        loop = asyncio.get_running_loop()
        before = open_descriptors()
        for _ in range(3):
            make_timer(loop, lambda: None).close()
        assert before == open_descriptors()

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has timerfd")
def test_linux_gets_the_timer_of_the_kernel():
    """The most precise timer is the default."""

    async def main():
        timer = make_timer(asyncio.get_running_loop(), lambda: None)
        timer.close()
        return type(timer)

    assert TimerfdTimer is asyncio.run(main())


@pytest.mark.parametrize("kind", TIMERS)
def test_a_scheduler_makes_five_hundred_calls_in_time(kind):
    """Calls of many streams: all made, in order, none early."""
    made = []

    async def main():
        loop = asyncio.get_running_loop()
        scheduler = Scheduler(timer=lambda fire: kind(loop, fire))
        start = time.monotonic_ns()
        done = asyncio.Event()
        dues = [start + (number * 7919 % 100_000) * 1000 for number in range(500)]
        for due_ns in dues:
            scheduler.call_at(
                due_ns, lambda due=due_ns: made.append((due, time.monotonic_ns()))
            )
        scheduler.call_at(start + 101 * MS, done.set)
        async with asyncio.timeout(30):
            await done.wait()
        scheduler.close()
        assert 501 == len(scheduler.lateness_ns)
        assert min(scheduler.lateness_ns) >= 0

    asyncio.run(main())
    assert sorted(due for due, _ in made) == [due for due, _ in made]
    assert all(at >= due for due, at in made)

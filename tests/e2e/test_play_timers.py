"""The alarms of the system: they ring after their time, once, and can be moved."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from harness.play.upstream.scheduler import Pacer
from harness.play.upstream.timers import ThreadAlarm, TimerfdAlarm, make_alarm

pytestmark = pytest.mark.e2e

MS = 1_000_000
ALARMS = [
    pytest.param(
        TimerfdAlarm,
        marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux has timerfd"),
    ),
    ThreadAlarm,
]


def ringing(kind, drive):
    """Drive an alarm; return when it rang, relative to the start."""
    rang = []

    async def main():
        started = time.monotonic_ns()
        loop = asyncio.get_running_loop()
        alarm = kind(loop, lambda: rang.append(time.monotonic_ns() - started))
        try:
            await drive(alarm, started)
        finally:
            alarm.close()
        await asyncio.sleep(0.02)

    asyncio.run(main())
    return rang


@pytest.mark.parametrize("kind", ALARMS)
def test_an_alarm_rings_once_after_its_time(kind):
    """It is silent before, and after it rang."""

    async def drive(alarm, started):
        alarm.set(started + 20 * MS)
        await asyncio.sleep(0.1)

    (rang_ns,) = ringing(kind, drive)
    assert rang_ns >= 20 * MS


@pytest.mark.parametrize("kind", ALARMS)
def test_a_time_that_has_passed_rings_at_once(kind):
    """Also one before the clock began."""

    async def drive(alarm, started):
        alarm.set(started - 5 * MS)
        await asyncio.sleep(0.03)
        alarm.set(0)
        await asyncio.sleep(0.03)

    assert 2 == len(ringing(kind, drive))


@pytest.mark.parametrize("kind", ALARMS)
def test_a_new_time_replaces_the_old(kind):
    """Earlier or later, only the last one rings."""

    async def drive(alarm, started):
        alarm.set(started + 10_000 * MS)
        alarm.set(started + 10 * MS)
        await asyncio.sleep(0.05)
        alarm.set(started + 60 * MS)
        alarm.set(started + 90 * MS)
        await asyncio.sleep(0.1)

    first_ns, second_ns = ringing(kind, drive)
    assert first_ns >= 10 * MS
    assert second_ns >= 90 * MS


@pytest.mark.parametrize("kind", ALARMS)
def test_a_closed_alarm_is_silent(kind):
    """Nothing rings any more, and closing again does no harm."""

    async def drive(alarm, started):
        alarm.set(started + 20 * MS)
        alarm.close()
        await asyncio.sleep(0.05)

    assert [] == ringing(kind, drive)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
def test_a_closed_alarm_frees_its_descriptor():
    """A run opens one pacer for every upstream."""

    def open_descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    async def main():
        loop = asyncio.get_running_loop()
        before = open_descriptors()
        for _ in range(3):
            make_alarm(loop, lambda: None).close()
        assert before == open_descriptors()

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has timerfd")
def test_linux_gets_the_timer_of_the_kernel():
    """The most precise alarm is the default."""

    async def main():
        alarm = make_alarm(asyncio.get_running_loop(), lambda: None)
        alarm.close()
        return type(alarm)

    assert TimerfdAlarm is asyncio.run(main())


@pytest.mark.parametrize("kind", ALARMS)
def test_a_pacer_makes_five_hundred_calls_in_time(kind):
    """Calls of many streams: all made, in order, none early."""
    made = []

    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(alarm=lambda ring: kind(loop, ring))
        start = time.monotonic_ns()
        done = asyncio.Event()
        dues = [start + (number * 7919 % 100_000) * 1000 for number in range(500)]
        for due_ns in dues:
            pacer.call_at(
                due_ns, lambda due=due_ns: made.append((due, time.monotonic_ns()))
            )
        pacer.call_at(start + 101 * MS, done.set)
        async with asyncio.timeout(10):
            await done.wait()
        pacer.close()
        assert 501 == len(pacer.lateness_ns)
        assert min(pacer.lateness_ns) >= 0

    asyncio.run(main())
    assert sorted(due for due, _ in made) == [due for due, _ in made]
    assert all(at >= due for due, at in made)

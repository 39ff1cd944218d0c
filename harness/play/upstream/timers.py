"""Alarm clocks: each wakes the event loop once, at an absolute monotonic time.

The loop's own timers are late by 0.6 ms at the median, because epoll counts in
milliseconds and rounds up; a timer of the kernel is late by some 60 µs, a thread by
some 90 µs (``research/PERF.md``, section 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from harness.units import NS_PER_S

__all__ = ["Alarm", "ThreadAlarm", "TimerfdAlarm", "make_alarm"]

_TFD_TIMER_ABSTIME = 1  # <sys/timerfd.h>


class Alarm(Protocol):
    """Wakes the loop; waking too early is allowed, too late is what it avoids."""

    def set(self, due_ns: int) -> None:
        """Ring at this time of CLOCK_MONOTONIC; replaces what was set before."""

    def close(self) -> None:
        """Free what the alarm holds; it does not ring any more."""


def make_alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """Return the most precise alarm that this system has.

    Args:
        loop: Where ``ring`` is called.
        ring: What is called when the time has come.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError, NotImplementedError):
            return TimerfdAlarm(loop, ring)
    return ThreadAlarm(loop, ring)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerfdAlarm:
    """A timer of the kernel that the loop watches like a socket (Linux).

    Raises:
        OSError: If the kernel refuses the timer.
        AttributeError: If the C library has no timerfd.
        NotImplementedError: If the loop cannot watch a file descriptor.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._ring = ring
        # os.timerfd_create exists from Python 3.13 on.
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.timerfd_create(
            time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC
        )
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        try:
            loop.add_reader(self._fd, self._wake)
        except BaseException:
            os.close(self._fd)
            raise

    def set(self, due_ns: int) -> None:
        """See `Alarm`. A time that has passed rings at once."""
        # A value of zero would disarm the timer.
        seconds, nanoseconds = divmod(max(due_ns, 1), NS_PER_S)
        spec = _Itimerspec(value=_Timespec(seconds, nanoseconds))
        failed = self._libc.timerfd_settime(
            self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None
        )
        if failed:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def close(self) -> None:
        """See `Alarm`."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _wake(self) -> None:
        # Set anew since it rang, the timer has nothing to read.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._ring()


class ThreadAlarm:
    """A thread that sleeps until the time has come; for every other system."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._ring = ring
        self._changed = threading.Condition()
        self._due_ns: int | None = None
        self._closed = False
        self._thread = threading.Thread(
            target=self._run, name="harness-pacer", daemon=True
        )
        self._thread.start()

    def set(self, due_ns: int) -> None:
        """See `Alarm`."""
        with self._changed:
            self._due_ns = due_ns
            self._changed.notify()

    def close(self) -> None:
        """See `Alarm`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                if self._due_ns is None:
                    self._changed.wait()
                    continue
                left_ns = self._due_ns - time.monotonic_ns()
                if left_ns > 0:
                    self._changed.wait(left_ns / NS_PER_S)
                    continue
                self._due_ns = None
                # The loop may have ended without closing us.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._ring)

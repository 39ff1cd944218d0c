"""Timers: each wakes the event loop once, at an absolute monotonic time.

The loop's own timers are late by 0.6 ms at the median, because epoll counts in
milliseconds and rounds up; a kernel timer is late by about 60 µs, a thread by about
90 µs.
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

__all__ = ["ThreadTimer", "Timer", "TimerfdTimer", "make_timer"]

_TFD_TIMER_ABSTIME = 1  # <sys/timerfd.h>


class Timer(Protocol):
    """Wakes the loop, never late by choice; it may be early."""

    def set(self, due_ns: int) -> None:
        """Fire at this time of CLOCK_MONOTONIC, in place of an earlier setting."""

    def close(self) -> None:
        """Free the timer; it does not fire any more."""


def make_timer(loop: asyncio.AbstractEventLoop, on_fire: Callable[[], None]) -> Timer:
    """Return the most precise timer that this system has.

    Args:
        loop: Where ``on_fire`` is called.
        on_fire: Called when it fires.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError, NotImplementedError):
            return TimerfdTimer(loop, on_fire)
    return ThreadTimer(loop, on_fire)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerfdTimer:
    """A timer of the kernel that the loop watches like a socket (Linux).

    Raises:
        OSError: If the kernel refuses the timer.
        AttributeError: If the C library has no timerfd.
        NotImplementedError: If the loop cannot watch a file descriptor.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_fire: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._on_fire = on_fire
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
        """See `Timer`. A time in the past fires immediately."""
        # A value of zero would disarm the timer.
        seconds, nanoseconds = divmod(max(due_ns, 1), NS_PER_S)
        spec = _Itimerspec(value=_Timespec(seconds, nanoseconds))
        failed = self._libc.timerfd_settime(
            self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None
        )
        if failed:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def close(self) -> None:
        """See `Timer`."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _wake(self) -> None:
        # Where it was set again after it fired, there is nothing to read.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._on_fire()


class ThreadTimer:
    """A thread that sleeps until the time; for every other system."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_fire: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._on_fire = on_fire
        self._changed = threading.Condition()
        self._due_ns: int | None = None
        self._closed = False
        self._thread = threading.Thread(
            target=self._run, name="harness-scheduler", daemon=True
        )
        self._thread.start()

    def set(self, due_ns: int) -> None:
        """See `Timer`."""
        with self._changed:
            self._due_ns = due_ns
            self._changed.notify()

    def close(self) -> None:
        """See `Timer`."""
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
                    self._loop.call_soon_threadsafe(self._on_fire)

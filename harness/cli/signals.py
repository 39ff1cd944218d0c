"""Signals that stop a run: it ends what it started, and decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

__all__ = ["cancel_on_signals"]


@contextlib.contextmanager
def cancel_on_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP cancel the current task once; it cleans up."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        # A second signal must not interrupt the cleanup.
        if not stopping and task is not None:
            stopping = True
            task.cancel()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)

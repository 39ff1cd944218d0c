"""Signals that stop a run: what was started is ended, and nothing was decided."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

__all__ = ["cancel_on_signals"]


@contextlib.contextmanager
def cancel_on_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP cancel the task, once, so that it cleans up."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        # A second signal must not cut the cleaning up short.
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

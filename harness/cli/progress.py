"""A progress bar for work in several processes, and the end of it by signals."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from harness.errors import InterruptedRunError
from harness.play.workers import map_in_order

__all__ = ["map_with_progress"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def map_with_progress(
    work: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int, *, quiet: bool
) -> list[_Result]:
    """Return ``work(item)`` for every item, in order, and show the progress.

    Raises:
        InterruptedRunError: A signal stopped it; no process is left.
        EvidenceError: A process died.
    """
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("  "), BarColumn(bar_width=24), MofNCompleteColumn())
    hidden = quiet or not console.is_terminal
    found = []
    with (
        _interruptible(),
        Progress(*columns, console=console, transient=True, disable=hidden) as shown,
    ):
        task = shown.add_task("", total=len(items))
        for result in map_in_order(work, items, jobs):
            found.append(result)
            shown.advance(task)
    return found


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the work, after its processes.

    An interrupt may arrive within library code that swallows it or fails because of it,
    such as the start of a process; it counts all the same.
    """
    stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        # A second signal must not interrupt the cleanup.
        if not stopped:
            stopped = True
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    except BaseException:
        if not stopped:
            raise
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if stopped:
        raise InterruptedRunError

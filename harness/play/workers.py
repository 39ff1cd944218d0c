"""Work shared by several processes, with the results in order.

A result depends on its item alone, so any number of processes gives the same results in
the same order as one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import TypeVar

from harness.errors import EvidenceError

__all__ = ["default_jobs", "map_in_order"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD = 4
"""Items in the queue for each process: none idles, and memory stays bounded."""


def default_jobs() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def map_in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], jobs: int
) -> Iterator[_Result]:
    """Yield ``work(item)`` for every item, in order.

    Args:
        work: A function at the top of its module; it and the items are pickled.
        items: Taken as they are needed.
        jobs: Number of processes; with 1 none is started.

    Raises:
        EvidenceError: A process died.
    """
    if jobs == 1:
        yield from map(work, items)
        return
    # Not forked: a progress display has a thread, and its locks would be copied.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(sys.path,))
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= jobs * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        message = "a worker process died (out of memory?)"
        raise EvidenceError(message) from None
    except (KeyboardInterrupt, GeneratorExit):
        # Nobody waits for the results, and running work may take long.
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(path: list[str]) -> None:
    """Set up a worker like its parent, and end it when its parent ends."""
    # Relays of the user are found from the folder in which the parent was started.
    sys.path[:] = path
    # The parent decides; an interrupted worker would only add its traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)

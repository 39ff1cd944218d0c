"""The order and the number of items for workers; the processes are stand-ins."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from harness.errors import EvidenceError
from harness.play import workers
from harness.play.workers import default_jobs, map_in_order


class Pool:
    """A pool of processes that works when it is asked for a result."""

    def __init__(self, *_, **__):
        self.submitted = []
        self.ended = None

    def submit(self, work, item):
        self.submitted.append(item)
        future = Future()
        try:
            future.set_result(work(item))
        except BrokenProcessPool as error:
            future.set_exception(error)
        return future

    def shutdown(self, **options):
        self.ended = options


@pytest.fixture
def pool(monkeypatch):
    """Put a stand-in in place of the processes."""
    pool = Pool()
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda *_, **__: pool)
    return pool


def test_one_job_starts_nothing_and_takes_items_as_they_are_needed(pool):
    """An endless source is no harm."""
    taken = []

    def source():
        for number in range(1000):
            taken.append(number)
            yield number

    results = map_in_order(abs, source(), 1)
    assert [0, 1] == [next(results), next(results)]
    assert ([0, 1], []) == (taken, pool.submitted)


def test_workers_get_few_items_ahead_of_their_results(pool):
    """Four for each process: memory stays bounded however many items there are."""
    results = map_in_order(abs, range(-100, 0), 2)
    assert 100 == next(results)
    assert 8 == len(pool.submitted)
    assert 99 == next(results)
    assert 9 == len(pool.submitted)
    assert list(range(98, 0, -1)) == list(results)
    assert {"wait": True, "cancel_futures": True} == pool.ended


def test_a_process_that_died_is_missing_evidence(pool):
    """The pool is shut down all the same."""

    def die(_):
        raise BrokenProcessPool

    with pytest.raises(EvidenceError, match="a worker process died"):
        list(map_in_order(die, [1], 2))
    assert pool.ended is not None


def test_a_caller_that_stops_ends_what_is_running(pool, monkeypatch):
    """Nobody waits for the rest."""
    ended = []

    class Child:
        def terminate(self):
            ended.append(self)

    monkeypatch.setattr(workers.multiprocessing, "active_children", lambda: [Child()])
    results = map_in_order(abs, range(100), 2)
    next(results)
    results.close()
    assert 1 == len(ended)
    assert pool.ended is not None


def test_by_default_every_processor_is_used(monkeypatch):
    """Those that this process may use."""
    monkeypatch.setattr(workers.os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert 3 == default_jobs()

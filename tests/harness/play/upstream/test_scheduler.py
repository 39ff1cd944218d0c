"""The heap of calls, under a clock and a timer of the test."""

from __future__ import annotations

import pytest

from harness.play.upstream.scheduler import Scheduler


class Bench:
    """A clock that stands until it is moved, and a timer that notes its times."""

    def __init__(self):
        self.now_ns = 0
        self.set_for: list[int] = []
        self.closed = False
        self.fire = None
        self.scheduler = Scheduler(clock=lambda: self.now_ns, timer=self._make)
        self.calls: list[str] = []

    def _make(self, fire):
        self.fire = fire
        return self

    def set(self, due_ns):
        self.set_for.append(due_ns)

    def close(self):
        self.closed = True

    def call_at(self, due_ns, name):
        return self.scheduler.call_at(due_ns, lambda: self.calls.append(name))

    def wake(self, now_ns):
        self.now_ns = now_ns
        self.fire()


@pytest.fixture
def bench():
    """Return a scheduler under control."""
    return Bench()


def test_nothing_is_called_before_its_time(bench):
    """A timer that fires early is set again, and calls nothing."""
    bench.call_at(100, "a")
    bench.wake(99)
    assert [] == bench.calls
    bench.wake(100)
    assert ["a"] == bench.calls
    assert [100, 100] == bench.set_for


def test_calls_are_made_in_the_order_of_their_times(bench):
    """Equal times keep the order of scheduling; all due calls need one waking."""
    for due_ns, name in [(30, "c"), (10, "a"), (30, "d"), (20, "b"), (50, "e")]:
        bench.call_at(due_ns, name)
    bench.wake(30)
    assert ["a", "b", "c", "d"] == bench.calls
    assert 50 == bench.set_for[-1]


def test_an_earlier_call_sets_the_timer_again(bench):
    """The timer is set for the earliest call, and not touched for later ones."""
    bench.call_at(30, "b")
    bench.call_at(40, "c")
    bench.call_at(10, "a")
    assert [30, 10] == bench.set_for


def test_lateness_is_measured_for_each_call(bench):
    """A call that is made after its time says by how much."""
    bench.call_at(10, "a")
    bench.call_at(25, "b")
    bench.wake(26)
    assert [16, 1] == list(bench.scheduler.lateness_ns)


def test_a_cancelled_call_is_not_made(bench):
    """Cancelling drops the call, whether it was the earliest or not."""
    first = bench.call_at(10, "a")
    bench.call_at(20, "b")
    first.cancel()
    bench.wake(20)
    assert (["b"], 1) == (bench.calls, len(bench.scheduler.lateness_ns))


def test_a_call_that_schedules_a_due_call_needs_no_second_waking(bench):
    """A script's next write that is due already follows immediately."""
    bench.scheduler.call_at(10, lambda: bench.call_at(15, "next"))
    bench.wake(20)
    assert ["next"] == bench.calls


def test_a_burst_leaves_the_loop_its_turns(bench):
    """After 32 calls the loop gets a turn, and the timer fires again immediately."""
    for number in range(40):
        bench.call_at(10, str(number))
    bench.wake(10)
    assert 32 == len(bench.calls)
    assert [10, 10] == bench.set_for
    bench.wake(10)
    assert [str(number) for number in range(40)] == bench.calls


def test_a_call_that_fails_does_not_stop_the_others(bench):
    """The error passes on to the loop, and what is left is armed again."""

    def fail():
        raise RuntimeError("as planned")

    bench.scheduler.call_at(10, fail)
    bench.call_at(10, "b")
    with pytest.raises(RuntimeError, match="as planned"):
        bench.wake(10)
    bench.wake(10)
    assert ["b"] == bench.calls


def test_closing_frees_the_timer(bench):
    """Nothing is called after the scheduler was closed."""
    bench.call_at(10, "a")
    bench.scheduler.close()
    bench.wake(10)
    assert ([], True) == (bench.calls, bench.closed)

"""What waits between an upstream and a client that does not read is bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.checks.backpressure import check_backpressure, most_buffered_bytes
from harness.judge.oracle.expectation import Duty
from harness.judge.verdict import Decision, Verdict, decide, verdict_of
from harness.scenario.model import ClientPlan, Pause, ReadPlan

WORDS = [f"word {number:03d} " + "x" * 1500 for number in range(200)]
WINDOW = 4096


def scenario(bench, read: ReadPlan, deadline_ms: float | None = None):
    """300 KB at once, for a client that reads so."""
    plan = ClientPlan(read=read, receive_buffer=WINDOW, deadline_ms=deadline_ms)
    return bench.scenario(bench.response(bench.answer(*WORDS), itl_ms=1), client=plan)


SLOW = ReadPlan(bytes_per_s=200_000)
PAUSE = ReadPlan(pause=Pause(after_bytes=10_000, for_ms=30_000))
NEVER = ReadPlan(pause=Pause(after_bytes=10_000, for_ms=None))


@pytest.mark.parametrize("relay", ["proxy.v1:make_relay", "proxy.v2:make_relay"])
@pytest.mark.parametrize("read", [SLOW, PAUSE])
def test_nothing_is_lost_or_doubled_when_it_reads_on(bench, relay, read):
    """The upstream waits, and the text is whole in the end."""
    seen = bench.play(relay, scenario(bench, read))

    assert [] == bench.kinds(seen)
    assert "complete" == seen.outcome
    assert most_buffered_bytes(seen.observation) < 2 * WINDOW
    # What the client waits for is its own doing.
    assert () == seen.holds_ns


@pytest.mark.parametrize("relay", ["proxy.v1:make_relay", "proxy.v2:make_relay"])
def test_client_that_never_reads_again_leaves_the_upstream_unread(bench, relay):
    """It leaves at its deadline; until then the upstream is not drained."""
    seen = bench.play(relay, scenario(bench, NEVER, deadline_ms=60_000))
    request = seen.observation.upstream[0]

    assert [] == bench.kinds(seen)
    assert "aborted" == seen.outcome
    assert not request.finished
    assert request.taken[-1][1] < 10_000 + 3 * WINDOW
    assert 60_000_000_000 == request.closed_at_ns


@pytest.mark.parametrize("read", [SLOW, PAUSE])
def test_relay_that_takes_all_there_is_turns_the_gate_red(bench, read):
    """Held back inside the target, the whole stream waits there."""
    wanted = scenario(bench, read)
    right = bench.play("proxy.v2:make_relay", wanted)
    wrong = bench.play("tests.planted.relays:hold_to_end", wanted)
    result = verdict_of([right], [wrong])

    assert "unbounded_buffer" in bench.kinds(wrong)
    assert Verdict.REGRESSION is result.verdict
    assert Decision.NO_GO is decide([result])
    assert "unbounded_buffer" in result.reason


def test_timers_stand_still_while_the_client_does_not_read(bench):
    """A reader that is slow is no upstream that is silent: no timeout may ring."""
    read = ReadPlan(pause=Pause(after_bytes=10_000, for_ms=900_000))
    seen = bench.play("proxy.v2:make_relay", scenario(bench, read))

    assert [] == bench.kinds(seen)
    assert "complete" == seen.outcome


@pytest.mark.parametrize(("taken", "count"), [(160, 0), (161, 1)])
def test_window_one_event_and_an_allowance_may_wait(bench, taken, count):
    """A target that looks at whole events must hold the largest one."""
    seen = bench.observed([])
    request = replace(seen.upstream[0], taken=((1, taken),))
    seen = replace(seen, upstream=(request,))
    duty = Duty(client_window_bytes=100, largest_event_bytes=50)

    assert count == len(list(check_backpressure(duty, seen, 10)))
    assert [] == list(check_backpressure(Duty(), seen, 10))

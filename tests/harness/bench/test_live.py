"""The order of runs, and what is refused; targets and generators are stand-ins."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from harness.bench import live as module
from harness.bench.live import bench_live
from harness.bench.readers import LoadResult
from harness.bench.workload import Workload
from harness.config import Proof, Target
from harness.errors import EvidenceError
from harness.judge.oracle.oracle import Contract

WORKLOAD = Workload(streams=100, events=10, rate=5)


def target(name: str, **more) -> Target:
    """A target by its name."""
    return Target(name=name, contract=Contract.TRANSPARENT, **more)


@pytest.fixture
def order(monkeypatch):
    """Return what was run, in order, by stand-ins for the targets."""
    order = []

    class Arm:
        def __init__(self, name):
            self.name = name

        async def run(self, workload):
            order.append((self.name, workload))
            return f"run {len(order)}"

    @asynccontextmanager
    async def arm(one):
        order.append((one.name, "started"))
        yield Arm(one.name)
        order.append((one.name, "ended"))

    monkeypatch.setattr(module, "_arm", arm)
    return order


def bench(*names, spawns=1, blocks=1):
    """Bench targets; return the spawns and the lines of progress."""
    lines = []
    found = asyncio.run(
        bench_live(
            [target(name) for name in names],
            WORKLOAD,
            spawns=spawns,
            blocks=blocks,
            on_progress=lines.append,
        )
    )
    return found, lines


def measured(order) -> str:
    """The names of what was measured, in order."""
    return "".join(name for name, what in order if what == WORKLOAD)


def test_every_block_runs_forward_and_backward(order):
    """And the next one begins with the next target: a drift falls on all alike."""
    [spawn], lines = bench("a", "b", "c", blocks=2)
    assert "abccba" + "bcaacb" == measured(order)
    assert {"a": 4, "b": 4, "c": 4} == {name: len(runs) for name, runs in spawn.items()}
    assert (12, "spawn 1 of 1: a") == (len(lines), lines[0])


def test_every_other_spawn_turns_the_order(order):
    """Fresh processes each time, and the result names them as before."""
    spawns, _ = bench("a", "b", spawns=2)
    assert "abba" + "baab" == measured(order)
    assert [["a", "b"], ["a", "b"]] == [list(spawn) for spawn in spawns]
    assert 4 == sum(what == "started" for _, what in order)
    assert 4 == sum(what == "ended" for _, what in order)


def test_every_target_warms_up_before_it_is_measured(order):
    """With few streams, without a pace; what that took is not in the result."""
    bench("a", "b")
    warm = [one for one in order if one[1] not in {"started", "ended"}][:2]
    assert [("a", 20, 0), ("b", 20, 0)] == [
        (name, load.streams, load.rate) for name, load in warm
    ]


def result(events=10, headers=()) -> LoadResult:
    """What a load brought."""
    return LoadResult(
        events=events,
        lost=0,
        unfinished=0,
        wall_ns=1,
        ttft_ns=[],
        delay_ns=[],
        headers=headers,
    )


def run_once(monkeypatch, found, *, usage=(), **more):
    """Run a load through one target; its usage is read in this order."""
    readings = list(usage)

    async def configure(generator, workload):
        return None

    async def run_load(url, workload, headers, *, deadline_s):
        if isinstance(found, Exception):
            raise found
        return found

    class Meter:
        def __init__(self, pid, name):
            pass

        def read(self):
            return readings.pop(0)

    monkeypatch.setattr(module, "_configure", configure)
    monkeypatch.setattr(module, "run_load", run_load)
    monkeypatch.setattr(module, "UsageMeter", Meter)
    pid = 1 if usage else None
    running = SimpleNamespace(target=target("v2", **more), url="http://u", pid=pid)
    return asyncio.run(module._Arm(running, None).run(WORKLOAD))


def test_cost_is_the_difference_of_two_readings(monkeypatch):
    """Memory has an idle value and a peak; the peak may be the last reading."""
    run = run_once(monkeypatch, result(), usage=[(1.0, 100), (3.5, 170)])
    assert (2.5, 100, 170) == (run.cpu_s, run.idle_bytes, run.peak_bytes)


def test_a_target_that_was_not_started_here_has_no_cost(monkeypatch):
    """Its processes are not known."""
    run = run_once(monkeypatch, result())
    assert (None, None, None) == (run.cpu_s, run.idle_bytes, run.peak_bytes)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (result(events=0), "no event came through target v2"),
        (ConnectionRefusedError("refused"), "target v2: refused"),
    ],
)
def test_a_target_that_brings_nothing_is_missing_evidence(monkeypatch, found, words):
    """No ratio could be computed."""
    with pytest.raises(EvidenceError, match=words):
        run_once(monkeypatch, found)


@pytest.mark.parametrize(
    ("headers", "right"),
    [(((b"x-arm", b"v2"),), True), (((b"x-arm", b"v1"),), False), ((), False)],
)
def test_a_target_that_is_another_one_is_refused(monkeypatch, headers, right):
    """Two benches of one architecture would look like a good candidate."""
    proof = Proof(header=("X-Arm", "v2"))
    if right:
        assert run_once(monkeypatch, result(headers=headers), proof=proof)
    else:
        words = "target v2 must answer with the header X-Arm: v2, but does not"
        with pytest.raises(EvidenceError, match=words):
            run_once(monkeypatch, result(headers=headers), proof=proof)

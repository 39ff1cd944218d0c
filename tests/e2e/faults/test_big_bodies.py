"""Twenty megabytes go through, whole, and what is made of an event costs the same."""

from __future__ import annotations

import time
import zlib

import pytest

from harness.faults.registry import FaultCall
from harness.play.gc_pause import gc_paused
from harness.play.upstream.response_writer import sends
from tests.e2e.faults.raw import Asked
from tests.e2e.faults.stage import play_all, wire_of
from tests.e2e.faults.stream import TEXT, D, F, H, R

pytestmark = pytest.mark.e2e

SIZE = 20_000_000
GIANT = FaultCall(name="giant_event", parameters={"size": SIZE, "at": {"event": 2}})


@pytest.mark.parametrize(
    "more",
    [
        [],
        [FaultCall(name="segment", parameters={"size": 65_536})],
        [FaultCall(name="content_encoding", parameters={})],
    ],
    ids=["chunk", "pieces", "gzip"],
)
def test_twenty_megabytes_are_sent_whole(more):
    """In one chunk, in many, compressed."""
    wire = wire_of(TEXT, (GIANT, *more))
    (found,) = play_all([(wire, Asked())])
    assert not isinstance(found, BaseException)
    (seen,) = found
    body = zlib.decompress(seen.body, 31) if wire.delivery.coding else seen.body
    assert len(body) > SIZE
    assert body == wire.body
    assert seen.end == "fin"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("chunking", {"mode": "mid_event"}),
        ("chunking", {"mode": "per_event"}),
        ("segment", {"size": 40}),
        ("content_encoding", {}),
        ("pace", {"itl_ms": 1}),
        ("trickle", {"at": {"event": 5}, "count": 300}),
        ("stall", {"at": {"event": 300}, "for_ms": 100, "keepalive_ms": 20}),
        ("close_at", {"at": {"event": -9}}),
    ],
)
def test_four_times_the_events_take_four_times_as_long(name, parameters):
    """With a wide margin; what is quadratic takes sixteen times as long."""
    took = []
    for count in (2_000, 8_000):
        call = FaultCall(name=name, parameters=parameters)
        best = min(_seconds(count, call) for _ in range(2))
        took.append(best)
    assert took[1] < 10 * took[0] + 0.05


def _seconds(count: int, call: FaultCall) -> float:
    with gc_paused():
        started = time.process_time()
        sends(wire_of((R, *[H] * count, F, D), (call,)))
        return time.process_time() - started

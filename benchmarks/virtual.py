"""Virtual time: nanoseconds per event, and whether runs repeat to the bit."""

from __future__ import annotations

import hashlib
import os
import time

from harness.cassette.model import Ending, EndingKind, Request, Response, Segment
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import RelayFactory, load_relay
from harness.scenario.model import Answer, ExchangePlan, Scenario
from harness.scenario.script import Script, make_script

EVENTS = 2000
RUNS = 100


def script(events: int) -> Script:
    """Return an answer of this many deltas, 20 ms apart."""
    delta = b'data: {"choices":[{"index":0,"delta":{"content":" word%d"}}]}\n\n'
    segments = tuple(
        Segment(at_ns=20_000_000 * index, data=delta % index) for index in range(events)
    )
    request = Request(method="POST", path="/v1/chat/completions", headers=(), body=b"")
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(
            ("Content-Type", "text/event-stream"),
            ("Transfer-Encoding", "chunked"),
        ),
        segments=segments,
        ending=Ending(at_ns=20_000_000 * events, kind=EndingKind.COMPLETE),
    )
    scenario = Scenario(
        id="benchmark/virtual",
        why="measured",
        tags=(),
        exchange=ExchangePlan(
            request=request, answers=(Answer(response=response, recorded=False),)
        ),
    )
    return make_script(scenario, seed=1)


def main() -> None:
    print("load", *(f"{load:.2f}" for load in os.getloadavg()))
    played = script(EVENTS)
    for name in ("proxy.v1:make_relay", "proxy.v2:make_relay"):
        best = min(timed(load_relay(name), played) for _ in range(9))
        print(f"{name}: {best / EVENTS / 1000:.1f} us an event, relay included")
    factory, short = load_relay("proxy.v2:make_relay"), script(100)
    digests = {
        hashlib.sha256(repr(play_virtual("t", factory, short, {})).encode()).digest()
        for _ in range(RUNS)
    }
    print(f"{RUNS} runs, {len(digests)} digest(s)")


def timed(factory: RelayFactory, played: Script) -> int:
    start = time.perf_counter_ns()
    play_virtual("t", factory, played, {})
    return time.perf_counter_ns() - start


if __name__ == "__main__":
    main()

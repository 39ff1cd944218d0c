"""Cost of the pure cores, per event, as ratios to `orjson.loads` alone."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import orjson
from tabulate import tabulate

from harness.dialects.openai_chat.payload import parse_payload
from harness.sse.parser import EventStreamParser
from proxy.v1 import make_relay as make_v1
from proxy.v2 import make_relay as make_v2
from proxy.v2.events.event_parser import EventParser

ROUNDS = 15
COUNT = 2000
HEAD = ((b"content-type", b"text/event-stream"),)


def payload(index: int) -> bytes:
    """Return a chunk of about 300 bytes, as providers send them."""
    return (
        b'{"id":"chatcmpl-9yXb6KQp2Vd3mTn8Ls4RwZ1cJ7hF","object":"chat.completion.chunk",'
        b'"created":1795427072,"model":"qwen3-coder-plus","system_fingerprint":"fp_44709d",'
        b'"choices":[{"index":0,"delta":{"content":" word%d"},"logprobs":null,'
        b'"finish_reason":null}],"usage":null}' % index
    )


PAYLOADS = [payload(index) for index in range(COUNT)]
EVENTS = [b"data: " + data + b"\n\n" for data in PAYLOADS]
STREAM = b"".join(EVENTS)


def cut(data: bytes, size: int) -> list[bytes]:
    """Return reads of one size."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def loads_only() -> None:
    for data in PAYLOADS:
        orjson.loads(data)


def proxy_parser(reads: list[bytes]) -> Callable[[], None]:
    def run() -> None:
        parser = EventParser()
        for read in reads:
            for item in parser.feed(read):
                if item[0] == "event":
                    orjson.loads(item[1])

    return run


def relay(make: Callable, reads: list[bytes]) -> Callable[[], None]:
    def run() -> None:
        one = make({}, 0)
        one.handle(0, ("request", b"POST", b"/v1/chat/completions", (), b"{}"))
        one.handle(0, ("head", 200, HEAD))
        for read in reads:
            one.handle(1, ("data", read))
        one.handle(2, ("ended", "complete"))

    return run


def harness_parser(reads: list[bytes]) -> Callable[[], None]:
    def run() -> None:
        parser = EventStreamParser()
        for read in reads:
            for found in parser.feed(read):
                parse_payload(found.data)

    return run


def giant(size: int, read: int) -> Callable[[], None]:
    text = b"x" * size
    event = b'data: {"choices":[{"index":0,"delta":{"content":"' + text + b'"}}]}\n\n'
    reads = cut(event, read)
    return relay(make_v2, reads)


def measure(cases: dict[str, tuple[Callable[[], None], int]]) -> dict[str, list[float]]:
    """Return nanoseconds per unit for every case; every round runs all cases."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for round_ in range(ROUNDS):
        order = list(cases.items())
        for name, (run, units) in order if round_ % 2 else reversed(order):
            start = time.perf_counter_ns()
            run()
            times[name].append((time.perf_counter_ns() - start) / units)
    return times


def main() -> None:
    reads_1448 = cut(STREAM, 1448)
    cases = {
        "orjson.loads alone": (loads_only, COUNT),
        "proxy's parser + loads, an event a read": (proxy_parser(EVENTS), COUNT),
        "proxy's parser + loads, 1,448 B reads": (proxy_parser(reads_1448), COUNT),
        "relay v1, an event a read": (relay(make_v1, EVENTS), COUNT),
        "relay v2, an event a read": (relay(make_v2, EVENTS), COUNT),
        "relay v2, 1,448 B reads": (relay(make_v2, reads_1448), COUNT),
        "relay v2, one-byte reads": (
            relay(make_v2, cut(b"".join(EVENTS[:100]), 1)),
            100,
        ),
        "harness's parser + payload, an event a read": (harness_parser(EVENTS), COUNT),
    }
    times = measure(cases)
    floor = times["orjson.loads alone"]
    rows = []
    for name, found in times.items():
        ratios = [one / base for one, base in zip(found, floor, strict=True)]
        rows.append([name, min(found), statistics.median(ratios), min(ratios)])
    print(f"{len(PAYLOADS[0])}-byte events, {ROUNDS} interleaved rounds, load", end=" ")
    print(*(f"{load:.2f}" for load in os.getloadavg()))
    headers = ["per event", "ns (best)", "ratio (median)", "ratio (best)"]
    print(tabulate(rows, headers, floatfmt=("", ".0f", ".2f", ".2f")))
    sizes = {"10 kB event": 10_000, "100 kB event": 100_000, "1 MB event": 1_000_000}
    bytes_ = measure({name: (giant(size, 1448), size) for name, size in sizes.items()})
    base = min(bytes_["10 kB event"])
    rows = [[name, min(found), min(found) / base] for name, found in bytes_.items()]
    print()
    print(
        tabulate(
            rows, ["relay v2, 1,448 B reads", "ns a byte", "ratio"], floatfmt=".2f"
        )
    )


if __name__ == "__main__":
    main()

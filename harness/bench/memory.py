"""Runs in memory: the same stream through each relay, in this process."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.bench.workload import DONE, FINISH, REQUEST, event
from harness.dialects.registry import OPENAI_CHAT
from harness.errors import EvidenceError
from harness.play.gc_pause import gc_paused
from harness.play.virtual.relays import Relay, RelayFactory
from harness.sse import EVENT_STREAM

__all__ = ["RelayArm", "RelayFigures", "bench_relays"]

_OPEN = 200
"""Streams that are left open to measure what one keeps."""

_REQUEST = (
    "request",
    b"POST",
    OPENAI_CHAT.path.encode(),
    ((b"content-type", b"application/json"),),
    REQUEST,
)
_HEAD = ("head", 200, ((b"content-type", EVENT_STREAM.encode()),))


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayArm:
    """A relay under test.

    Attributes:
        name: The target's name.
        factory: Makes the relay of one stream.
        settings: Handed to the factory.
    """

    name: str
    factory: RelayFactory
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFigures:
    """What one relay costs.

    Attributes:
        name: The target's name.
        wall_ns: Nanoseconds per event, one value a round.
        cpu_ns: CPU nanoseconds per event, one value a round.
        first_ns: From the request to the first text sent, one value a round.
        peak_bytes: The most that one stream had allocated.
        kept_bytes: What it still had allocated after the last event.
        open_bytes: What one open stream keeps after its first event.
    """

    name: str
    wall_ns: Sequence[float]
    cpu_ns: Sequence[float]
    first_ns: Sequence[int]
    peak_bytes: int
    kept_bytes: int
    open_bytes: int


def bench_relays(
    arms: Sequence[RelayArm], *, events: int, rounds: int
) -> list[RelayFigures]:
    """Drive every relay through the same stream; every round turns the order.

    Args:
        arms: The relays.
        events: Text deltas of the stream, one in each read.
        rounds: Number of runs of each relay.

    Raises:
        EvidenceError: A relay did not pass on its input: its cost would mean nothing.
    """
    reads = [event(number, time.monotonic_ns()) for number in range(events)]
    wall: dict[str, list[float]] = {arm.name: [] for arm in arms}
    cpu: dict[str, list[float]] = {arm.name: [] for arm in arms}
    first: dict[str, list[int]] = {arm.name: [] for arm in arms}
    for arm in arms:
        _check(arm, reads)
    for round_ in range(rounds):
        for arm in arms if round_ % 2 else reversed(arms):
            spent, used, began = _timed(arm, reads)
            wall[arm.name].append(spent / events)
            cpu[arm.name].append(used / events)
            first[arm.name].append(began)
    found = []
    for arm in arms:
        peak, kept = _allocated(arm, reads)
        found.append(
            RelayFigures(
                name=arm.name,
                wall_ns=wall[arm.name],
                cpu_ns=cpu[arm.name],
                first_ns=first[arm.name],
                peak_bytes=peak,
                kept_bytes=kept,
                open_bytes=_open_bytes(arm, reads[0]),
            )
        )
    return found


def _opened(arm: RelayArm) -> Relay:
    relay = arm.factory(arm.settings, 0)
    relay.handle(0, _REQUEST)
    relay.handle(0, _HEAD)
    return relay


def _check(arm: RelayArm, reads: Sequence[bytes]) -> None:
    relay = _opened(arm)
    sent = [_sent(relay.handle(1, ("data", read))) for read in reads]
    sent.append(_sent(relay.handle(2, ("data", FINISH + DONE))))
    if b"".join(sent) != b"".join([*reads, FINISH, DONE]):
        raise EvidenceError(
            f"the relay of {arm.name} does not pass on a plain stream unchanged: "
            "its cost would mean nothing"
        )


def _sent(commands: Sequence[tuple[Any, ...]]) -> bytes:
    return b"".join(command[1] for command in commands if command[0] == "send")


def _timed(arm: RelayArm, reads: Sequence[bytes]) -> tuple[int, int, int]:
    """Return wall and CPU time of all events, and the time to the first text."""
    with gc_paused():
        begin = time.perf_counter_ns()
        relay = _opened(arm)
        handle = relay.handle
        handle(1, ("data", reads[0]))
        first = time.perf_counter_ns() - begin
        used, begin = time.process_time_ns(), time.perf_counter_ns()
        for read in reads:
            handle(1, ("data", read))
        spent = time.perf_counter_ns() - begin
        return spent, time.process_time_ns() - used, first


def _allocated(arm: RelayArm, reads: Sequence[bytes]) -> tuple[int, int]:
    gc.collect()
    tracemalloc.start()
    try:
        relay = _opened(arm)
        for read in reads:
            relay.handle(1, ("data", read))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak, kept


def _open_bytes(arm: RelayArm, read: bytes) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        relays = [_opened(arm) for _ in range(_OPEN)]
        for relay in relays:
            relay.handle(1, ("data", read))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept // len(relays)

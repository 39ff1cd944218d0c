"""Faults drawn at random, one on top of the other, are sent as the script says.

Here the script is what is believed; that each fault writes the right script is shown
case by case beside this. What is on the wire is held against it by hand.
"""

from __future__ import annotations

import zlib
from random import Random

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft
from harness.faults.registry import FaultCall, FaultError
from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stage import CASES, play_all, wire_of
from tests.e2e.faults.stream import TEXT, TEXT_WITH_USAGE, TOOLS

pytestmark = pytest.mark.e2e

COUNT = 120
LONGEST_MS = 2500
ENDS = {
    StreamEnd.COMPLETE: "fin",
    StreamEnd.TRUNCATED: "fin",
    StreamEnd.HALF_CLOSED: "fin",
    StreamEnd.RESET: "rst",
    StreamEnd.REFUSED: "rst",
    StreamEnd.STALL: "open",
}


def drawn(seed: int) -> tuple[tuple[FaultCall, ...], WireDraft]:
    """Draw two to four faults that go together, and what they make of a stream."""
    rng = Random(seed)
    while True:
        chosen = rng.sample(CASES, rng.randint(2, 4))
        calls = tuple(
            FaultCall(name=case.fault, parameters=case.parameters) for case in chosen
        )
        try:
            wire = wire_of(rng.choice([TEXT, TEXT_WITH_USAGE, TOOLS]), calls, seed)
        except FaultError:
            continue  # they do not go together, and say so
        if longest_ms(wire) < LONGEST_MS:
            return calls, wire


def longest_ms(wire: WireDraft) -> float:
    """Return how long it may take at most."""
    pieces = wire.delivery.send_sizes
    gaps_ns = len(wire.body) * pieces.gap_ns // min(pieces.sizes) if pieces else 0
    return (wire.end_at_ns + gaps_ns) / 1e6


def asked(wire: WireDraft) -> Asked:
    """Watch what stays open until a while after its last byte was due."""
    stalls = wire.end is StreamEnd.STALL
    return Asked(open_ms=wire.end_at_ns / 1e6 + 400 if stalls else 0.0)


DRAWN = [drawn(seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def played() -> list[list[Seen] | BaseException]:
    """What every composition put on the wire."""
    return play_all([(wire, asked(wire)) for _, wire in DRAWN])


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_composition_is_sent_as_the_script_says(seed, played):
    """Head, body, borders, times, ending."""
    found = played[seed]
    if isinstance(found, BaseException):
        raise found
    (seen,) = found
    _, wire = DRAWN[seed]
    assert ENDS[wire.end] == seen.end
    if wire.head_at_ns is None:
        assert seen.wire == b""
        return
    _check_head(seen, wire)
    if wire.delivery.coding is not None:
        window = 31 if wire.delivery.coding.name == "gzip" else 15
        plain = zlib.decompressobj(window).decompress(seen.body)
        assert wire.body.startswith(plain)
        if not wire.delivery.coding.cut:
            assert plain == wire.body
    elif wire.framing is Framing.CHUNKED:
        _check_chunks(seen, wire)
    else:
        assert wire.body + wire.delivery.surplus == seen.body
    if (
        wire.delivery.coding is None
        and wire.delivery.send_sizes is None
        and wire.delivery.heartbeat is None
    ):
        _check_times(seen, wire)


def _check_head(seen: Seen, wire: WireDraft) -> None:
    assert seen.wire.startswith(f"{wire.http_version} {wire.status} ".encode())
    head = seen.wire.partition(b"\r\n\r\n")[0] + b"\r\n"
    lines = [
        *(f"{name}: {value}" for name, value in wire.headers),
        *wire.delivery.raw_lines,
    ]
    place = 0
    for line in lines:
        place = head.index(line.encode("latin-1") + b"\r\n", place)


def _check_chunks(seen: Seen, wire: WireDraft) -> None:
    expected = []
    for write in wire.writes:
        if write.raw:
            line = write.data.removesuffix(b"\r\n")
            assert line == seen.bad_line
            break
        if write.data:
            expected.append(write.data)
    came = [data for _, data in seen.chunks]
    if wire.delivery.heartbeat is not None:
        beats = came[len(expected) :]
        assert set(beats) <= {wire.delivery.heartbeat.data}
        came = came[: len(expected)]
    assert expected == came
    assert wire.delivery.chunks.missing == seen.short
    whole = wire.end is StreamEnd.COMPLETE and seen.bad_line is None
    assert whole is seen.terminated
    if whole:
        assert wire.delivery.surplus == seen.tail


def _check_times(seen: Seen, wire: WireDraft) -> None:
    """No write comes before its time: what came by then is what was due by then."""
    due = [(wire.head_at_ns or 0, 0)]
    total, latest = 0, wire.head_at_ns or 0
    for write in wire.writes:
        latest = max(latest, write.at_ns)
        total += len(write.data)
        due.append((latest + wire.delivery.socket.accept_ns, total))
    came = 0
    for at_ns, read in seen.reads:
        came += len(read)
        allowed = max(size for when, size in due if when <= at_ns - seen.zero_ns)
        overhead = came - allowed
        chunk_marks = 40 * (len(wire.writes) + 2)
        assert overhead <= seen.body_start + chunk_marks
    if wire.end is StreamEnd.RESET:
        assert seen.end_ms >= wire.end_at_ns / 1e6

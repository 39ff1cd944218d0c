"""Relays in memory: figures of right ones, refusal of wrong ones."""

from __future__ import annotations

import pytest

from harness.bench.memory import RelayArm, bench_relays
from harness.errors import EvidenceError


class Plain:
    """Hands on what it gets; ``hoard`` keeps a copy, ``lose`` drops one event."""

    def __init__(self, *, hoard=False, lose=0, waste=0):
        self.kept = [] if hoard else None
        self.lose = lose
        self.waste = waste
        self.seen = 0

    def handle(self, now_ns, event):
        if event[0] != "data":
            return []
        self.seen += 1
        sum(range(self.waste))
        if self.kept is not None:
            self.kept.append(bytes(bytearray(event[1])))
        return [] if self.seen == self.lose else [("send", event[1])]


def arm(name, **made):
    """A relay under test, made so."""
    return RelayArm(name=name, factory=lambda _, __: Plain(**made), settings={})


def test_what_costs_more_shows_it_and_in_the_right_figure():
    """Time where it is wasted, memory where it is kept."""
    plain, hoarding, slow = bench_relays(
        [arm("plain"), arm("hoarding", hoard=True), arm("slow", waste=2000)],
        events=300,
        rounds=5,
    )
    assert hoarding.peak_bytes > plain.peak_bytes + 300 * 250
    assert hoarding.open_bytes > plain.open_bytes
    assert min(slow.cpu_ns) > 5 * min(plain.cpu_ns)
    assert len(plain.wall_ns) == len(plain.first_ns) == 5


def test_a_relay_that_loses_an_event_is_not_measured():
    """It would be a fast one."""
    with pytest.raises(EvidenceError, match="relay of lossy does not pass on"):
        bench_relays([arm("lossy", lose=7)], events=20, rounds=1)

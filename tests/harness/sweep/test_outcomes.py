"""How variants end by forks: as a play from the start does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cassette.files import read_cassette
from harness.cassette.model import Framing
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.from_cassettes import cassette_scenarios
from harness.scenario.script import make_script
from harness.sweep.model import SweepKind
from harness.sweep.outcomes import ForkedOutcomes, can_fork
from harness.sweep.snapshots import Unforkable, outcome_of
from harness.sweep.sweep import variant_of
from tests.planted.sweep import cannot_be_kept

ROOT = Path(__file__).parents[3]
CASSETTE = ROOT / "cassettes" / "recorded" / "stutter"
FILE = next(iter(sorted(CASSETTE.glob("*.yaml"))))
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


def scenario(path=PLAIN):
    """A recorded stream."""
    return cassette_scenarios([("x", str(path), read_cassette(path))])[0]


@pytest.mark.parametrize("relay", ["proxy.v1:make_relay", "proxy.v2:make_relay"])
@pytest.mark.parametrize(
    "kind", [kind for kind in SweepKind if kind is not SweepKind.BYTES]
)
@pytest.mark.parametrize("path", [PLAIN, FILE], ids=["plain", "stutter"])
def test_a_fork_ends_as_a_play_from_the_start(path, kind, relay):
    """Some bytes, both ends, in every kind: the same to the byte and nanosecond."""
    script = make_script(scenario(path), 1)
    size = len(script.drafts[0].body)
    ends = set()
    total = 0
    for write in script.drafts[0].writes:
        total += len(write.data)
        ends.add(total)
    offsets = [*range(1, size, size // 16)]
    if kind in {SweepKind.BORDER, SweepKind.HALVES}:
        offsets = [offset for offset in offsets if offset not in ends]
    else:
        offsets = [0, *offsets, size]
    factory = load_relay(relay)
    forked = list(ForkedOutcomes(script, factory, {}).outcomes(kind, offsets))

    for offset, outcome in zip(offsets, forked, strict=True):
        varied = make_script(variant_of(scenario(path), kind, offset), 1)
        assert outcome == outcome_of(play_virtual("t", factory, varied, {})), offset
    assert None not in forked


def test_a_relay_that_cannot_be_pickled_has_no_forks():
    """It says so at the first of them."""
    script = make_script(scenario(), 1)
    forked = ForkedOutcomes(script, cannot_be_kept, {})

    with pytest.raises(Unforkable, match="lock"):
        next(forked.outcomes(SweepKind.FIN, [3]))


def test_a_body_whose_length_is_promised_cannot_be_forked():
    """A cut changes the head."""
    wire = make_script(scenario(), 1).drafts[0]

    assert can_fork(wire)
    assert not can_fork(replace(wire, framing=Framing.CONTENT_LENGTH))
    assert not can_fork(replace(wire, promised_length=3))

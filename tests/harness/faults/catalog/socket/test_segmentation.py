from __future__ import annotations

import pytest

from harness.faults.errors import FaultError


def test_segment_cuts_every_write(play, kit):
    """Into pieces of a size, at the time of the write, or one after the other."""
    wire = play({"segment": {"size": 1}})
    assert {len(write.data) for write in wire.writes} == {1}
    assert wire.body == b"".join(kit.STREAM)
    assert set(kit.times(wire)) == set(kit.times(play()))
    slow = play({"segment": {"size": 50, "gap_ms": 4}}, blocks=(kit.ROLE, kit.HELLO))
    assert kit.times(slow) == [100, 104, 108, 112, 116, 120]
    assert slow.end_at_ns == 120_000_000


def test_segment_at_random_follows_the_seed(play):
    """The same seed cuts the same."""
    faults = {"segment": {"size": "random"}}
    assert play(faults, seed=3) == play(faults, seed=3)
    assert play(faults, seed=3) != play(faults, seed=4)
    assert play(faults, seed=3).body == play().body


def test_coalesce_joins_writes(play, kit):
    """The last of them sets the time; what is left over makes a shorter one."""
    wire = play({"coalesce": {"n": 3}})
    assert [write.data for write in wire.writes] == [
        b"".join(kit.STREAM[:3]),
        b"".join(kit.STREAM[3:6]),
        b"".join(kit.STREAM[6:]),
    ]
    assert kit.times(wire) == [120, 150, 170]


def test_border_at_parts_the_body_at_a_byte(play, kit):
    """One border more among the recorded ones, or the only one; late by a gap."""
    border = len(kit.ROLE) + 30
    wire = play({"border_at": {"at": {"event": 1, "offset": 30}, "gap_ms": 4}})
    assert [write.data for write in wire.writes][:4] == [
        kit.ROLE,
        kit.HELLO[:30],
        kit.HELLO[30:],
        kit.COMMA,
    ]
    assert kit.times(wire)[:4] == [100, 110, 114, 120]
    two = play({"border_at": {"at": {"byte": border}, "writes": "two"}})
    whole = b"".join(kit.STREAM)
    assert [write.data for write in two.writes] == [whole[:border], whole[border:]]
    assert kit.times(two) == [100, 100]


@pytest.mark.parametrize("at", [{"byte": 0}, {"frac": 1.0}])
def test_border_at_needs_bytes_on_both_sides(play, at):
    """Nothing would be parted."""
    with pytest.raises(FaultError, match="expected a byte within the body of"):
        play({"border_at": {"at": at}})


def test_a_gap_that_is_already_there_delays_nothing(play, kit):
    """The recorded writes are 10 ms apart."""
    at = {"at": {"event": 2}}

    assert kit.times(play()) == kit.times(play({"border_at": {**at, "gap_ms": 5}}))
    assert 124.0 == kit.times(play({"border_at": {**at, "gap_ms": 14}}))[2]

from __future__ import annotations

import itertools

import pytest

from harness.faults.draft.blocks import StreamEnd
from harness.faults.errors import FaultError


def test_pace_spaces_writes_evenly_and_keeps_borders(play, kit):
    """From the first write on; the end follows as before."""
    blocks = (kit.ROLE + kit.HELLO, *kit.STREAM[2:])
    wire = play({"pace": {"itl_ms": 30}}, blocks=blocks)
    assert kit.times(wire) == [100 + 30 * number for number in range(7)]
    assert [write.data for write in wire.writes] == list(blocks)
    assert wire.end_at_ns == wire.writes[-1].at_ns
    with pytest.raises(FaultError, match="fewer than two"):
        play({"pace": {"itl_ms": 30}}, blocks=(kit.DONE,))


def test_pace_draws_its_jitter_from_the_seed(play, kit):
    """Within its bounds, and never backwards."""
    faults = {"pace": {"itl_ms": 10, "jitter_ms": 15}}
    wire = play(faults, seed=5)
    times = kit.times(wire)
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert all(0 <= gap <= 25 for gap in gaps)
    assert len(set(gaps)) > 3
    assert times == kit.times(play(faults, seed=5))
    assert times != kit.times(play(faults, seed=6))


def test_head_delay_moves_everything(play, kit):
    """The head, the body, the end."""
    wire = play({"head_delay": {"ms": 50}})
    assert wire.head_at_ns == 150_000_000
    assert kit.times(wire) == [at + 50 for at in kit.times(play())]
    assert wire.end_at_ns == play().end_at_ns + 50_000_000


def test_first_token_delay_leaves_head_and_role_where_they_are(play, kit):
    """Even where the role shares a write with the first text."""
    blocks = (kit.ROLE + kit.HELLO, *kit.STREAM[2:])
    wire = play({"first_token_delay": {"ms": 500}}, blocks=blocks)
    assert wire.head_at_ns == 100_000_000
    assert [write.data for write in wire.writes][:2] == [kit.ROLE, kit.HELLO]
    assert kit.times(wire)[:3] == [100, 600, 610]


def test_stall_waits_and_goes_on(play, kit):
    """What follows comes later by the whole wait, cut within an event if asked."""
    wire = play({"stall": {"at": {"event": 2, "offset": 9}, "for_ms": 70}})
    assert kit.times(wire)[:5] == [100, 110, 120, 190, 200]
    assert wire.writes[2].data == kit.COMMA[:9]
    assert wire.body == play().body


def test_stall_for_ever_sends_nothing_more(play, kit):
    """The connection stays open."""
    wire = play({"stall": {"at": {"event": 2}}})
    assert wire.body == kit.ROLE + kit.HELLO
    assert (wire.end, wire.end_at_ns) == (StreamEnd.STALL, 110_000_000)
    assert len(wire.spans) == 2


def test_pace_can_burst(play, kit):
    """So many at once, then a pause for all of them."""
    wire = play({"pace": {"itl_ms": 20, "burst": 3}})
    assert [100, 100, 100, 160, 160, 160, 220, 220] == kit.times(wire)


@pytest.mark.parametrize(
    ("form", "said"),
    [("comment", b": keepalive\n\n"), ("bare_colon", b":\n\n")],
)
def test_a_stall_can_be_filled(play, kit, form, said):
    """What is said is a block of its own, and means what it says."""
    stall = {"at": {"event": 2}, "for_ms": 100, "keepalive_ms": 40, "form": form}
    wire = play({"stall": stall})
    assert [kit.ROLE, kit.HELLO, said, said, kit.COMMA] == kit.sent(wire)[:5]
    assert [100, 110, 150, 190, 220] == kit.times(wire)[:5]
    assert wire.body == b"".join(kit.sent(wire))


def test_an_empty_delta_fills_a_stall_in_the_stream_s_own_style(play, kit):
    """Its envelope is that of the other chunks."""
    empty = kit.chunk({"content": ""})
    wait = {"ms": 100, "keepalive_ms": 40, "form": "empty_delta"}
    wire = play({"first_token_delay": wait})
    assert [kit.ROLE, empty, empty, kit.HELLO] == kit.sent(wire)[:4]
    for_ever = {"at": {"event": 2}, "keepalive_ms": 40, "form": "empty_delta"}
    stalled = play({"stall": for_ever})
    assert stalled.delivery.heartbeat is not None
    assert (empty, 40 * 1_000_000) == (
        stalled.delivery.heartbeat.data,
        stalled.delivery.heartbeat.every_ns,
    )


def test_bytes_trickle_one_at_a_time(play, kit):
    """What follows them waits; what stands before does not."""
    trickle = {"at": {"event": 1, "offset": 4}, "count": 3, "gap_ms": 30}
    wire = play({"trickle": trickle}, blocks=(kit.ROLE, kit.HELLO, kit.DONE))
    assert [len(kit.ROLE), 4, 1, 1, 1, len(kit.HELLO) - 7, len(kit.DONE)] == [
        len(write.data) for write in wire.writes
    ]
    assert [100, 110, 110, 140, 170, 200, 200] == kit.times(wire)
    assert wire.end_at_ns == 200_000_000


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {"stall": {"at": {"event": 2, "offset": 3}, "keepalive_ms": 40}},
            "stall.at: within an event there can be no message",
        ),
        (
            {"stall": {"at": {"event": 2}, "for_ms": 30, "keepalive_ms": 40}},
            "stall.keepalive_ms: no message fits into 30 ms",
        ),
        (
            {"trickle": {"at": {"event": -1}, "count": 99}},
            "trickle.count: 14 bytes follow, got 99",
        ),
    ],
)
def test_what_does_not_fit_is_refused(play, fault, message):
    """It says what is there."""
    with pytest.raises(FaultError, match=message):
        play(fault)


def test_a_trickle_sends_no_byte_before_it_is_due(play, kit):
    """The bytes of a later write wait for its time."""
    fault = {"trickle": {"at": {"event": 1}, "count": len(kit.HELLO) + 1, "gap_ms": 0}}
    times = kit.times(play(fault))

    assert [110.0] * len(kit.HELLO) == times[1 : 1 + len(kit.HELLO)]
    assert 120.0 == times[1 + len(kit.HELLO)]

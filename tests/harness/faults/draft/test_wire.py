from __future__ import annotations

from dataclasses import replace

from harness.faults.draft.delivery import Delivery, SocketPlan
from harness.faults.draft.lowering import lower
from harness.faults.draft.wire import Write


def test_every_time_of_a_stream_is_divided_by_the_speed(draft):
    """The bytes stay, and so does the rawness of a write."""
    wire = replace(
        lower(draft),
        head_at_ns=99,
        writes=(Write(100, b"a"), Write(301, b"b", raw=True)),
        end_at_ns=500,
        delivery=Delivery(socket=SocketPlan(accept_ns=40)),
    )
    fast = wire.scaled(2.0)

    assert (50, 250) == (fast.head_at_ns, fast.end_at_ns)
    assert (Write(50, b"a"), Write(150, b"b", raw=True)) == fast.writes
    assert 20 == fast.delivery.socket.accept_ns
    assert wire is wire.scaled(1.0)
    assert replace(wire, head_at_ns=None).scaled(2.0).head_at_ns is None


def test_raw_bytes_are_no_part_of_the_body(draft):
    """They go past the framing."""
    wire = replace(lower(draft), writes=(Write(1, b"a"), Write(2, b"x", raw=True)))

    assert b"a" == wire.body


def test_notes_are_kept_in_order(draft):
    """Each fault adds its own."""
    wire = lower(draft.with_note("one")).with_note("two")

    assert ("one", "two") == wire.notes

"""The client in virtual time: what it reads when, its window, and when it leaves."""

from __future__ import annotations

import pytest

from harness.play.virtual.client import VirtualClient
from harness.play.virtual.clock import VirtualClock
from harness.scenario.model import Abort, ClientPlan, Pause, ReadPlan

MS = 1_000_000
EVENT = b"data: a\n\n"


def client_of(**plan):
    """A client and its clock."""
    clock = VirtualClock()
    return VirtualClient(ClientPlan(**plan), clock, 3), clock


def pump(client, clock):
    """Let the client wake as often as it wants; return the other actions."""
    others = []
    while (action := clock.advance()) is not None:
        if action == (3, "client_wakes", ()):
            client.wake()
        else:
            others.append((clock.now_ns, action))
    return others


def test_it_reads_immediately():
    """Without a plan nothing ever waits."""
    client, clock = client_of()
    clock.now_ns = 5
    client.take(b"a")

    assert client.reads == [(5, b"a")]
    assert client.has_read_all


def test_a_slow_one_reads_a_fiftieth_every_20_ms():
    """100 bytes a second are two bytes at a time."""
    client, clock = client_of(read=ReadPlan(bytes_per_s=100))
    client.take(b"abcde")
    pump(client, clock)

    assert client.reads == [(0, b"ab"), (20 * MS, b"cd"), (40 * MS, b"e")]


def test_one_that_pauses_reads_up_to_there_and_then_the_rest():
    """After this many bytes it stops, and wakes when the pause is over."""
    pause = Pause(after_bytes=2, for_ms=30)
    client, clock = client_of(read=ReadPlan(pause=pause))
    client.take(b"abc")
    assert client.reads == [(0, b"ab")]
    pump(client, clock)

    assert client.reads == [(0, b"ab"), (30 * MS, b"c")]


def test_its_window_is_full_and_has_room_again_at_a_quarter():
    """As asyncio's transports do."""
    pause = Pause(after_bytes=0, for_ms=None)
    client, _ = client_of(read=ReadPlan(pause=pause), receive_buffer=8)
    sizes = []
    for _ in range(9):
        sizes.append((client.has_room, client.is_full))
        client.take(b"x")

    assert sizes == [(True, False)] * 3 + [(False, False)] * 5 + [(False, True)]


@pytest.mark.parametrize(
    ("abort", "pieces"),
    [
        (Abort(after_events=2), [EVENT, EVENT[:4], EVENT[4:]]),
        (Abort(after_bytes=3), [b"a", b"b", b"c"]),
    ],
)
def test_it_leaves_once_it_has_read_enough(abort, pieces):
    """At the instant of the read that makes it so, and not before."""
    client, clock = client_of(abort=abort)
    client.see_head()
    for piece in pieces:
        assert clock.next_action is None
        client.take(piece)

    assert clock.next_action == (3, "client_leaves", ())


def test_it_may_leave_at_the_head():
    """Zero events are read once the head is."""
    client, clock = client_of(abort=Abort(after_events=0))
    client.see_head()

    assert clock.next_action == (3, "client_leaves", ())


def test_a_fork_reads_and_counts_for_itself():
    """Half an event that one has read is whole in the other alone."""
    client, clock = client_of(abort=Abort(after_events=1))
    client.take(EVENT[:4])
    twin_clock = clock.fork()
    twin = client.fork(twin_clock)
    assert twin.state() == client.state()
    twin.take(EVENT[4:])

    assert [EVENT[:4]] == [data for _, data in client.reads]
    assert (None, (3, "client_leaves", ())) == (
        clock.next_action,
        twin_clock.next_action,
    )
    assert twin.state() != client.state()


def test_a_fork_reads_its_own_bytes():
    """What waits is copied, not shared."""
    client, clock = client_of(read=ReadPlan(bytes_per_s=100))
    client.take(b"abcd")
    twin_clock = clock.fork()
    twin = client.fork(twin_clock)
    pump(twin, twin_clock)
    pump(client, clock)

    assert [b"ab", b"cd"] == [data for _, data in client.reads]
    assert client.reads == twin.reads

from __future__ import annotations

import errno
from dataclasses import replace

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import Delivery, Heartbeat
from harness.faults.draft.wire import WireDraft, Write
from harness.play.upstream.script_player import PlayContext, ScriptPlayer

DRAFT = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(("Content-Type", "text/event-stream"),),
    framing=Framing.CHUNKED,
    head_at_ns=10,
    writes=(Write(20, b"data: a\n\n"),),
    spans=(),
    end=StreamEnd.TRUNCATED,
    end_at_ns=50,
)


class Later:
    """A scheduler whose calls are made by the test."""

    def __init__(self):
        self.calls = []

    def call_at(self, due_ns, callback):
        self.calls.append(callback)
        return self

    def cancel(self):
        self.calls.clear()


class ResetPeer:
    """The transport of a connection that the peer has reset, before the loop knows."""

    def __init__(self):
        self.written = b""
        self.closed = False

    def is_closing(self):
        return self.closed

    def can_write_eof(self):
        return True

    def write(self, data):
        self.written += data

    def write_eof(self):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    def close(self):
        self.closed = True


def test_a_connection_that_was_reset_is_closed_all_the_same():
    """FIN cannot be sent any more; that must not end in an exception of the loop."""
    scheduler, transport, over = Later(), ResetPeer(), []
    context = PlayContext(scheduler=scheduler, clock=lambda: 0)
    player = ScriptPlayer(
        DRAFT, transport, context, keep_alive=True, on_over=lambda: over.append(True)
    )
    player.start(0)
    while scheduler.calls:
        scheduler.calls.pop()()
    assert b"data: a" in transport.written
    assert [True] == over
    assert transport.closed
    assert player.finished


class Timed(Later):
    """A scheduler and a clock that the test moves."""

    now_ns = 0

    def call_at(self, due_ns, callback):
        self.calls.append((due_ns, callback))
        return self

    def run(self, until_ns):
        while self.calls and self.calls[0][0] <= until_ns:
            due_ns, callback = self.calls.pop(0)
            self.now_ns = max(self.now_ns, due_ns)
            callback()
        self.now_ns = max(self.now_ns, until_ns)


def started(draft):
    """Return a player that began at 0, its scheduler, and its transport."""
    scheduler, transport = Timed(), ResetPeer()
    context = PlayContext(scheduler=scheduler, clock=lambda: scheduler.now_ns)
    player = ScriptPlayer(
        draft, transport, context, keep_alive=False, on_over=lambda: None
    )
    player.start(0)
    return player, scheduler, transport


def test_what_a_peer_holds_up_was_offered_in_time():
    """It counts from when it was due, and is no lateness; when it was taken is kept."""
    writes = tuple(Write(at_ns, b"ab") for at_ns in (20, 30, 40))
    player, scheduler, _ = started(replace(DRAFT, writes=writes))
    scheduler.run(20)
    player.pause()
    scheduler.run(100)
    player.resume()
    scheduler.now_ns = 103
    scheduler.run(103)
    assert [(20, 2), (30, 4), (40, 6)] == player.sent
    assert [(20, 2), (100, 4), (103, 6)] == player.taken
    # After it reads again, the machine's own delay counts.
    assert [0, 0, 3] == player.lateness_ns


def test_a_stall_sends_its_heartbeats_on_a_grid():
    """Counted from the end of the script, until the peer leaves."""
    delivery = Delivery(heartbeat=Heartbeat(every_ns=100, data=b": hi\n\n"))
    stall = replace(DRAFT, end=StreamEnd.STALL, delivery=delivery)
    player, scheduler, transport = started(stall)
    counts = []
    for until_ns in (149, 150, 249, 250):
        scheduler.run(until_ns)
        counts.append(transport.written.count(b": hi"))
    player.pause()
    scheduler.run(350)
    player.resume()
    scheduler.run(450)
    counts.append(transport.written.count(b": hi"))
    player.peer_closed()
    scheduler.run(10_000)
    counts.append(transport.written.count(b": hi"))
    assert [0, 1, 1, 2, 3, 3] == counts
    assert (450, True, True) == (player.closed_at_ns, player.finished, player.over)

from __future__ import annotations

import errno

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
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

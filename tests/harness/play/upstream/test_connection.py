"""One connection to the upstream: the order of answers, and when it is closed.

Transport, clock and scheduler are stand-ins.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import Delivery, SocketPlan
from harness.faults.draft.wire import WireDraft, Write
from harness.play.upstream.connection import Connection
from harness.play.upstream.script_player import PlayContext
from tests.harness.play.client.test_stamped_connection import Transport

POST = b"POST %s HTTP/1.1\r\nhost: u\r\ncontent-length: 2\r\n\r\n{}"
DRAFT = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(),
    framing=Framing.CHUNKED,
    head_at_ns=10,
    writes=(Write(20, b"data: a\n\n"),),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=30,
)


class Scheduler:
    """A scheduler whose calls are made by the test, in the order of their times."""

    def __init__(self):
        self.now_ns = 0
        self.calls = []

    def call_at(self, due_ns, callback):
        call = [due_ns, callback]
        self.calls.append(call)
        return Call(self.calls, call)

    def run(self, until_ns=10**18):
        while self.calls:
            call = min(self.calls, key=lambda call: call[0])
            if call[0] > until_ns:
                return
            self.calls.remove(call)
            self.now_ns = max(self.now_ns, call[0])
            call[1]()


class Call:
    """A call that may be cancelled."""

    def __init__(self, calls, call):
        self.calls, self.call = calls, call

    def cancel(self):
        if self.call in self.calls:
            self.calls.remove(self.call)


class Socket(Transport):
    """A transport without a socket of the system."""

    def get_extra_info(self, name, default=None):
        return default

    def can_write_eof(self):
        return True

    @property
    def written(self):
        return b"".join(step[1] for step in self.done if step[0] == "write")


class Server:
    """An upstream that gives each path its draft."""

    def __init__(self, **drafts):
        self.scheduler = Scheduler()
        self.play_context = PlayContext(
            scheduler=self.scheduler, clock=lambda: self.scheduler.now_ns
        )
        self.connections = set()
        self.drafts = drafts
        self.unmatched = []
        self.over = []

    def assign(self, request):
        draft = self.drafts.get(request.path.strip("/"))
        return "nobody knows it" if draft is None else (draft, None, None)

    def add_unmatched(self, request, why):
        self.unmatched.append((request.path, why))

    def notify_over(self, served):
        self.over.append((served.request.path, served.player.finished))


def connected(now_ns=0, **drafts):
    """Return a connection that is made now, its server and its transport."""
    server, transport = Server(**drafts), Socket()
    server.scheduler.now_ns = now_ns
    connection = Connection(server)
    connection.connection_made(transport)
    return connection, server, transport


def test_a_request_gets_its_draft_and_the_connection_stays():
    """One write is one chunk; nothing is written before its time."""
    connection, server, transport = connected(a=DRAFT)
    assert {connection} == server.connections
    connection.data_received(POST % b"/a")
    server.scheduler.run(until_ns=19)
    assert transport.written.endswith(b"chunked\r\n\r\n")
    server.scheduler.run()
    assert transport.written.endswith(b"9\r\ndata: a\n\n\r\n0\r\n\r\n")
    assert [("/a", True)] == server.over
    assert not transport.is_closing()


def test_pipelined_requests_are_answered_one_after_another():
    """The second waits for the end of the first answer."""
    connection, server, transport = connected(a=DRAFT, b=replace(DRAFT, status=201))
    connection.data_received(POST % b"/a" + POST % b"/b")
    server.scheduler.run()
    first, second = transport.written.split(b"0\r\n\r\n")[:2]
    assert (b"200" in first, b"201" in second) == (True, True)
    assert ["/a", "/b"] == [path for path, _ in server.over]


def test_a_request_without_a_draft_gets_500_and_the_next_its_answer():
    """The reason is in the body, and the upstream notes it."""
    connection, server, transport = connected(a=DRAFT)
    connection.data_received(POST % b"/x" + POST % b"/a")
    server.scheduler.run()
    assert transport.written.startswith(b"HTTP/1.1 500 ")
    assert b"knows no stream for this request: nobody knows it" in transport.written
    assert [("/x", "nobody knows it")] == server.unmatched
    assert [("/a", True)] == server.over


@pytest.mark.parametrize(
    ("head", "closes"), [(b"HTTP/1.1", False), (b"HTTP/1.0", True)]
)
def test_after_500_the_connection_is_kept_if_the_request_allows_it(head, closes):
    """HTTP/1.0 does not."""
    connection, _, transport = connected()
    connection.data_received((POST % b"/x").replace(b"HTTP/1.1", head))
    assert closes is transport.is_closing()


def test_bytes_that_are_no_request_close_an_idle_connection():
    """They are noted; what follows them is not read."""
    connection, server, transport = connected(a=DRAFT)
    connection.data_received(b"\x16\x03\x01 no request\r\n\r\n")
    connection.data_received(POST % b"/a")
    [(path, why)] = server.unmatched
    assert ("", True) == (path, why.startswith("not a request: "))
    assert transport.is_closing()
    assert b"" == transport.written


def test_bytes_that_are_no_request_wait_for_the_end_of_an_answer():
    """What is played is finished first."""
    connection, server, transport = connected(a=DRAFT)
    connection.data_received(POST % b"/a" + b"\x16\x03\r\n\r\n")
    assert not transport.is_closing()
    server.scheduler.run()
    assert [("/a", True)] == server.over
    assert transport.is_closing()


def socket_plan(**changes):
    """The draft with a plan for its connection."""
    plan = replace(SocketPlan(), **changes)
    return replace(DRAFT, delivery=replace(Delivery(), socket=plan))


def test_a_connection_may_serve_few_requests():
    """It is closed by FIN after the last of them."""
    connection, server, transport = connected(a=socket_plan(requests=2))
    connection.data_received(POST % b"/a")
    server.scheduler.run()
    assert not transport.is_closing()
    connection.data_received(POST % b"/a")
    server.scheduler.run()
    assert transport.is_closing()


@pytest.mark.parametrize(("until_ns", "closed"), [(1029, False), (1030, True)])
def test_an_idle_connection_may_be_closed_after_a_time(until_ns, closed):
    """Counted from the end of its answer."""
    connection, server, transport = connected(a=socket_plan(idle_ns=1000))
    connection.data_received(POST % b"/a")
    server.scheduler.run(until_ns)
    assert closed is transport.is_closing()


def test_a_request_ends_the_idle_time():
    """The next one counts from the next end."""
    connection, server, transport = connected(a=socket_plan(idle_ns=1000))
    connection.data_received(POST % b"/a")
    server.scheduler.run(500)
    server.scheduler.now_ns = 500
    connection.data_received(POST % b"/a")
    server.scheduler.run(1529)
    assert not transport.is_closing()
    server.scheduler.run(1530)
    assert transport.is_closing()


def test_a_late_accept_is_a_late_answer():
    """Times then count from the accept, which counts from the connection."""
    connection, server, transport = connected(30, a=socket_plan(accept_ns=100))
    server.scheduler.now_ns = 40
    connection.data_received(POST % b"/a")
    server.scheduler.run(139)
    assert b"" == transport.written
    server.scheduler.run(140)
    assert transport.written.startswith(b"HTTP/1.1 200")


def test_only_an_idle_connection_is_closed_when_the_upstream_goes_down():
    """What runs goes on."""
    busy, _, busy_transport = connected(a=DRAFT)
    busy.data_received(POST % b"/a")
    busy.close_idle()
    idle, _, idle_transport = connected(a=DRAFT)
    idle.close_idle()
    assert (False, True) == (busy_transport.is_closing(), idle_transport.is_closing())


def test_a_peer_that_leaves_ends_what_is_played_and_what_waits():
    """Nothing more is written, and the upstream forgets the connection."""
    connection, server, transport = connected(a=DRAFT)
    connection.data_received(POST % b"/a" + POST % b"/a")
    server.scheduler.run(until_ns=10)
    before = transport.written
    connection.eof_received()
    connection.connection_lost(None)
    server.scheduler.run()
    assert before == transport.written
    assert [("/a", False)] == server.over
    assert set() == server.connections


def test_stopping_resets():
    """Also a connection on which nothing is played."""
    for data in (b"", POST % b"/a"):
        connection, server, transport = connected(a=DRAFT)
        connection.data_received(data)
        connection.stop()
        server.scheduler.run()
        assert ("abort",) in transport.done
        assert b"" == transport.written


def test_a_client_that_waits_for_leave_gets_it():
    """``Expect: 100-continue`` is answered before the body is there."""
    connection, _, transport = connected(a=DRAFT)
    head = (POST % b"/a").partition(b"\r\n\r\n")[0]
    connection.data_received(head + b"\r\nexpect: 100-continue\r\n\r\n")
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == transport.written

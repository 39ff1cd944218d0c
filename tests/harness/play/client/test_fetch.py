"""One exchange: what is sent, how it ends, and what is kept of it.

The socket is a stand-in; every time is a reading of a clock that counts.
"""

from __future__ import annotations

import asyncio

import httpcore
import pytest

from harness.cassette.model import Framing, Request
from harness.errors import InputError
from harness.judge.evidence.observation import ClientEnd
from harness.play.client import fetch as module
from harness.play.client.fetch import fetch
from harness.scenario.model import Abort, ClientPlan, Pause, ReadPlan
from tests.harness.play.client.test_stamped_connection import Transport

REQUEST = Request(
    method="POST",
    path="/v1",
    headers=(("Host", "recorded"), ("Content-Length", "9"), ("X-A", "1"), ("x-b", "2")),
    body=b'{"stream":true}',
)
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Closing(Transport):
    """A transport whose loss its protocol learns immediately."""

    protocol = None

    def close(self):
        super().close()
        self.protocol.connection_lost(None)

    abort = close

    def get_extra_info(self, name, default=None):
        return default


@pytest.fixture
def answering(monkeypatch):
    """Have the request answered by reads; give what was sent."""
    sent = []

    def answer(*reads, error=None, then=None):
        async def send_request(url, request, connection, kept):
            sent.append((url, request, kept))
            if error is not None:
                raise error
            transport = Closing()
            transport.protocol = connection
            connection.connection_made(transport)
            await connection.send(b"request")
            connection.sent.set_result(None)
            for data in reads:
                connection.data_received(data)
            if then is not None:
                then(connection)

        monkeypatch.setattr(module, "send_request", send_request)
        return sent

    return answer


def ask(**options):
    """Ask once; the clock counts its readings in steps of 10 ns."""
    ticks = iter(range(1000, 100_000, 10))
    return asyncio.run(fetch("http://u", REQUEST, clock=lambda: next(ticks), **options))


def test_times_count_from_the_moment_the_request_was_sent(answering):
    """Chunks of one read are pieces with its time, and one of the reads."""
    answering(HEAD + b"2\r\nab\r\n2\r\ncd\r\n", b"1\r\ne\r\n0\r\n\r\n")
    seen = ask()
    assert (ClientEnd.COMPLETE, 200, Framing.CHUNKED) == (
        seen.end,
        seen.status,
        seen.framing,
    )
    # Started at 1000, sent at 1010, read at 1020 and 1030.
    assert (1010, 10, 20) == (seen.zero_ns, seen.head_at_ns, seen.end_at_ns)
    assert ((10, b"ab"), (10, b"cd"), (20, b"e")) == seen.pieces
    assert ((10, b"abcd"), (20, b"e")) == seen.reads
    assert [10, 20] == [at_ns for at_ns, _ in seen.raw]


def test_headers_of_a_connection_are_dropped_and_others_replaced(answering):
    """Names are compared without their case; the token goes in last."""
    sent = answering(HEAD + b"0\r\n\r\n")
    ask(headers=(("x-a", "new"), ("authorization", "b")), token="t1")
    [(url, request, kept)] = sent
    assert ("http://u", None) == (url, kept)
    assert (
        ("x-b", "2"),
        ("x-a", "new"),
        ("authorization", "b"),
        ("x-harness-stream", "t1"),
    ) == request.headers
    assert b'{"stream":true,"user":"t1"}' == request.body


def test_a_refused_connection_is_an_end_and_no_error(answering):
    """There is nothing else to report."""
    answering(error=httpcore.ConnectError("nobody listens"))
    seen = ask()
    assert (ClientEnd.REFUSED, None, "nobody listens") == (
        seen.end,
        seen.status,
        seen.why,
    )
    assert 0 < seen.end_at_ns


def test_a_request_that_cannot_be_sent_is_an_error_of_ours(answering):
    """Whatever the client library finds wrong with it."""
    answering(error=ValueError("no such thing"))
    with pytest.raises(InputError, match="cannot be sent: no such thing"):
        ask()


def test_an_answer_without_an_end_times_out(answering):
    """What was read before is kept."""
    answering(HEAD + b"2\r\nab\r\n")
    seen = ask(deadline_s=0.0)
    assert (ClientEnd.TIMEOUT, b"ab") == (seen.end, seen.reads[0][1])


def test_the_plan_has_its_own_deadline(answering):
    """It counts in place of the default."""
    answering(HEAD)
    seen = ask(plan=ClientPlan(deadline_ms=0.001), deadline_s=1000)
    assert ClientEnd.TIMEOUT is seen.end


def test_a_client_that_never_reads_again_leaves_at_its_deadline(answering):
    """It is the client that ends the stream then, and not the server that hangs."""
    answering(HEAD)
    read = ReadPlan(pause=Pause(after_bytes=1, for_ms=None))
    seen = ask(plan=ClientPlan(read=read, deadline_ms=0.001))
    assert ClientEnd.CLIENT_CLOSED is seen.end


def test_a_slow_client_does_not_leave_at_its_deadline(answering):
    """It still reads, so it is the answer that hangs."""
    answering(HEAD)
    plan = ClientPlan(read=ReadPlan(bytes_per_s=100), deadline_ms=0.001)
    assert ClientEnd.TIMEOUT is ask(plan=plan).end


def test_a_client_may_leave_when_its_request_was_read(answering):
    """Before any answer."""

    async def read_already():
        return None

    answering()
    plan = ClientPlan(abort=Abort(before_head=True))
    seen = ask(plan=plan, leave_when=read_already)
    assert (ClientEnd.CLIENT_CLOSED, None) == (seen.end, seen.status)


def test_speed_shortens_the_time_after_which_a_client_leaves(answering):
    """An hour becomes nothing; the deadline is not touched."""
    answering(HEAD)
    plan = ClientPlan(abort=Abort(after_ms=3_600_000.0))
    seen = ask(plan=plan, speed=1e12)
    assert ClientEnd.CLIENT_CLOSED is seen.end


def test_bytes_after_a_complete_answer_are_kept(answering):
    """They change nothing about its end."""
    answering(HEAD + b"0\r\n\r\nmore")
    seen = ask()
    assert (ClientEnd.COMPLETE, b"more") == (seen.end, seen.surplus)

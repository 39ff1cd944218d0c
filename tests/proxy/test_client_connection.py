from __future__ import annotations

import asyncio
import logging
import re
import socket
from typing import Any

import pytest

from proxy.client_connection import MAX_BODY_BYTES, MAX_HEAD_BYTES, ClientConnection
from proxy.http.routing import Request
from proxy.operations.endpoints import DecisionCounts, Endpoints
from proxy.operations.metrics import Metrics
from proxy.rollout.config import LiveSettings
from tests.proxy.virtual_time import in_virtual_time

GET = b"GET /v1/models HTTP/1.1\r\nHost: p\r\n\r\n"
POST = b"POST /v1/x HTTP/1.1\r\nHost: p\r\n"
STREAM = (
    b"POST /v1/chat/completions?key=s3cret HTTP/1.1\r\nHost: p\r\n"
    b"Authorization: Bearer s3cret\r\nContent-Length: 16\r\n\r\n"
    b'{"stream": true}'
)
CHUNKED = b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """A transport in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unread = 0
        self.done: list[str] = []
        self.sock: socket.socket | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.sock if name == "socket" else default

    def write(self, data: Any) -> None:
        self.sent += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write_eof(self) -> None:
        self.done.append("eof")

    def is_closing(self) -> bool:
        return "close" in self.done

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")


class Answer:
    """Stands in for a driver: the test says when the answer is over."""

    def __init__(self, client: ClientConnection, request: Request) -> None:
        self.client = client
        self.request = request
        self.heard: list[str] = []

    def start(self, event: tuple[Any, ...]) -> None:
        assert event[0] == "request"

    def finish(self, *, keep_alive: bool = True) -> None:
        self.client.finished(keep_alive=keep_alive)

    def client_gone(self, how: str) -> None:
        self.heard.append(how)

    def client_blocked(self) -> None:
        self.heard.append("blocked")

    def client_writable(self) -> None:
        self.heard.append("writable")

    def stop(self) -> None:
        self.heard.append("stop")


class Session:
    """A connection on a transport in memory; needs a running loop."""

    def __init__(self, write_limit_s: float = 900, **limits: Any) -> None:
        self.answers: list[Answer] = []
        self.closed: list[ClientConnection] = []
        self.refused: list[int] = []
        self.wire = FakeTransport()
        live = LiveSettings({})
        metrics = Metrics(logging.getLogger("proxy"))
        self.client = ClientConnection(
            self.answer,
            self.closed.append,
            write_limit_s,
            respond=Endpoints(live, DecisionCounts(live), metrics).respond,
            refused=self.refused.append,
            **limits,
        )
        self.client.connection_made(self.wire)

    def answer(self, client: ClientConnection, request: Request) -> Any:
        self.answers.append(Answer(client, request))
        return self.answers[-1]

    @property
    def paths(self) -> list[bytes]:
        return [answer.request.target for answer in self.answers]


@in_virtual_time
async def test_a_request_is_read_whole_before_it_is_answered():
    """Its bytes may arrive in any pieces."""
    session = Session()
    for n in range(len(STREAM)):
        assert session.answers == []
        session.client.data_received(STREAM[n : n + 1])
    (answer,) = session.answers
    assert answer.request.body == b'{"stream": true}'
    assert answer.request.headers[0] == (b"Host", b"p")
    assert answer.request.path == b"/v1/chat/completions"


@in_virtual_time
async def test_pipelined_requests_wait_their_turn():
    """One answer at a time, in the order of the requests."""
    session = Session()
    second = GET.replace(b"models", b"second")
    third = GET.replace(b"models", b"third")
    session.client.data_received(GET + second)
    session.client.data_received(third)
    assert session.paths == [b"/v1/models"]
    session.answers[0].finish()
    assert session.paths[1:] == [b"/v1/second"]
    session.answers[1].finish()
    assert session.paths[2:] == [b"/v1/third"]
    session.answers[2].finish(keep_alive=False)
    assert session.wire.done[-1] == "close"


@pytest.mark.parametrize("cut", [3, 20, len(POST) + 22])
@in_virtual_time
async def test_a_request_that_has_begun_goes_on_after_the_answer_before_it(cut):
    """Its first bytes arrived in the read of the request before it."""
    session = Session()
    second = POST + b"Content-Length: 5\r\n\r\nhello"
    session.client.data_received(GET + second[:cut])
    session.client.data_received(second[cut:])
    session.answers[0].finish()
    assert [answer.request.body for answer in session.answers] == [b"", b"hello"]


@in_virtual_time
async def test_many_answers_of_our_own_in_one_read():
    """A long pipeline neither recurses nor loses order."""
    session = Session()
    health = b"GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n"
    session.client.data_received(health * 2000 + GET)
    assert session.wire.sent.count(b'{"status":"ok"}') == 2000
    assert session.paths == [b"/v1/models"]


@in_virtual_time
async def test_a_client_that_sends_on_and_on_is_not_read_any_more():
    """The backlog during an answer is bounded, and read once the answer is over."""
    session = Session()
    session.client.data_received(GET)
    session.client.data_received(GET * 1000)
    session.client.data_received(GET * 1000)
    assert "pause" in session.wire.done
    session.answers[0].finish()
    assert session.wire.done[-1] == "resume"
    assert len(session.answers) == 2


@in_virtual_time
async def test_a_bad_request_is_answered_after_the_good_ones_before_it():
    """The order of answers is that of requests, then the connection ends."""
    session = Session()
    session.client.data_received(GET + b"nonsense\r\n\r\n")
    assert session.wire.sent == b""
    session.answers[0].finish()
    assert session.wire.sent.startswith(b"HTTP/1.1 400")
    assert session.wire.done == ["eof"]


@pytest.mark.parametrize(("how", "error"), [("fin", None), ("rst", OSError())])
@in_virtual_time
async def test_a_client_that_leaves_is_told_to_its_answer(how, error):
    """Once, and with how it left."""
    session = Session()
    session.client.data_received(GET)
    if error is None:
        session.client.eof_received()
    session.client.connection_lost(error)
    assert session.answers[0].heard == [how]
    assert session.closed == [session.client]


@in_virtual_time
async def test_what_is_left_for_a_client_that_left_is_not_kept_for_ever():
    """A half-closed client that reads nothing would hold the connection open."""
    session = Session(write_limit_s=30)
    session.client.data_received(GET)
    assert session.client.eof_received() is False
    await asyncio.sleep(29.9)
    assert session.wire.done == []
    await asyncio.sleep(0.2)
    assert session.wire.done == ["abort"]


@in_virtual_time
async def test_an_offer_to_upgrade_is_not_taken():
    """The request is answered without it, and the connection closes after it."""
    session = Session()
    offer = GET[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    session.client.data_received(offer + b"PRI * HTTP/2.0\r\n\r\n")
    assert session.paths == [b"/v1/models"]
    assert session.answers[0].request.keep_alive is False


@in_virtual_time
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("length", "body"),
    [(b"Content-Length: 5", b"hello"), (b"Transfer-Encoding: chunked", CHUNKED)],
)
async def test_the_body_behind_an_offer_to_upgrade_is_read(size, length, body):
    """Java's HTTP client offers h2c with its first request, bodies too."""
    session = Session()
    head = POST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    data = head + b"Expect: 100-continue\r\n" + length + b"\r\n\r\n" + body
    for at in range(0, len(data), size):
        session.client.data_received(data[at : at + size])
    (answer,) = session.answers
    assert answer.request.body == b"hello"
    assert answer.request.keep_alive is False
    assert session.wire.sent.count(b"100 Continue") == 1


@in_virtual_time
async def test_a_full_buffer_blocks_the_answer_for_a_limited_time():
    """A client that takes nothing is cut off; one that reads again is not."""
    session = Session(write_limit_s=30)
    session.client.data_received(GET)
    session.client.pause_writing()
    await asyncio.sleep(29.9)
    session.client.resume_writing()
    await asyncio.sleep(60)
    assert session.answers[0].heard == ["blocked", "writable"]
    assert session.wire.done == []
    session.client.pause_writing()
    await asyncio.sleep(30.1)
    assert session.answers[0].heard[2:] == ["blocked", "rst"]
    assert session.wire.done == ["abort"]


@in_virtual_time
async def test_a_connection_that_nobody_uses_is_closed():
    """Before a request, between requests; never while an answer is in progress."""
    unused, session = Session(), Session()
    session.client.data_received(GET)
    await asyncio.sleep(74.9)
    assert unused.wire.done == []
    await asyncio.sleep(0.2)
    assert unused.wire.done == ["abort"]
    assert session.wire.done == []
    session.answers[0].finish()
    await asyncio.sleep(74.9)
    assert session.wire.done == []
    await asyncio.sleep(0.2)
    assert session.wire.done == ["abort"]


@in_virtual_time
async def test_the_unread_end_of_an_answer_is_not_cut_off():
    """A client with the end of an answer still to read is not idle."""
    session = Session(write_limit_s=900)
    session.client.data_received(GET)
    session.wire.unread = 1
    session.answers[0].finish()
    await asyncio.sleep(899)
    assert session.wire.done == []
    await asyncio.sleep(2)
    assert session.wire.done == ["abort"]


@in_virtual_time
async def test_a_proxy_that_stops_takes_no_further_request():
    """An idle connection closes immediately, a busy one after its answer."""
    idle, busy, open_ = Session(), Session(), Session()
    for session in (busy, open_):
        session.client.data_received(GET)
    for session in (idle, busy, open_):
        session.client.close_when_idle()
    assert idle.wire.done == ["close"]
    assert busy.wire.done == []
    busy.answers[0].finish()
    assert busy.wire.done == ["close"]
    open_.client.stop()
    assert open_.answers[0].heard == ["stop"]
    assert open_.wire.done == ["close"]


@in_virtual_time
async def test_every_answer_of_our_own_names_no_architecture():
    """404, 400 and the health check carry the header as well."""
    session = Session()
    for path in (b"/healthz", b"/x", b"/v1/.."):
        session.client.data_received(b"GET %b HTTP/1.1\r\nHost: p\r\n\r\n" % path)
    served = re.findall(rb"x-streaming-architecture: (\w+)", session.wire.sent)
    assert served == [b"none"] * 3
    statuses = re.findall(rb"HTTP/1.1 (\d+)", session.wire.sent)
    assert statuses == [b"200", b"404", b"400"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Host: p\r\nContent-Length: %d\r\n" % (MAX_BODY_BYTES + 1), b"413"),
        (b"Host: p\r\nX: %b\r\n" % bytes([120] * MAX_HEAD_BYTES), b"431"),
        (b"Host: p\r\nTransfer-Encoding: gzip, chunked\r\n", b"501"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"400"),
    ],
    ids=["body", "head", "coding", "two-framings"],
)
@in_virtual_time
async def test_a_request_that_cannot_be_read_is_refused_and_ends_it(head, status):
    """The next request cannot be found; the answer is not lost in a RST."""
    session = Session()
    session.client.data_received(b"POST /v1/x HTTP/1.1\r\n" + head + b"\r\n")
    session.client.data_received(GET)
    assert session.wire.sent.startswith(b"HTTP/1.1 %b" % status)
    assert session.wire.sent.count(b"HTTP/1.1") == 1
    assert b"connection: close" in session.wire.sent
    assert session.refused == [int(status)]
    assert session.answers == []
    assert session.wire.done == ["eof"]
    await asyncio.sleep(2.1)
    assert session.wire.done == ["eof", "abort"]


@pytest.mark.parametrize("more", [0, 1])
@in_virtual_time
async def test_a_body_without_a_length_is_limited_as_it_arrives(more):
    """The limit itself is allowed."""
    session = Session()
    session.client.data_received(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    size = MAX_BODY_BYTES // 4
    for _ in range(4):
        session.client.data_received(b"%x\r\n%b\r\n" % (size, bytes(size)))
    session.client.data_received(b"1\r\nx\r\n" * more + b"0\r\n\r\n")
    assert len(session.answers) == 1 - more
    assert session.refused == [413] * more


@in_virtual_time
async def test_transfer_chunks_of_an_old_client_are_refused():
    """HTTP/1.0 has none, so another reader would read another body."""
    session = Session()
    head = POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n"
    session.client.data_received(head)
    assert session.refused == [400]


@pytest.mark.parametrize(
    ("hosts", "refused"),
    [
        ([], [400]),
        ([b"a", b"b"], [400]),
        ([b"a/b"], [400]),
        ([b"a:80"], []),
        ([b"[::1]:80"], []),
        ([b""], []),
    ],
)
@in_virtual_time
async def test_a_request_names_one_host(hosts, refused):
    """The connection stays: the end of the request is known."""
    session = Session()
    lines = b"".join(b"Host: %b\r\n" % host for host in hosts)
    session.client.data_received(b"GET /v1/x HTTP/1.1\r\n" + lines + b"\r\n")
    assert session.refused == refused
    assert len(session.answers) == 1 - len(refused)
    assert session.wire.done == []


@in_virtual_time
async def test_an_old_client_need_not_name_a_host():
    """HTTP/1.0 has no such rule."""
    session = Session()
    session.client.data_received(b"GET /v1/x HTTP/1.0\r\n\r\n")
    (answer,) = session.answers
    assert answer.request.http_11 is False
    assert answer.request.keep_alive is False


@in_virtual_time
async def test_a_trace_is_refused_and_the_connection_stays():
    """An echo would show credentials."""
    session = Session()
    session.client.data_received(GET.replace(b"GET", b"TRACE") + GET)
    assert session.refused == [405]
    assert session.paths == [b"/v1/models"]


@in_virtual_time
async def test_a_tunnel_is_refused_and_the_connection_ends():
    """Bytes after it would be in another protocol."""
    session = Session()
    session.client.data_received(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + GET)
    assert session.refused == [405]
    assert session.answers == []
    assert session.wire.done == ["close"]


@in_virtual_time
async def test_the_absolute_form_is_forwarded_without_its_host():
    """The upstream is not the client's choice."""
    session = Session()
    session.client.data_received(GET.replace(b"/v1", b"http://elsewhere/v1"))
    assert session.paths == [b"/v1/models"]


@pytest.mark.parametrize("sent", [b"", b"GET", GET[:-2], POST])
@in_virtual_time
async def test_a_request_has_a_limited_time_to_arrive(sent):
    """A byte now and then does not prolong it; an idle connection just closes."""
    session = Session(request_limit_s=60)
    if sent:
        session.client.data_received(sent)
        await asyncio.sleep(50)
        session.client.data_received(b"X: y\r\n" * (b"Host" in sent))
        await asyncio.sleep(9.9)
        assert session.wire.sent == b""
        await asyncio.sleep(0.2)
        assert session.refused == [408]
        assert session.wire.done == ["eof"]
    else:
        await asyncio.sleep(76)
        assert session.refused == []
        assert session.wire.done == ["abort"]


@in_virtual_time
async def test_100_continue_is_sent_only_where_it_is_first():
    """Within a pipeline an earlier answer precedes it."""
    session = Session()
    asks = POST + b"Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n"
    session.client.data_received(asks)
    assert session.wire.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    session.client.data_received(b"x")
    session.answers[0].finish()
    session.client.data_received(asks)
    assert session.wire.sent.count(b"100 Continue") == 2

    pipelined = Session()
    pipelined.client.data_received(GET + asks + b"x")
    pipelined.answers[0].finish()
    assert pipelined.paths == [b"/v1/models", b"/v1/x"]
    assert pipelined.wire.sent == b""


@pytest.mark.parametrize("how", ["fin", "stays", "answered"])
@in_virtual_time
async def test_a_fin_behind_unread_bytes_is_looked_for(how):
    """Nothing is read at that time, so the loop does not see it."""
    session = Session()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session.wire.sock = ours
        session.client.data_received(GET)
        session.client.data_received(GET * 2000)
        await asyncio.sleep(1)
        assert session.answers[0].heard == []
        if how == "answered":
            session.answers[0].finish(keep_alive=False)
        if how != "stays":
            theirs.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0.06)
        assert session.answers[0].heard == ["fin"] * (how == "fin")
        assert session.wire.is_closing() is (how == "answered")
        assert ("abort" in session.wire.done) is (how == "fin")


@in_virtual_time
async def test_a_connection_is_blocked_between_answers_too():
    """The end of the last one is unread; then the idle limit begins anew."""
    session = Session(write_limit_s=30)
    session.client.data_received(GET)
    session.answers[0].finish()
    session.client.pause_writing()
    await asyncio.sleep(29)
    session.client.resume_writing()
    await asyncio.sleep(74)
    assert session.wire.done == []
    await asyncio.sleep(2)
    assert session.wire.done == ["abort"]


@in_virtual_time
async def test_nothing_is_parsed_after_the_end():
    """A connection that is closing takes no request."""
    session = Session()
    session.client.close_when_idle()
    session.client.data_received(GET)
    assert session.answers == []

from __future__ import annotations

import asyncio
import functools
import logging
import re
from typing import Any

import pytest

from proxy import client_connection as client_module
from proxy.client_connection import ClientConnection
from proxy.http.routing import Request
from proxy.operations.endpoints import DecisionCounts, Endpoints
from proxy.operations.metrics import Metrics
from proxy.rollout.config import LiveSettings

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
        self.wire = FakeTransport()
        live = LiveSettings({})
        metrics = Metrics(logging.getLogger("proxy"))
        self.client = ClientConnection(
            self.answer,
            self.closed.append,
            write_limit_s,
            respond=Endpoints(live, DecisionCounts(live), metrics).respond,
            **limits,
        )
        self.client.connection_made(self.wire)

    def answer(self, client: ClientConnection, request: Request) -> Any:
        self.answers.append(Answer(client, request))
        return self.answers[-1]

    @property
    def paths(self) -> list[bytes]:
        return [answer.request.target for answer in self.answers]


def looped(test):
    """Run an asynchronous test."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@looped
async def test_a_request_is_read_whole_before_it_is_answered():
    """Its bytes may come in any pieces."""
    session = Session()
    for n in range(len(STREAM)):
        assert session.answers == []
        session.client.data_received(STREAM[n : n + 1])
    (answer,) = session.answers
    assert answer.request.body == b'{"stream": true}'
    assert answer.request.headers[0] == (b"Host", b"p")
    assert answer.request.path == b"/v1/chat/completions"


@looped
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


@looped
async def test_many_answers_of_our_own_in_one_read():
    """A long pipeline neither recurses nor loses order."""
    session = Session()
    health = b"GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n"
    session.client.data_received(health * 2000 + GET)
    assert session.wire.sent.count(b'{"status":"ok"}') == 2000
    assert session.paths == [b"/v1/models"]


@looped
async def test_a_client_that_sends_on_and_on_is_not_read_any_more():
    """The backlog behind an answer is bounded, and read once the answer is over."""
    session = Session()
    session.client.data_received(GET)
    session.client.data_received(GET * 1000)
    session.client.data_received(GET * 1000)
    assert "pause" in session.wire.done
    session.answers[0].finish()
    assert session.wire.done[-1] == "resume"
    assert len(session.answers) == 2


@looped
async def test_a_bad_request_is_answered_after_the_good_ones_before_it():
    """The order of answers is that of requests, then the connection ends."""
    session = Session()
    session.client.data_received(GET + b"nonsense\r\n\r\n")
    assert session.wire.sent == b""
    session.answers[0].finish()
    assert session.wire.sent.startswith(b"HTTP/1.1 400")
    assert session.wire.done == ["eof"]


@pytest.mark.parametrize(("how", "error"), [("fin", None), ("rst", OSError())])
@looped
async def test_a_client_that_leaves_is_told_to_its_answer(how, error):
    """Once, and with how it left."""
    session = Session()
    session.client.data_received(GET)
    if error is None:
        session.client.eof_received()
    session.client.connection_lost(error)
    assert session.answers[0].heard == [how]
    assert session.closed == [session.client]


@looped
async def test_what_is_left_for_a_client_that_left_is_not_kept_for_ever():
    """A half-closed client that reads nothing would hold the connection open."""
    session = Session(write_limit_s=0.03)
    session.client.data_received(GET)
    assert session.client.eof_received() is False
    await asyncio.sleep(0.05)
    assert session.wire.done == ["abort"]


@looped
async def test_an_offer_to_upgrade_is_not_taken():
    """The request is answered as it is, and the connection closes after it."""
    session = Session()
    offer = GET[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"
    session.client.data_received(offer + b"PRI * HTTP/2.0\r\n\r\n")
    assert session.paths == [b"/v1/models"]
    assert session.answers[0].request.keep_alive is False


@looped
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


@looped
async def test_a_full_buffer_blocks_the_answer_for_a_limited_time():
    """A client that takes nothing is cut off; one that reads again is not."""
    session = Session(write_limit_s=0.03)
    session.client.data_received(GET)
    session.client.pause_writing()
    session.client.resume_writing()
    await asyncio.sleep(0.05)
    assert session.answers[0].heard == ["blocked", "writable"]
    assert session.wire.done == []
    session.client.pause_writing()
    await asyncio.sleep(0.05)
    assert session.answers[0].heard[2:] == ["blocked", "rst"]
    assert session.wire.done == ["abort"]


@looped
async def test_a_connection_that_nobody_uses_is_closed(monkeypatch):
    """Before a request, between requests; never while an answer is under way."""
    monkeypatch.setattr(client_module, "_IDLE_S", 0.03)
    session = Session()
    session.client.data_received(GET)
    await asyncio.sleep(0.05)
    assert session.wire.done == []
    session.answers[0].finish()
    await asyncio.sleep(0.05)
    assert session.wire.done == ["abort"]


@looped
async def test_the_unread_end_of_an_answer_is_not_cut_off(monkeypatch):
    """A client that has the answer's end still to read is not one that is idle."""
    monkeypatch.setattr(client_module, "_IDLE_S", 0.02)
    session = Session()
    session.client.data_received(GET)
    session.wire.unread = 1
    session.answers[0].finish()
    await asyncio.sleep(0.05)
    assert session.wire.done == []


@looped
async def test_a_proxy_that_stops_takes_no_further_request():
    """An idle connection closes at once, a busy one after its answer."""
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


@looped
async def test_every_answer_of_our_own_names_no_architecture():
    """404, 400 and the health check carry the header as well."""
    session = Session()
    for path in (b"/healthz", b"/x", b"/v1/.."):
        session.client.data_received(b"GET %b HTTP/1.1\r\nHost: p\r\n\r\n" % path)
    served = re.findall(rb"x-streaming-architecture: (\w+)", session.wire.sent)
    assert served == [b"none"] * 3
    statuses = re.findall(rb"HTTP/1.1 (\d+)", session.wire.sent)
    assert statuses == [b"200", b"404", b"400"]

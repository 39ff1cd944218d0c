from __future__ import annotations

import asyncio
import gzip
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http.upstream_connection import UpstreamConnection

CHUNKED = b"HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = ("head", 200, ((b"A", b"b"), (b"Transfer-Encoding", b"chunked")))
WHOLE = CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """A transport in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.done: list[str] = []
        self.unsent = 0

    def is_closing(self) -> bool:
        return "abort" in self.done

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: Any) -> None:
        self.sent += data

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")


class Session:
    """A protocol on a transport in memory, with the turns that it delivered."""

    def __init__(self, *, no_body: bool = False) -> None:
        self.turns: list[list[Any]] = []
        self.protocol = UpstreamConnection(b"REQ", self.turns.append, no_body=no_body)
        self.wire = FakeTransport()
        self.protocol.connection_made(self.wire)

    def feed(self, *reads: bytes) -> Session:
        for data in reads:
            self.protocol.data_received(data)
        return self

    @property
    def events(self) -> list[Any]:
        return [event for turn in self.turns for event in turn]

    @property
    def ending(self) -> str:
        kind: str
        (kind,) = [event[1] for event in self.events if event[0] == "ended"]
        return kind


def test_the_request_is_sent_once_connected():
    """The bytes leave as they were given."""
    assert Session().wire.sent == b"REQ"


def test_head_and_body_of_one_read_are_one_turn_in_order():
    """The pieces of one read are delivered together, after the head."""
    session = Session().feed(WHOLE)
    assert session.turns == [[HEAD, ("data", b"abcde"), ("ended", "complete")]]
    assert session.wire.done == ["abort"]


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_the_borders_of_reads_change_nothing(cuts):
    """However the bytes arrive: the same head, body and end."""
    edges = [0, *sorted(cuts), len(WHOLE)]
    reads = [WHOLE[a:b] for a, b in itertools.pairwise(edges) if a != b]
    session = Session().feed(*reads)
    assert session.events[0] == HEAD
    assert b"".join(e[1] for e in session.events if e[0] == "data") == b"abcde"
    assert session.ending == "complete"


@pytest.mark.parametrize(
    ("data", "on_fin"),
    [
        (b"", "truncated"),
        (b"HTTP/1.1 200 OK\r\nA", "truncated"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", "truncated"),
        (CHUNKED, "truncated"),
        (CHUNKED + b"3\r\nab", "truncated"),
        (CHUNKED + b"3\r\nabc\r\n0\r\n", "truncated"),
        (LENGTH + b"ab", "truncated"),
        (CLOSE, "complete"),
        (CLOSE + b"abc", "complete"),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", "complete"),
    ],
)
def test_a_fin_is_judged_by_the_framing_and_a_reset_is_a_reset(data, on_fin):
    """Only where the connection itself ends the body is a FIN a clean end."""
    session = Session()
    if data:
        session.feed(data)
    session.protocol.eof_received()
    session.protocol.connection_lost(None)
    assert session.ending == on_fin
    session = Session()
    if data:
        session.feed(data)
    session.protocol.connection_lost(ConnectionResetError())
    assert session.ending == "reset"


@pytest.mark.parametrize(
    ("data", "before"),
    [
        (b"junk\r\n\r\n", []),
        (b"HTTP/2 200\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\nA: b\n\n", []),
        (b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", []),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", []),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n", []),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", []),
        (LENGTH[:-2] + b"Transfer-Encoding: chunked\r\n\r\n", []),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", []),
        (CHUNKED + b"3\r\nabc\r\nzz\r\n", [HEAD, ("data", b"abc")]),
        (CHUNKED + b"3\r\nabcd\r\n", [HEAD, ("data", b"abc")]),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 300_000, []),
    ],
)
def test_what_is_not_http_is_a_protocol_error_after_what_was(data, before):
    """Bytes before the defect are delivered, in the same turn."""
    session = Session().feed(data)
    assert session.turns == [[*before, ("ended", "protocol_error")]]


@pytest.mark.parametrize("status", [100, 102, 103])
def test_informational_answers_are_left_out(status):
    """The head that counts is the final one, with its own headers."""
    early = b"HTTP/1.1 %d X\r\nLink: x\r\n\r\n" % status
    assert Session().feed(early + WHOLE).events[0] == HEAD
    assert Session().feed(early, WHOLE).events[0] == HEAD


def test_bytes_behind_a_complete_answer_are_nobodys():
    """They neither reach the client nor make the answer wrong."""
    for extra in (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"junk"):
        session = Session().feed(WHOLE + extra)
        assert session.events[1:] == [("data", b"abcde"), ("ended", "complete")]


@pytest.mark.parametrize(
    ("data", "no_body"),
    [
        (LENGTH, True),
        (CHUNKED, True),
        (CLOSE, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
    ],
)
def test_answers_without_a_body_are_complete_with_their_head(data, no_body):
    """Nothing more is waited for."""
    session = Session(no_body=no_body).feed(data)
    assert [event[0] for event in session.events] == ["head", "ended"]
    assert session.ending == "complete"


def test_an_offer_to_upgrade_leaves_the_body_alone():
    """The parser stops at such a head; the body that follows is read on."""
    offer = CLOSE[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    session = Session().feed(offer + b"ab", b"c")
    session.protocol.eof_received()
    assert [event[1:] for event in session.events[1:]] == [
        (b"ab",),
        (b"c",),
        ("complete",),
    ]


def test_header_values_keep_their_bytes_and_lose_only_the_space_around():
    """Empty values, repeats, order and bytes outside of ASCII stay."""
    head = b"HTTP/1.1 200\r\nA:  \xff\xe9 x \r\nB:\r\nA: 2\r\n\r\n"
    (event,) = Session().feed(head).events
    assert event == ("head", 200, ((b"A", b"\xff\xe9 x"), (b"B", b""), (b"A", b"2")))


def test_trailers_are_dropped():
    """A trailer is no header."""
    session = Session().feed(WHOLE[:-2] + b"X-Late: 1\r\n\r\n")
    assert session.events == [HEAD, ("data", b"abcde"), ("ended", "complete")]


def test_after_close_nothing_is_delivered():
    """Closing is immediate, and final."""
    session = Session().feed(CHUNKED)
    session.protocol.close()
    session.feed(b"3\r\nabc\r\n")
    session.protocol.connection_lost(ConnectionResetError())
    assert session.events == [HEAD]
    assert session.wire.done == ["abort"]


def test_a_connection_that_comes_about_after_close_is_closed():
    """Cancelling an attempt races with its success."""
    protocol = UpstreamConnection(b"REQ", [].append, no_body=False)
    protocol.close()
    wire = FakeTransport()
    protocol.connection_made(wire)
    assert wire.done == ["abort"]
    assert wire.sent == b""


def test_a_pause_before_the_connection_holds_from_its_start():
    """A client that is blocked while an attempt connects is not overrun."""
    protocol = UpstreamConnection(b"REQ", [].append, no_body=False)
    protocol.pause()
    wire = FakeTransport()
    protocol.connection_made(wire)
    protocol.resume()
    assert wire.done == ["pause", "resume"]


class Kept(Session):
    """A session whose connection may be used again."""

    def __init__(self, *, no_body: bool = False, unsent: int = 0) -> None:
        self.turns = []
        self.released: list[float | None] = []
        self.protocol = UpstreamConnection(
            b"REQ",
            self.turns.append,
            no_body=no_body,
            release=lambda _wire, promised: self.released.append(promised),
        )
        self.wire = FakeTransport()
        self.wire.unsent = unsent
        self.protocol.connection_made(self.wire)


SIZED = LENGTH + b"abc"
LENGTH_ZERO = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
TRAILED = WHOLE[:-2] + b"X-Late: 1\r\n\r\n"


@pytest.mark.parametrize("whole", [WHOLE, SIZED, TRAILED, LENGTH_ZERO])
@given(st.data())
def test_a_connection_serves_again_where_the_answer_ended_exactly(whole, data):
    """With any borders of reads, and any interim answer before."""
    answer = data.draw(st.sampled_from([b"", b"HTTP/1.1 103 X\r\n\r\n"])) + whole
    cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=12))
    edges = [0, *sorted(cuts), len(answer)]
    session = Kept().feed(*[answer[a:b] for a, b in itertools.pairwise(edges) if a < b])
    assert session.ending == "complete"
    assert session.released == [None]
    assert session.wire.done == []


@pytest.mark.parametrize("whole", [WHOLE, SIZED, TRAILED, LENGTH_ZERO])
def test_one_byte_behind_the_answer_closes_the_connection(whole):
    """Any byte; line breaks too, which the parser skips between messages."""
    surpluses = [bytes([n]) for n in range(256)] + [b"\r\n", b"\r\n\r\n", b"\n\n"]
    for surplus, cut in itertools.product(surpluses, (1, 4, 9, len(whole) - 1)):
        at = len(whole) - cut
        session = Kept().feed(whole[:at], whole[at:] + surplus)
        assert session.ending == "complete"
        assert session.released == [], surplus
        assert session.wire.done == ["abort"]


@pytest.mark.parametrize(
    ("answer", "no_body"),
    [
        (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (SIZED.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (WHOLE.replace(b"A: b", b"Connection: close"), False),
        (WHOLE.replace(b"A: b", b"Connection: x, Close"), False),
        (LENGTH, True),
        (CHUNKED, True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", False),
    ],
)
def test_a_connection_in_doubt_is_closed(answer, no_body):
    """An old or unwilling server, or an answer that must not have a body."""
    session = Kept(no_body=no_body).feed(answer)
    assert session.ending == "complete"
    assert session.released == []
    assert session.wire.done == ["abort"]


def test_a_connection_is_not_kept_while_its_request_is_still_being_sent():
    """An early answer leaves half a request unsent."""
    assert Kept(unsent=1).feed(SIZED).released == []


def test_a_promise_to_keep_the_connection_is_handed_on():
    """``Keep-Alive: timeout`` says for how long the server waits."""
    session = Kept().feed(SIZED.replace(b"OK\r\n", b"OK\r\nKeep-Alive: timeout=5\r\n"))
    assert session.released == [5.0]


def test_a_connection_that_was_paused_is_read_again_before_it_is_kept():
    """A FIN must be seen while it waits."""
    session = Kept()
    session.protocol.pause()
    session.feed(SIZED)
    assert session.wire.done == ["pause", "resume"]
    assert session.released == [None]


GZIPPED = gzip.compress(b"data: 1\n\n" * 50)
CODED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"
)


def decoding(*reads: bytes) -> Session:
    """Feed a protocol that decodes."""
    session = Session()
    session.protocol = UpstreamConnection(
        b"REQ", session.turns.append, no_body=False, decode=True
    )
    session.protocol.connection_made(session.wire)
    return session.feed(*reads)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_coded_stream_is_decoded_and_a_coding_that_broke_off_is_truncated(framing):
    """Whatever frames it: the framing may be whole where the coding is not."""

    def answer(body: bytes) -> bytes:
        if framing == "length":
            return CODED + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        if framing == "close":
            return CODED + b"\r\n" + body
        head = CODED + b"Transfer-Encoding: chunked\r\n\r\n"
        return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    for body, ending in ((GZIPPED, "complete"), (GZIPPED[:-4], "truncated")):
        session = decoding(answer(body))
        session.protocol.eof_received()
        assert b"data: 1\n\n" * 50 == b"".join(
            event[1] for event in session.events if event[0] == "data"
        )
        assert session.ending == ending
        names = {name for name, _ in session.events[0][2]}
        assert not names & {b"Content-Encoding", b"Content-Length"}
    session = decoding(answer(b"no gzip"))
    session.protocol.eof_received()
    assert session.ending == "protocol_error"

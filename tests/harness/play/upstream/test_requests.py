"""How requests are read from the bytes of a connection."""

from __future__ import annotations

import pytest

from harness.play.upstream.requests import ReceivedRequest, RequestReader


class Reading:
    """A request reader with a clock that counts its readings."""

    def __init__(self):
        self.requests: list[ReceivedRequest] = []
        self.leaves = 0
        self.now = 0
        self.reader = RequestReader(
            clock=self._tick, on_request=self.requests.append, on_continue=self._leave
        )

    def _tick(self):
        self.now += 1
        return self.now

    def _leave(self):
        self.leaves += 1


def test_requests_are_read_whole_however_they_are_cut():
    """Chunked bodies, one-byte reads and pipelining give the same requests."""
    wire = (
        b"POST /v1/x?q=1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n"
        b"GET /next HTTP/1.0\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
    )
    reading = Reading()
    for byte in wire:
        reading.reader.feed(bytes([byte]))
    first, second = reading.requests
    assert ("POST", "/v1/x?q=1", b"abcde", True) == (
        first.method,
        first.path,
        first.body,
        first.keep_alive,
    )
    assert [(b"Host", b"h"), (b"Transfer-Encoding", b"chunked")] == first.headers
    assert ("GET", [(b"X-A", b"1"), (b"X-A", b"2")], False) == (
        second.method,
        second.headers,
        second.keep_alive,
    )
    assert first.head_at_ns < first.read_at_ns < second.head_at_ns


def test_a_client_that_asks_for_leave_gets_it():
    """``Expect: 100-continue`` is answered once the head is complete."""
    reading = Reading()
    reading.reader.feed(
        b"POST / HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 1\r\n\r\n"
    )
    assert (1, 0) == (reading.leaves, len(reading.requests))
    reading.reader.feed(b"x")
    assert b"x" == reading.requests[0].body


def test_an_offer_to_upgrade_is_left_unanswered():
    """A client that offers h2c gets an HTTP/1.1 answer."""
    reading = Reading()
    reading.reader.feed(
        b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    )
    assert "GET" == reading.requests[0].method


def test_what_is_no_request_is_refused():
    """Bytes that are not HTTP raise, and say so."""
    with pytest.raises(ValueError, match="Invalid method"):
        Reading().reader.feed(b"\x16\x03\x01 hello")

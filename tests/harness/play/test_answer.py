"""Which bytes an upstream sends for a script, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import Framing
from harness.faults.draft import Finish, WireDraft, Write
from harness.play.answer import Send, answer_head, keeps_alive, sends

DRAFT = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(("Content-Type", "text/event-stream"), ("x-b", "1"), ("x-b", "2")),
    framing=Framing.CHUNKED,
    head_at_ns=10,
    writes=(Write(20, b"data: a\n\n"), Write(40, b"data: b\n\n")),
    spans=(),
    finish=Finish.COMPLETE,
    finish_at_ns=50,
)


def test_every_write_is_one_send_and_one_transfer_chunk():
    """The head is a send of its own; each write is framed by itself."""
    head, first, second = sends(DRAFT)
    assert (10, True) == (head.at_ns, head.is_head)
    assert Send(20, b"9\r\ndata: a\n\n\r\n", 9) == first
    assert Send(40, b"9\r\ndata: b\n\n\r\n", 9) == second


@pytest.mark.parametrize("framing", [Framing.CONTENT_LENGTH, Framing.CLOSE])
def test_without_chunks_the_bytes_go_out_as_they_are(framing):
    """Only the chunked coding puts anything between the writes."""
    wire = [send.wire for send in sends(replace(DRAFT, framing=framing))[1:]]
    assert [b"data: a\n\n", b"data: b\n\n"] == wire


def test_raw_writes_pass_the_framing():
    """A raw write is put on the wire as it is, and is no part of the body."""
    raw = replace(DRAFT, writes=(Write(20, b"zz\r\n", raw=True),))
    assert Send(20, b"zz\r\n") == sends(raw)[1]


def test_without_a_head_only_raw_writes_are_sent():
    """An upstream that ends without a head sends no body."""
    silent = replace(
        DRAFT, head_at_ns=None, writes=(*DRAFT.writes, Write(60, b"?", raw=True))
    )
    assert (Send(60, b"?"),) == sends(silent)


def test_a_write_never_overtakes_the_one_before_it():
    """Times that go backwards, after a fault, wait for their turn."""
    odd = replace(DRAFT, head_at_ns=30, writes=(Write(20, b"a"), Write(10, b"b")))
    assert [30, 30, 30] == [send.at_ns for send in sends(odd)]


def test_speed_divides_the_times():
    """At speed 2 everything comes in half the time."""
    assert [5, 10, 20] == [send.at_ns for send in sends(DRAFT, speed=2.0)]


def test_the_head_keeps_order_case_and_repeats():
    """Header lines are written as they are; the framing header follows them."""
    expected = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-b: 1\r\nx-b: 2\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    assert expected == answer_head(DRAFT)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"framing": Framing.CONTENT_LENGTH}, b"content-length: 18\r\n"),
        (
            {"framing": Framing.CONTENT_LENGTH, "promised_length": 99},
            b"content-length: 99\r\n",
        ),
        ({"framing": Framing.CLOSE}, b"connection: close\r\n"),
        ({"status": 599}, b"HTTP/1.1 599 \r\n"),
        ({"headers": (("x", "a\r\ny: b"),)}, b"x: a\r\ny: b\r\n"),
        ({"headers": (("x", "\xe9"),)}, b"x: \xe9\r\n"),
    ],
)
def test_the_head_says_what_the_script_says(changes, line):
    """The head is written right or wrong, as somebody asked for it."""
    assert line in answer_head(replace(DRAFT, **changes))


def test_http_1_0_is_delimited_by_its_version():
    """Before HTTP/1.1 closing was the rule, and no header says it."""
    old = replace(DRAFT, framing=Framing.CLOSE, http_version="HTTP/1.0")
    assert b"connection" not in answer_head(old)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"framing": Framing.CONTENT_LENGTH}, True),
        ({"framing": Framing.CONTENT_LENGTH, "promised_length": 17}, False),
        ({"framing": Framing.CLOSE}, False),
        ({"http_version": "HTTP/1.0"}, False),
        ({"headers": (("Connection", "Close"),)}, False),
        ({"writes": (Write(1, b"x", raw=True),)}, False),
        ({"head_at_ns": None}, False),
    ],
)
def test_a_connection_lives_on_only_after_an_answer_that_fits(changes, expected):
    """The next answer must not be read as part of this one."""
    assert expected is keeps_alive(replace(DRAFT, **changes))

"""Which bytes an upstream sends for a script, and when."""

from __future__ import annotations

import gzip
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import (
    ChunkStyle,
    ContentCoding,
    Delivery,
    Heartbeat,
    SendSizes,
    SocketPlan,
)
from harness.faults.draft.wire import WireDraft, Write
from harness.play.upstream.response_writer import (
    Send,
    keeps_alive,
    response_head,
    sends,
)

DRAFT = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(("Content-Type", "text/event-stream"), ("x-b", "1"), ("x-b", "2")),
    framing=Framing.CHUNKED,
    head_at_ns=10,
    writes=(Write(20, b"data: a\n\n"), Write(40, b"data: b\n\n")),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=50,
)


def listed(draft: WireDraft) -> tuple[Send, ...]:
    """The sends before the ending."""
    return sends(draft)[0]


def test_every_write_is_one_send_and_one_transfer_chunk():
    """The head is a send of its own; each write is framed by itself."""
    (head, first, second), ending = sends(DRAFT)
    assert Send(50, b"0\r\n\r\n", is_head=True) == ending
    assert (10, True) == (head.at_ns, head.is_head)
    assert Send(20, b"9\r\ndata: a\n\n\r\n", 9) == first
    assert Send(40, b"9\r\ndata: b\n\n\r\n", 9) == second


@pytest.mark.parametrize("framing", [Framing.CONTENT_LENGTH, Framing.CLOSE])
def test_without_chunks_the_bytes_go_out_as_they_are(framing):
    """Only the chunked coding puts anything between the writes."""
    wire = [send.wire for send in listed(replace(DRAFT, framing=framing))[1:]]
    assert [b"data: a\n\n", b"data: b\n\n"] == wire


def test_raw_writes_pass_the_framing():
    """A raw write is put on the wire as it is, and is no part of the body."""
    raw = replace(DRAFT, writes=(Write(20, b"zz\r\n", raw=True),))
    assert Send(20, b"zz\r\n") == listed(raw)[1]


def test_without_a_head_only_raw_writes_are_sent():
    """An upstream that ends without a head sends no body."""
    silent = replace(
        DRAFT, head_at_ns=None, writes=(*DRAFT.writes, Write(60, b"?", raw=True))
    )
    assert (Send(60, b"?"),) == listed(silent)


def test_a_write_never_overtakes_the_one_before_it():
    """Times that go backwards, after a fault, wait for their turn."""
    odd = replace(DRAFT, head_at_ns=30, writes=(Write(20, b"a"), Write(10, b"b")))
    assert [30, 30, 30] == [send.at_ns for send in listed(odd)]


def test_speed_divides_the_times():
    """At speed 2 everything comes in half the time."""
    assert [5, 10, 20] == [send.at_ns for send in listed(DRAFT.scaled(2.0))]


def test_the_head_keeps_order_case_and_repeats():
    """Header lines are written as they are; the framing header follows them."""
    expected = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-b: 1\r\nx-b: 2\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    assert expected == response_head(DRAFT)


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
        (
            {"delivery": Delivery(raw_lines=("x: a\rb", "\0"))},
            b"x-b: 2\r\nx: a\rb\r\n\0\r\ntransfer-",
        ),
        ({"delivery": Delivery(framing_headers=())}, b"x-b: 2\r\n\r\n"),
        (
            {"delivery": Delivery(framing_headers=(("a", "1"), ("a", "2")))},
            b"a: 1\r\na: 2\r\n\r\n",
        ),
    ],
)
def test_the_head_says_what_the_script_says(changes, line):
    """The head is written as the scenario says, right or wrong."""
    assert line in response_head(replace(DRAFT, **changes))


def test_http_1_0_is_delimited_by_its_version():
    """Before HTTP/1.1 closing was the rule, and no header says it."""
    old = replace(DRAFT, framing=Framing.CLOSE, http_version="HTTP/1.0")
    assert b"connection" not in response_head(old)


@pytest.mark.parametrize("end", [StreamEnd.TRUNCATED, StreamEnd.RESET, StreamEnd.STALL])
def test_a_body_that_is_cut_has_no_terminator(end):
    """Its ending has a time and no bytes."""
    assert Send(50, b"", is_head=True) == sends(replace(DRAFT, end=end))[1]


def test_a_length_is_the_end_of_its_body():
    """The last byte completes it, whenever the recording ended."""
    counted = replace(DRAFT, framing=Framing.CONTENT_LENGTH)
    assert Send(40, b"", is_head=True) == sends(counted)[1]


def test_chunks_have_extensions_and_trailers():
    """A reader of the body sees neither."""
    style = ChunkStyle(extension=";a=1", trailers=(("x-sum", "9"), ("x-b", "2")))
    (_, first, _), ending = sends(replace(DRAFT, delivery=Delivery(chunks=style)))
    assert Send(20, b"9;a=1\r\ndata: a\n\n\r\n", 9) == first
    assert b"0\r\nx-sum: 9\r\nx-b: 2\r\n\r\n" == ending.wire


def test_the_last_chunk_may_promise_more_than_comes():
    """Its line end does not come either."""
    delivery = Delivery(chunks=ChunkStyle(missing=5))
    cut = replace(DRAFT, delivery=delivery, end=StreamEnd.TRUNCATED)
    _, first, last = listed(cut)
    assert (b"9\r\ndata: a\n\n\r\n", b"e\r\ndata: b\n\n") == (first.wire, last.wire)


@pytest.mark.parametrize("framing", [Framing.CHUNKED, Framing.CONTENT_LENGTH])
def test_what_is_behind_the_end_shares_its_send(framing):
    """The surplus belongs to no answer."""
    delivery = Delivery(surplus=b"GHOST")
    ending = sends(replace(DRAFT, framing=framing, delivery=delivery))[1]
    end = b"0\r\n\r\n" if framing is Framing.CHUNKED else b""
    assert end + b"GHOST" == ending.wire


def test_pieces_cut_head_chunks_and_terminator():
    """Borders of sends stay; a body byte counts with the piece that brings it."""
    delivery = Delivery(send_sizes=SendSizes(sizes=(7,), gap_ns=3))
    draft = replace(DRAFT, delivery=delivery)
    cut, ending = sends(draft)
    whole, end = sends(DRAFT)
    assert b"".join(send.wire for send in (*whole, end)) == b"".join(
        send.wire for send in (*cut, ending)
    )
    times = [send.at_ns for send in (*cut, ending)]
    assert all(later - earlier >= 3 for earlier, later in pairwise(times))
    # "9 CR LF data" and ": a LF LF CR LF": four bytes of the body, then five.
    assert [4, 5, 4, 5] == [send.body_length for send in cut if not send.is_head]


@pytest.mark.parametrize("flush", [True, False])
def test_a_coded_body_counts_what_can_be_decoded(flush):
    """With every flush a write can be read; without, all comes at the end."""
    coding = ContentCoding(name="gzip", flush=flush)
    coded = replace(DRAFT, framing=Framing.CLOSE, delivery=Delivery(coding=coding))
    body = listed(coded)[1:]
    assert b"data: a\n\ndata: b\n\n" == gzip.decompress(
        b"".join(send.wire for send in body)
    )
    counts = [send.body_length for send in body]
    assert ([9, 9, 0] if flush else [0, 18]) == counts
    length = len(b"".join(send.wire for send in body))
    counted = response_head(replace(coded, framing=Framing.CONTENT_LENGTH))
    assert b"content-length: %d\r\n" % length in counted


def test_time_is_divided_everywhere():
    """Every wait of a draft is shorter, and nothing else is changed."""
    draft = replace(
        DRAFT,
        delivery=Delivery(
            heartbeat=Heartbeat(every_ns=40, data=b":\n\n"),
            send_sizes=SendSizes(sizes=(1,), gap_ns=20),
            socket=SocketPlan(accept_ns=10, idle_ns=30, requests=4),
        ),
    )
    fast = draft.scaled(2.0)
    assert (5, 25) == (fast.head_at_ns, fast.end_at_ns)
    assert fast.delivery.heartbeat is not None
    assert fast.delivery.send_sizes is not None
    assert 20 == fast.delivery.heartbeat.every_ns
    assert 10 == fast.delivery.send_sizes.gap_ns
    assert SocketPlan(accept_ns=5, idle_ns=15, requests=4) == fast.delivery.socket
    assert draft.scaled(1.0) is draft


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"delivery": Delivery(surplus=b"x")}, False),
        ({"delivery": Delivery(surplus=b"x", socket=SocketPlan(dirty=True))}, True),
        (
            {
                "framing": Framing.CONTENT_LENGTH,
                "promised_length": 17,
                "delivery": Delivery(socket=SocketPlan(dirty=True)),
            },
            True,
        ),
        (
            {
                "framing": Framing.CONTENT_LENGTH,
                "promised_length": 19,
                "delivery": Delivery(socket=SocketPlan(dirty=True)),
            },
            False,
        ),
        ({"framing": Framing.CONTENT_LENGTH}, True),
        (
            {
                "framing": Framing.CONTENT_LENGTH,
                "delivery": Delivery(surplus=b"x"),
            },
            False,
        ),
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

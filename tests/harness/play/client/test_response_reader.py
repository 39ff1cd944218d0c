"""What the response reader makes of bytes, FIN and RST."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.model import Framing
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.response_reader import ResponseReader

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
TO_FIN = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


def read(*reads: bytes, eof: bool = False, reset: bool = False, method: str = "POST"):
    """Feed a reader, one read each."""
    reader = ResponseReader(method=method)
    for number, data in enumerate(reads):
        reader.feed(number, data)
    if eof:
        reader.feed_eof(len(reads))
    if reset:
        reader.feed_reset(len(reads))
    return reader


def body(reader: ResponseReader) -> bytes:
    """Return the whole body."""
    return b"".join(piece for _, piece in reader.pieces)


def test_a_piece_is_what_one_read_brought_of_one_transfer_chunk():
    """Borders of reads and of chunks are both kept, each with the time of its read."""
    reader = read(CHUNKED + b"3\r\nab", b"c\r\n2\r\nde\r\n1\r\nf\r\n", b"0\r\n\r\n")
    expected = [(0, b"ab"), (1, b"c"), (1, b"de"), (1, b"f")]
    assert expected == reader.pieces
    assert (ClientEnd.COMPLETE, 2) == (reader.end, reader.end_at_ns)


def test_body_bytes_are_given_out_before_their_chunk_is_whole():
    """What was read of a chunk does not wait for the rest of it."""
    reader = ResponseReader()
    reader.feed(0, CHUNKED)
    assert [b"ab"] == reader.feed(1, b"ffff\r\nab")
    assert [b"c"] == reader.feed(2, b"c")


def test_the_head_is_timed_by_the_read_that_completed_it():
    """A head in two reads was complete with the second."""
    reader = read(SIZED[:20], SIZED[20:] + b"12")
    assert (1, 200, "HTTP/1.1") == (
        reader.head_at_ns,
        reader.status,
        reader.http_version,
    )
    assert ((b"content-length", b"5"),) == reader.headers


@pytest.mark.parametrize(
    ("wire", "framing", "at_fin", "at_reset"),
    [
        (b"", None, ClientEnd.TRUNCATED, ClientEnd.RESET),
        (b"HTTP/1.1 200 O", None, ClientEnd.TRUNCATED, ClientEnd.RESET),
        (CHUNKED, Framing.CHUNKED, ClientEnd.TRUNCATED, ClientEnd.RESET),
        (CHUNKED + b"2\r\nab\r\n", Framing.CHUNKED, ClientEnd.TRUNCATED, "reset"),
        (CHUNKED + b"2\r\na", Framing.CHUNKED, ClientEnd.TRUNCATED, ClientEnd.RESET),
        (CHUNKED + b"0\r\n", Framing.CHUNKED, ClientEnd.TRUNCATED, ClientEnd.RESET),
        (CHUNKED + b"0\r\n\r\n", Framing.CHUNKED, "complete", "complete"),
        (SIZED + b"1234", Framing.CONTENT_LENGTH, ClientEnd.TRUNCATED, "reset"),
        (SIZED + b"12345", Framing.CONTENT_LENGTH, "complete", "complete"),
        (TO_FIN + b"1234", Framing.CLOSE, ClientEnd.COMPLETE, ClientEnd.RESET),
    ],
)
def test_the_end_is_what_the_wire_says(wire, framing, at_fin, at_reset):
    """FIN completes only what FIN delimits; RST completes nothing."""
    ended = read(wire, eof=True)
    assert (at_fin, framing) == (ended.end, ended.framing)
    assert at_reset == read(wire, reset=True).end


def test_an_end_is_judged_once():
    """What happens to the connection after a complete answer changes nothing."""
    reader = read(SIZED + b"12345", b"extra", reset=True)
    assert (ClientEnd.COMPLETE, 0) == (reader.end, reader.end_at_ns)
    assert (b"12345", b"extra") == (body(reader), reader.surplus)


def test_interim_answers_are_skipped():
    """100 and 103 come before the answer and are not it."""
    interim = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    )
    reader = read(interim + SIZED + b"12345")
    assert (200, b"12345") == (reader.status, body(reader))


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body(status):
    """204 and 304 end with their head, whatever its length says."""
    head = b"HTTP/1.1 %d X\r\ncontent-length: 5\r\n\r\n" % status
    assert ClientEnd.COMPLETE is read(head).end
    assert ClientEnd.COMPLETE is read(SIZED, method="HEAD").end


@pytest.mark.parametrize(
    "wire",
    [
        b"<html>",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nspace : x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000,
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        CHUNKED.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n"),
        CHUNKED + b"zz",
        CHUNKED + b"2\nab",
        CHUNKED + b"\r\n",
        CHUNKED + b"2\r\nabX",
        CHUNKED + b"2\r\nab\n",
        CHUNKED + b"0\r\nno colon\r\n\r\n",
        CHUNKED + b"1;" + b"x" * 5000,
    ],
)
def test_what_is_not_http_is_told_at_once(wire):
    """A protocol error is judged by the bytes that make it one, before any FIN."""
    reader = read(wire)
    assert ClientEnd.PROTOCOL_ERROR is reader.end
    assert reader.why


def test_a_body_before_a_broken_chunk_is_kept():
    """What came well formed was delivered, also where the same read broke."""
    reader = read(CHUNKED + b"2\r\nab\r\nzz\r\n")
    assert (ClientEnd.PROTOCOL_ERROR, b"ab") == (reader.end, body(reader))


@pytest.mark.parametrize(
    ("headers", "framing"),
    [
        (b"transfer-encoding: gzip, Chunked\r\n", Framing.CHUNKED),
        (b"transfer-encoding: chunked\r\ncontent-length: 2\r\n", Framing.CHUNKED),
        (b"transfer-encoding: gzip\r\n", Framing.CLOSE),
        (b"content-length: 5\r\nContent-Length: 5\r\n", Framing.CONTENT_LENGTH),
        (b"content-length: 5, 5\r\n", Framing.CONTENT_LENGTH),
        (b"", Framing.CLOSE),
    ],
)
def test_the_framing_follows_rfc_9112(headers, framing):
    """Section 6.3: a transfer coding beats a length, a length beats the close."""
    assert framing is read(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n").framing


def test_heads_with_bare_lf_and_folded_lines_are_read():
    """RFC 9112, sections 2.2 and 5.2, let a reader accept both."""
    reader = read(b"HTTP/1.1 200\nx: a\n  b\ncontent-length: 0\n\n")
    assert ((b"x", b"a b"), (b"content-length", b"0")) == reader.headers
    assert ClientEnd.COMPLETE is reader.end


def test_extensions_and_trailers_are_read():
    """Chunk extensions are ignored, trailers are kept apart from the headers."""
    reader = read(CHUNKED + b"2 ;a=b\r\nab\r\n0\r\nx-sum: 1\r\n\r\n")
    assert (b"ab", ((b"x-sum", b"1"),)) == (body(reader), reader.trailers)
    assert ClientEnd.COMPLETE is reader.end


ANSWERS = [
    CHUNKED + b"3;x\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n",
    SIZED + b"12345",
    TO_FIN + b"whatever comes",
    b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED + b"12345",
]


@given(
    wire=st.sampled_from(ANSWERS),
    cuts=st.lists(st.integers(min_value=0, max_value=120), max_size=20),
)
def test_cuts_change_nothing_and_h11_agrees(wire, cuts):
    """However the bytes are cut into reads, the body is the one that h11 reads."""
    borders = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    reader = ResponseReader()
    referee = h11.Connection(h11.CLIENT)
    referee.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    referee.send(h11.EndOfMessage())
    for number, (start, end) in enumerate(itertools.pairwise(borders)):
        reader.feed(number, wire[start:end])
    reader.feed_eof(len(borders))
    referee.receive_data(wire)
    referee.receive_data(b"")
    expected = b""
    while not isinstance(event := referee.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            expected += bytes(event.data)
    assert expected == body(reader)
    assert ClientEnd.COMPLETE is reader.end


def test_a_megabyte_in_small_reads_is_read_in_linear_time():
    """The reader looks at new bytes only: what it keeps stays small."""
    reader = ResponseReader()
    reader.feed(0, CHUNKED + b"100000\r\n")
    for number in range(1024):
        reader.feed(number, b"x" * 1024)
        assert len(reader._buffer) == 0
    assert 1 << 20 == len(body(reader))

from __future__ import annotations

import h11
import pytest

from proxy.http.response_framer import BadHeadError, ResponseFramer

JSON = ((b"Content-Type", b"application/json"),)


def framer(method=b"GET", *, http_11=True, keep_alive=True) -> ResponseFramer:
    """Return a framer for architecture v2."""
    return ResponseFramer(
        method=method, http_11=http_11, keep_alive=keep_alive, architecture="v2"
    )


def whole(frame: ResponseFramer, status: int, headers, *pieces: bytes) -> bytes:
    """Return a whole answer."""
    head = frame.head(status, headers)
    return head + b"".join(frame.body(piece) for piece in pieces) + frame.end()


def read(answer: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """Let h11 read an answer."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("host", "p")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    connection.receive_data(b"")
    head = connection.next_event()
    body = b""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        body += event.data
    return head, body


def test_transfer_chunks_where_nothing_else_frames():
    """Each piece is one transfer chunk, and an empty piece is none."""
    answer = whole(framer(), 200, JSON, b"ab", b"", b"c")
    assert answer == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"x-streaming-architecture: v2\r\ntransfer-encoding: chunked\r\n\r\n"
        b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    assert read(answer)[1] == b"abc"


def test_a_length_frames_the_body_and_drops_what_is_beyond():
    """Bytes beyond the promised length never reach the client."""
    frame = framer()
    answer = whole(frame, 200, ((b"Content-Length", b"4"),), b"ab", b"cdef", b"g")
    assert read(answer)[1] == b"abcd"
    assert not frame.short
    assert frame.keep_alive


def test_a_body_short_of_its_length_is_known():
    """Whoever ends it must close the connection."""
    frame = framer()
    whole(frame, 200, ((b"Content-Length", b"4"),), b"ab")
    assert frame.short


def test_http_1_0_gets_a_body_that_ends_with_the_connection():
    """No transfer chunks, and the connection says that it closes."""
    frame = framer(http_11=False)
    answer = whole(frame, 200, JSON, b"ab")
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nab")
    assert not frame.keep_alive


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)]
)
def test_answers_without_a_body(method, status):
    """HEAD, 204 and 304 have none whatever is sent."""
    frame = framer(method.encode())
    answer = whole(frame, status, JSON, b"ab")
    assert answer.endswith(b"\r\n\r\n")
    assert read(answer, method)[1] == b""
    assert not frame.short


def test_a_head_keeps_its_length_without_its_body():
    """The length in an answer to HEAD is that of GET."""
    frame = framer(b"HEAD")
    answer = whole(frame, 200, ((b"Content-Length", b"50"),))
    assert b"Content-Length: 50\r\n" in answer
    assert not frame.short


def test_transfer_encoding_and_a_foreign_proof_are_dropped():
    """Framing and the proof of the architecture are written here alone."""
    headers = (
        (b"Transfer-Encoding", b"gzip, chunked"),
        (b"X-Streaming-Architecture", b"v9"),
        (b"A", b"1"),
        (b"A", b"2"),
    )
    head, _ = read(whole(framer(), 200, headers))
    assert head.headers.raw_items() == [
        (b"A", b"1"),
        (b"A", b"2"),
        (b"x-streaming-architecture", b"v2"),
        (b"transfer-encoding", b"chunked"),
    ]


@pytest.mark.parametrize("value", [b"close", b"Keep-Alive, Close"])
def test_a_relay_may_close_the_connection(value):
    """``Connection: close`` in a relay's head is kept to."""
    frame = framer()
    head = frame.head(200, ((b"Connection", value),))
    assert not frame.keep_alive
    assert head.lower().count(b"connection:") == 1


@pytest.mark.parametrize(
    "line",
    [
        (b"A", b"b\nc"),
        (b"A", b"b\rc"),
        (b"A", b"b\0c"),
        (b"A\r\nB", b"c"),
        (b"A b", b"c"),
        (b"A:", b"c"),
        (b"", b"c"),
        (b"Content-Length", b"-1"),
        (b"Content-Length", b"1, 1"),
        (b"Content-Length", b""),
    ],
)
def test_a_head_that_would_be_read_otherwise_is_refused(line):
    """A line break or NUL, a name that is none, or a length that is none."""
    with pytest.raises(BadHeadError) as caught:
        framer().head(200, (line,))
    assert "b\n" not in str(caught.value)


def test_two_different_lengths_are_refused():
    """Two readers could cut the body at two places."""
    lengths = ((b"Content-Length", b"1"), (b"content-length", b"2"))
    with pytest.raises(BadHeadError, match="two different"):
        framer().head(200, lengths)


@pytest.mark.parametrize("status", [100, 101, 199, 1000, 0])
def test_only_a_final_status_is_an_answer(status):
    """Informational statuses are no answer."""
    with pytest.raises(BadHeadError, match="final"):
        framer().head(status, ())

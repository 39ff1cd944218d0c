"""Every ending on real sockets, for every way in which a body can be framed."""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import threading
import time
import zlib

import pytest

from harness.cassette.model import EndingKind, Framing

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

pytestmark = pytest.mark.e2e

EVENTS = [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]
GAP_S = 0.03
SSE = b"Content-Type: text/event-stream\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\n" + SSE + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\n" + SSE + b"Connection: close\r\n\r\n"
PATHS = itertools.count()


def sized(count: int) -> bytes:
    """Return a head that promises so many bytes."""
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (SSE, count)


def chunk(data: bytes) -> bytes:
    """Return a transfer chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def paced(pieces):
    """Put a pause before each piece."""
    return [step for piece in pieces for step in (GAP_S, piece)]


@pytest.fixture(scope="module")
def recorder(upstream, record, tmp_path_factory):
    """Run one recorder for the module; two silent seconds are its limit."""
    folder = tmp_path_factory.mktemp("recorder")
    arguments = ("--upstream", upstream.url, "--all", "--idle-timeout", "2")
    with record(folder, *arguments) as running:
        yield running


@pytest.fixture
def play(upstream, recorder):
    """Play steps on a path of their own; give the client's bytes and the recording."""

    def play(*steps):
        path = f"/play/{next(PATHS)}"
        upstream.plans[path] = list(steps)
        raw = recorder.fetch(path)
        return raw, recorder.interaction(f"POST {path} ")

    return play


def data_of(response) -> list[bytes]:
    """Return the bytes of each segment."""
    return [segment.data for segment in response.segments]


def check_times(response, *, first_s: float = GAP_S):
    """Check that segments are as far apart as they were sent, the end not before."""
    times = [0, *(segment.at_ns for segment in response.segments)]
    gaps = [later - before for before, later in itertools.pairwise(times)]
    assert all(gap >= first_s * 0.5e9 for gap in gaps), gaps
    assert times[-1] <= response.ending.at_ns


FRAMINGS = [
    pytest.param(Framing.CHUNKED, CHUNKED, chunk, id="chunked"),
    pytest.param(Framing.CONTENT_LENGTH, sized(1000), bytes, id="content-length"),
    pytest.param(Framing.CLOSE, CLOSE, bytes, id="close"),
]


@pytest.mark.parametrize(
    ("framing", "head", "pieces", "last"),
    [
        pytest.param(
            Framing.CHUNKED, CHUNKED, map(chunk, EVENTS), b"0\r\n\r\n", id="chunked"
        ),
        pytest.param(
            Framing.CONTENT_LENGTH,
            sized(len(b"".join(EVENTS))),
            EVENTS,
            b"",
            id="content-length",
        ),
        pytest.param(Framing.CLOSE, CLOSE, EVENTS, "fin", id="close"),
    ],
)
def test_a_complete_body(play, framing, head, pieces, last):
    """Bytes, borders and times are those of the wire, and it ended complete."""
    raw, interaction = play(head, *paced(pieces), GAP_S, last)
    response = interaction.response
    assert framing is response.framing
    assert EVENTS == data_of(response)
    assert EndingKind.COMPLETE is response.ending.kind
    check_times(response)
    assert all(event in raw for event in EVENTS)
    assert (200, "HTTP/1.1") == (response.status, response.http_version)
    assert ("Content-Type", "text/event-stream") in response.headers
    assert b'{"model": "m"}' == interaction.request.body
    assert () == interaction.notes


@pytest.mark.parametrize(("framing", "head", "code"), FRAMINGS)
@pytest.mark.parametrize("end", ["fin", "rst"])
def test_an_upstream_that_goes_away(play, framing, head, code, end):
    """A close is truncated, or the end where it is the framing; RST is always reset."""
    _, interaction = play(head, *paced(map(code, EVENTS[:2])), GAP_S, end)
    response = interaction.response
    expected = EndingKind.RESET if end == "rst" else EndingKind.TRUNCATED
    if end == "fin" and framing is Framing.CLOSE:
        expected = EndingKind.COMPLETE
    assert expected is response.ending.kind
    assert EVENTS[:2] == data_of(response)
    assert framing is response.framing
    check_times(response)


@pytest.mark.parametrize("framed", [param.values for param in FRAMINGS])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_client_that_leaves(upstream, recorder, framed, how):
    """The bytes until then are kept, and the ending is the client's."""
    framing, head, code = framed
    path = f"/left/{next(PATHS)}"
    upstream.plans[path] = [head, *paced(map(code, EVENTS[:2])), "until-left"]
    sock = recorder.ask(path)
    data = b""
    while EVENTS[1] not in data:
        data += sock.recv(65536)
    if how == "rst":
        linger = struct.pack("ii", 1, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    sock.close()
    response = recorder.interaction(f"POST {path} ").response
    assert EndingKind.CLIENT_CLOSED is response.ending.kind
    assert EVENTS[:2] == data_of(response)
    assert framing is response.framing


def test_an_upstream_that_falls_silent(upstream, recorder):
    """A connection that is closed for idleness was not left by its client."""
    plans = {}
    for framing, head, code in (param.values for param in FRAMINGS):
        path = f"/silent/{framing}"
        upstream.plans[path] = [head, GAP_S, code(EVENTS[0]), "until-left"]
        plans[path] = recorder.ask(path)
    for path, sock in plans.items():
        response = recorder.interaction(f"POST {path} ").response
        sock.close()
        assert EndingKind.TIMEOUT is response.ending.kind
        assert EVENTS[:1] == data_of(response)
        assert 1.9e9 <= response.ending.at_ns - response.segments[0].at_ns <= 10e9


def test_a_coded_body_is_kept_as_it_came(play, recorder):
    """Segments of a gzip body are its own bytes; the line counts its events."""
    coder = zlib.compressobj(wbits=31)
    pieces = [coder.compress(one) + coder.flush(zlib.Z_SYNC_FLUSH) for one in EVENTS]
    pieces.append(coder.flush())
    head = CHUNKED.replace(b"Transfer", b"Content-Encoding: gzip\r\nTransfer")
    _, interaction = play(head, *paced(map(chunk, pieces)), b"0\r\n\r\n")
    assert pieces == data_of(interaction.response)
    assert b"".join(EVENTS) == gzip.decompress(interaction.response.body)
    assert "3 events" in recorder.wait_for(interaction.request.path)


def test_an_error_status(play):
    """An answer that is an error is kept with its head and its body."""
    body = b'{"error": {"message": "slow down", "code": 429}}'
    head = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\n"
    head += b"Retry-After: 7\r\nContent-Length: %d\r\n\r\n" % len(body)
    _, interaction = play(head + body)
    response = interaction.response
    assert (429, body) == (response.status, response.body)
    assert "7" == response.header("retry-after")
    assert EndingKind.COMPLETE is response.ending.kind


def test_http_1_0(play):
    """An answer of HTTP/1.0 ends with its connection."""
    head = CLOSE.replace(b"HTTP/1.1", b"HTTP/1.0")
    _, interaction = play(head, *paced(EVENTS), "fin")
    response = interaction.response
    assert ("HTTP/1.0", Framing.CLOSE) == (response.http_version, response.framing)
    assert EVENTS == data_of(response)
    assert EndingKind.COMPLETE is response.ending.kind


def test_borders_are_those_of_the_wire(play):
    """Chunks that share a write stay apart; an event in two chunks stays in two."""
    _, interaction = play(
        CHUNKED,
        GAP_S,
        chunk(b"data: o") + chunk(b"ne\n\n") + chunk(b"data: two\n\ndata: three\n\n"),
        GAP_S,
        chunk("data: é\n\n".encode()[:7]),
        GAP_S,
        chunk("data: é\n\n".encode()[7:]) + b"0\r\n\r\n",
    )
    expected = [b"data: o", b"ne\n\n", b"data: two\n\ndata: three\n\n"]
    expected += [b"data: \xc3", b"\xa9\n\n"]
    assert expected == data_of(interaction.response)


def test_a_chunk_that_is_none(play):
    """Broken framing truncates, and the cassette says that it was the framing."""
    _, interaction = play(CHUNKED, GAP_S, chunk(EVENTS[0]), GAP_S, b"xyz\r\n", "fin")
    assert EndingKind.TRUNCATED is interaction.response.ending.kind
    assert EVENTS[:1] == data_of(interaction.response)
    assert ("The upstream broke the rules of HTTP here.",) == interaction.notes


def test_no_body(play):
    """An answer without a body is kept as one."""
    _, interaction = play(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (204, ()) == (interaction.response.status, interaction.response.segments)
    assert EndingKind.COMPLETE is interaction.response.ending.kind


def test_nothing_is_held_back(upstream, recorder):
    """The upstream sends its next event only when the client has the one before."""
    path = f"/pingpong/{next(PATHS)}"
    arrived = [threading.Event() for _ in EVENTS]
    steps: list = [CHUNKED]
    for event, there in zip(EVENTS, arrived, strict=True):
        steps += [chunk(event), lambda there=there: there.wait(5)]
    upstream.plans[path] = [*steps, b"0\r\n\r\n"]
    with recorder.ask(path) as sock:
        sock.settimeout(3)
        data = b""
        for event, there in zip(EVENTS, arrived, strict=True):
            while event not in data:
                data += sock.recv(65536)
            there.set()
    assert EVENTS == data_of(recorder.interaction(f"POST {path} ").response)


def test_no_answer_is_said(upstream, recorder):
    """An upstream that closes before its head leaves no cassette, but a line."""
    path = f"/nothing/{next(PATHS)}"
    upstream.plans[path] = ["fin"]
    assert b" 502 " in recorder.fetch(path)
    line = recorder.wait_for(path)
    assert "no answer that can be recorded" in line
    assert "server closed connection" in line


def test_a_client_that_reads_slowly_is_noted(upstream, recorder):
    """Times that a slow client may have moved are marked as such."""
    path = f"/slow/{next(PATHS)}"
    size = 8 * 1024 * 1024
    head = sized(size).replace(b"text/event-stream", b"text/plain")
    upstream.plans[path] = [head, b"x y\n" * (size // 4)]
    with recorder.ask(path, receive_buffer=1 << 16) as sock:
        time.sleep(0.5)
        got = 0
        while got < size:
            got += len(sock.recv(1 << 20))
    interaction = recorder.interaction(f"POST {path} ")
    assert size == len(interaction.response.body)
    (note,) = interaction.notes
    assert note.startswith("The client fell behind at ")


def test_an_interim_answer_is_said(upstream, recorder):
    """Mitmproxy takes 103 for the answer; nothing is recorded, and a line says so."""
    path = f"/interim/{next(PATHS)}"
    upstream.plans[path] = [b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", 0.1]
    recorder.fetch(path)
    line = recorder.wait_for(path)
    assert "the interim answer 103" in line
    assert "is not recorded" in line


def test_trailers_are_said(upstream, recorder):
    """Mitmproxy gives up on trailers of HTTP/1.1; what had come is kept."""
    path = f"/trailers/{next(PATHS)}"
    last = b"0\r\nX-Sum: 1\r\n\r\n"
    upstream.plans[path] = [CHUNKED, chunk(EVENTS[0]), GAP_S, last, "until-left"]
    with recorder.ask(path) as sock:
        while EVENTS[0] not in sock.recv(65536):
            pass
        assert "trailers are not implemented" in recorder.wait_for("crashed")
    assert EVENTS[:1] == data_of(recorder.interaction(f"POST {path} ").response)

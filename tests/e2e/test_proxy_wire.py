"""The proxy between a raw upstream and a raw client: exact bytes, exact endings."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from typing import Any

import h11
import pytest

from proxy.v2 import make_relay
from tests.e2e.proxy_bench import (
    CHUNKED,
    CLOSE_DELIMITED,
    FIN,
    HOLD,
    ONCE,
    RST,
    SSE,
    STREAM,
    TERMINATOR,
    Bench,
    Stopwatch,
    Upstream,
    bench,
    chunk,
    exchange,
    post,
    referee,
    reset,
    split,
    text,
)

pytestmark = pytest.mark.e2e

CHUNKED_AND_LENGTH = (
    b"POST /v1/x HTTP/1.1\r\nHost: p\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)


def test_a_chunked_stream_arrives_chunk_by_chunk_and_ends_with_the_terminator():
    """Each read of the upstream becomes one transfer chunk, then the terminator."""
    script = [CHUNKED, chunk(SSE[0]), 0.05, chunk(SSE[1]), TERMINATOR, HOLD]
    answer, how = exchange([script], post(STREAM, extra=ONCE))
    lines, body = split(answer)
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert b"x-streaming-architecture: v2" in lines
    assert body == chunk(SSE[0]) + chunk(SSE[1]) + TERMINATOR
    assert how == FIN
    assert text(referee(answer)) == b"".join(SSE)


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        ([CHUNKED, chunk(SSE[0]), 0.05, FIN], SSE[0]),
        ([CHUNKED, chunk(SSE[0]), 0.05, RST], SSE[0]),
        ([CHUNKED, chunk(SSE[0]), b"20\r\nhalf", FIN], SSE[0] + b"half"),
        ([CHUNKED + chunk(SSE[0]) + b"zz\r\nbad\r\n", HOLD], SSE[0]),
        ([CLOSE_DELIMITED + SSE[0], 0.05, RST], SSE[0]),
        ([CHUNKED[:-2] + b"\r\n" + chunk(SSE[0]) + b"0\r\n", FIN], SSE[0]),
        (
            [CLOSE_DELIMITED[:-2] + b"Content-Length: 99\r\n\r\n" + SSE[0], FIN],
            None,
        ),
    ],
    ids=[
        "fin",
        "rst",
        "fin-in-chunk",
        "bad-chunk-size",
        "close-delimited-rst",
        "half-terminator",
        "short-length",
    ],
)
def test_an_upstream_that_did_not_finish_never_looks_finished(script, kept):
    """After a cut the client has the bytes before it, and no terminator."""
    answer, _ = exchange([script], post(STREAM))
    if kept is not None:
        assert not answer.endswith(TERMINATOR)
    with pytest.raises(h11.RemoteProtocolError):
        referee(answer)
    if kept is not None:
        read = referee(answer, eof=False)
        assert text(read) == kept


@pytest.mark.parametrize("how", ["length", "close"])
def test_other_framings_of_the_upstream_end_as_complete(how):
    """A length that is kept, or a FIN where nothing else ends the body, is complete."""
    body = b"".join(SSE)
    if how == "length":
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        script = [CLOSE_DELIMITED[:-2] + length, body[:5], 0.02, body[5:], HOLD]
    else:
        script = [CLOSE_DELIMITED, body, FIN]
    answer, _ = exchange([script], post(STREAM, extra=ONCE))
    events = referee(answer)
    assert text(events) == body
    assert isinstance(events[-1], h11.EndOfMessage)


def test_a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection():
    """Transfer chunks would be read as text by a client of HTTP/1.0."""
    script = [CHUNKED, chunk(SSE[0]), chunk(SSE[1]), TERMINATOR, HOLD]
    answer, how = exchange([script], post(STREAM, version="1.0"))
    lines, body = split(answer)
    assert body == b"".join(SSE)
    assert b"connection: close" in lines
    assert not [line for line in lines if line.lower().startswith(b"transfer-enc")]
    assert how == FIN


def test_informational_answers_are_left_out():
    """103 and 100 before the answer are the upstream's talk with the proxy."""
    early = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    )
    script = [early, 0.02, CHUNKED + chunk(SSE[0]) + TERMINATOR, HOLD]
    answer, _ = exchange([script], post(STREAM, extra=ONCE))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Link" not in answer
    assert text(referee(answer)) == SSE[0]


def test_an_offer_to_upgrade_does_not_end_a_body():
    """``Upgrade: h2c`` with a close-delimited body, as Apache sends it."""
    offer = CLOSE_DELIMITED[:-2] + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    script = [offer + SSE[0], 0.02, SSE[1], FIN]
    answer, _ = exchange([script], post(STREAM, extra=ONCE))
    assert text(referee(answer)) == b"".join(SSE)


@pytest.mark.parametrize("body", [{"model": "m"}, STREAM], ids=["none", "v2"])
@pytest.mark.parametrize(
    "value", [b"a\nx-evil: 1", b"a\rx", b"a\0b"], ids=["lf", "cr", "nul"]
)
def test_a_header_with_a_line_break_never_reaches_the_client(value, body):
    """A bare CR, LF or NUL in a header of the upstream is answered with 502."""
    script = [b"HTTP/1.1 200 OK\r\nX-A: " + value + b"\r\n\r\nbody", FIN]
    answer, _ = exchange([script], post(body, extra=ONCE))
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"evil" not in answer


def test_header_bytes_are_not_reinterpreted():
    """Bytes outside of ASCII pass in both directions as they are."""
    raw = "X-Name: caf\xe9 \u00fc".encode("latin-1")
    utf8 = "X-Other: 用户".encode()
    script = [CHUNKED[:-2] + raw + b"\r\n" + utf8 + b"\r\n\r\n" + TERMINATOR, HOLD]
    seen: list[bytes] = []

    async def scene(bench: Bench, upstream: Upstream) -> None:
        request = post(STREAM, extra=ONCE)
        request = request.replace(
            b"Host: proxy\r\n", b"Host: proxy\r\n" + raw + b"\r\n"
        )
        answer, _ = await bench.ask(request)
        seen.extend([answer, upstream.requests[0]])

    bench([script], scene)
    assert raw in seen[0].split(b"\r\n")
    assert utf8 in seen[0].split(b"\r\n")
    assert raw in seen[1].split(b"\r\n")


@pytest.mark.parametrize("body", [STREAM, {"model": "m"}], ids=["stream", "other"])
def test_proxy_status_reaches_the_client(body):
    """The report of a proxy before us is for the client (RFC 9209, section 2)."""
    line = b"Proxy-Status: cdn.example; error=http_response_timeout"
    own = b"Proxy-Authenticate: Basic"
    head = CHUNKED[:-2] + line + b"\r\n" + own + b"\r\n\r\n"

    answer, _ = exchange(
        [[head, chunk(SSE[0]), chunk(SSE[1]), TERMINATOR, FIN]],
        post(body, extra=ONCE),
        relay=make_relay,
    )

    lines, _ = split(answer)
    assert line in lines
    assert own not in lines


def test_the_request_reaches_the_upstream_rewritten_where_it_must_be():
    """End-to-end headers keep order; host, length, coding and hop-by-hop are ours."""
    seen: list[bytes] = []

    async def scene(bench: Bench, upstream: Upstream) -> None:
        request = (
            b"POST /v1/chat/completions?a=b%20c&d HTTP/1.1\r\nHost: proxy\r\n"
            b"Authorization: Bearer s3cret\r\nX-B: 2\r\nX-A: 1\r\nX-B: 3\r\n"
            b"Accept-Encoding: gzip\r\nTE: trailers\r\nX-Mine: 1\r\n"
            b"Connection: close, x-mine\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunk(b'{"stream"')
            + chunk(b": true}")
            + b"0\r\nX-Trailer: 1\r\n\r\n"
        )
        await bench.ask(request)
        seen.append(upstream.requests[0])
        seen.append(f"127.0.0.1:{bench.proxy._origin.port}".encode())

    bench([[CHUNKED + TERMINATOR, HOLD]], scene)
    assert seen[0] == (
        b"POST /v1/chat/completions?a=b%20c&d HTTP/1.1\r\nhost: " + seen[1] + b"\r\n"
        b"Authorization: Bearer s3cret\r\nX-B: 2\r\nX-A: 1\r\nX-B: 3\r\n"
        b"accept-encoding: identity\r\ncontent-length: 16\r\n\r\n"
        b'{"stream": true}'
    )


@pytest.mark.parametrize("how", [FIN, RST])
@pytest.mark.parametrize("body", [STREAM, {"model": "m"}], ids=["stream", "other"])
@pytest.mark.parametrize(
    "script",
    [[HOLD], [CHUNKED, HOLD], [CHUNKED, chunk(SSE[0]), HOLD]],
    ids=["before-head", "after-head", "after-data"],
)
def test_a_client_that_leaves_frees_the_upstream(script, body, how):
    """FIN or RST of the client closes the upstream's connection immediately."""
    lag: list[float] = []

    async def scene(bench: Bench, upstream: Upstream) -> None:
        reader, writer = await bench.open()
        writer.write(post(body))
        await upstream.asked.wait()
        if len(script) > 1:
            await reader.readuntil(b"\r\n\r\n")
        if len(script) > 2:
            await reader.readuntil(SSE[0])
        async with Stopwatch() as watch:
            if how == FIN:
                writer.close()
            else:
                reset(writer)
            await asyncio.wait_for(upstream.closed.wait(), 5)
        lag.append(watch.seconds)

    bench([script], scene)
    assert lag[0] < 0.5


def test_a_client_that_leaves_while_connecting_ends_the_attempt():
    """The attempt to connect is given up too."""
    # A listener whose queue is full does not answer; the attempt hangs in SYN.
    with socket.socket() as full, socket.socket() as filler, socket.socket() as more:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for sock in (filler, more):
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))

        async def scene(bench: Bench, _: Upstream) -> None:
            _, writer = await bench.open()
            writer.write(post(STREAM))
            await asyncio.sleep(0.1)
            assert len(connecting()) == 1
            writer.close()
            await asyncio.sleep(0.2)
            assert connecting() == []

        def connecting() -> list[Any]:
            return [t for t in asyncio.all_tasks() if "_connect" in repr(t)]

        bench([[]], scene, upstream_url=f"http://127.0.0.1:{port}")


def test_a_client_that_does_not_read_stops_the_reading_of_the_upstream():
    """Memory stays bounded, and nothing is lost or doubled when it reads again."""
    piece = bytes(range(256)) * 256
    count = 400
    script = [CHUNKED, *[chunk(piece)] * count, TERMINATOR, HOLD]
    total: list[int] = []

    async def scene(bench: Bench, upstream: Upstream) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", bench.port))
        await loop.sock_sendall(sock, post(STREAM, extra=ONCE))
        previous = -1
        while upstream.written != previous:
            previous = upstream.written
            await asyncio.sleep(0.3)
        total.append(upstream.written)
        received = bytearray()
        while data := await loop.sock_recv(sock, 1 << 20):
            received += data
        sock.close()
        assert text(referee(bytes(received))) == piece * count

    bench([script], scene)
    # The kernel holds several megabytes; the stream has 26.
    assert total[0] < len(piece) * count * 0.6


def test_a_connection_serves_one_request_after_another():
    """Pipelined requests are answered in order, and keep-alive is kept."""
    script = [CHUNKED, 0.02, chunk(SSE[0]), TERMINATOR, HOLD]
    requests = post(STREAM) + b"GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n"
    requests += post({"model": "m"}, extra=ONCE)
    answer, how = exchange([script], requests)
    assert how == FIN
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200"] * 3
    served = re.findall(rb"x-streaming-architecture: (\w+)", answer)
    assert served == [b"v2", b"none", b"none"]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /healthz", 200),
        (b"GET /", 404),
        (b"GET /admin/v1/x", 404),
        (b"GET /v1evil", 404),
        (b"GET /v1/../admin", 400),
        (b"GET /v1/%2e%2e/admin", 400),
        (b"GET /v1/..%2fadmin", 400),
        (b"GET /v1/%252e%252e%252fadmin", 400),
        (b"GET /v1/..;x/admin", 400),
        (b"GET /v1/models/meta%2Fllama", 200),
        (b"GET http://proxy/v1/models", 200),
        (b"DELETE /v1/files/1", 200),
    ],
)
def test_only_what_stays_below_v1_is_forwarded(request_line, status):
    """Other paths are 404, and paths that could climb out are 400."""
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    request = request_line + b" HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"
    answer, _ = exchange([[ok, HOLD]], request)
    assert int(answer[9:12]) == status
    events = referee(answer)
    json.loads(text(events))


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST /v1/x HTTP/1.1\r\nHost: p\r\nContent-Length: 40000000\r\n\r\n", 413),
        (b"GET /v1/x HTTP/1.1\r\nHost: p\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"GET /v1/x HTTP/1.1\r\nHost: p\r\nHost: q\r\nConnection: close\r\n\r\n", 400),
        (CHUNKED_AND_LENGTH, 400),
    ],
    ids=["nonsense", "too-large", "head-too-large", "two-hosts", "two-lengths"],
)
def test_bad_requests_are_refused(request_bytes, status):
    """A request that cannot be read safely is answered and the connection closed."""
    answer, how = exchange([[HOLD]], request_bytes)
    assert int(answer[9:12]) == status
    assert how == FIN
    assert json.loads(text(referee(answer)))["error"]["code"] == status


def test_a_chunked_body_above_the_limit_is_refused_while_it_comes():
    """The limit holds where no length announces the body."""
    head = b"POST /v1/x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer, _ = exchange([[HOLD]], head + chunk(bytes(1 << 20)) * 33)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_client_that_waits_to_send_its_body_is_told_to():
    """``Expect: 100-continue`` is answered before the body, and not passed on."""
    seen: list[bytes] = []

    async def scene(bench: Bench, upstream: Upstream) -> None:
        reader, writer = await bench.open()
        payload = json.dumps(STREAM).encode()
        head = post(STREAM, extra="Expect: 100-continue\r\n")[: -len(payload)]
        writer.write(head)
        seen.append(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2))
        writer.write(payload)
        seen.append(await reader.readuntil(TERMINATOR))
        seen.append(upstream.requests[0])
        writer.close()

    bench([[CHUNKED + chunk(SSE[0]) + TERMINATOR, HOLD]], scene)
    assert seen[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert seen[1].startswith(b"HTTP/1.1 200 OK")
    assert b"expect" not in seen[2].lower()


def test_answers_that_are_no_streams_pass_unchanged():
    """Status, end-to-end headers and body of other answers stay; hop-by-hop goes."""
    body = b'{"ok": true}'
    head = (
        b"HTTP/1.1 418 Teapot\r\nContent-Type: application/json\r\nX-A: 1\r\nX-A: 2\r\n"
        b"Keep-Alive: timeout=5\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    answer, _ = exchange([[head + body, HOLD]], post({"model": "m"}, extra=ONCE))
    lines, got = split(answer)
    assert got == body
    assert lines[1:4] == [b"Content-Type: application/json", b"X-A: 1", b"X-A: 2"]
    assert b"x-streaming-architecture: none" in lines
    assert not [line for line in lines if line.startswith(b"Keep-Alive")]


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n"),
    ],
)
def test_answers_without_a_body_end_with_their_head(method, head):
    """HEAD, 204 and 304 wait for no body, and the connection stays usable."""
    request = method + b" /v1/models HTTP/1.1\r\nHost: p\r\n\r\n"
    again = b"GET /healthz HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"
    answer, _ = exchange([[head, HOLD]], request + again)
    first, _, second = answer.partition(b"\r\n\r\n")
    assert first.startswith(head[:12])
    assert second.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("script", "status"), [([FIN], 502), ([RST], 502), ([b"junk\r\n\r\n", HOLD], 502)]
)
def test_an_upstream_that_fails_before_its_head_is_a_502(script, status):
    """Whatever goes wrong before the head, the client gets a JSON error."""
    answer, _ = exchange([script], post({"model": "m"}, extra=ONCE))
    assert int(answer[9:12]) == status
    assert json.loads(text(referee(answer)))["error"]["type"] == "upstream_error"


def test_an_upstream_that_nobody_answers_at_is_a_502():
    """A refused connection is reported as such."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        answer, _ = exchange([[]], post({"model": "m"}, extra=ONCE), upstream_url=url)
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"refused" in answer


def test_an_upstream_that_is_silent_for_too_long_is_a_504():
    """The limit of the whole exchange holds for answers that are no streams."""
    environ = {"STREAMING_TIMEOUT_SECONDS": "0.2"}
    answer, _ = exchange([[HOLD]], post({"model": "m"}, extra=ONCE), environ=environ)
    assert answer.startswith(b"HTTP/1.1 504")


def test_an_answer_that_is_no_stream_and_breaks_off_is_broken_off():
    """A short body is not completed, so the client can see the cut."""
    script = [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", 0.02, FIN]
    answer, _ = exchange([script], post({"model": "m"}))
    with pytest.raises(h11.RemoteProtocolError):
        referee(answer)


def test_a_stop_breaks_open_streams_off():
    """After the grace an open stream ends without the terminator."""
    got: list[bytes] = []

    async def scene(bench: Bench, upstream: Upstream) -> None:
        reader, writer = await bench.open()
        writer.write(post(STREAM))
        await reader.readuntil(SSE[0])
        started = time.monotonic()
        await bench.proxy.stop(0.1)
        assert time.monotonic() - started < 5
        got.append(await reader.read())
        await asyncio.wait_for(upstream.closed.wait(), 1)
        writer.close()

    bench([[CHUNKED, chunk(SSE[0]), HOLD]], scene)
    assert TERMINATOR not in got[0]

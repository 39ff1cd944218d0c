"""What the stamping client sees of real sockets, and how it leaves them.

A busy machine may be late by seconds: what must not arrive is seconds away, and upper
bounds are far above any lag.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
import subprocess
import time
from dataclasses import replace

import pytest

from harness.cassette.model import EndingKind, Framing, Request
from harness.errors import EvidenceError, InputError
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.capture import capture
from harness.play.client.fetch import DEADLINE_S, fetch
from harness.play.client.response_reader import ResponseReader
from harness.play.client.stamped_connection import StampedConnection
from harness.play.upstream.server import Upstream
from harness.scenario.model import Abort, AbortHow, ClientPlan
from harness.scenario.script import Script

pytestmark = pytest.mark.e2e

MS = 1_000_000
LONG_MS = 8_000
"""When something happens that no test waits for."""

REQUEST = Request(
    method="POST",
    path="/v1/chat/completions?a=%2F",
    headers=(
        ("content-type", "application/json"),
        ("Host", "recorded.example"),
        ("content-length", "999"),
        ("X-A", "1"),
        ("X-A", "2"),
    ),
    body=b'{"stream": true}',
)
DRAFT = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(("content-type", "text/event-stream"), ("x-b", "1"), ("X-B", "\xe9")),
    framing=Framing.CHUNKED,
    head_at_ns=5 * MS,
    writes=tuple(Write(at * MS, b"data: %d\n\n" % at) for at in (20, 40, 60, 80)),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=90 * MS,
)


def script(draft: WireDraft) -> Script:
    """Wrap a draft into the script of one stream."""
    return Script(
        scenario_id="a/b",
        seed=1,
        request=REQUEST,
        attempts=(draft,),
        client=ClientPlan(),
    )


def play(draft: WireDraft, *, request: Request = REQUEST, **options):
    """Play a draft to the client; return its exchange and the upstream's request.

    The request is None where the client's deadline passed before it was read.
    """

    async def main():
        async with asyncio.timeout(30), Upstream() as upstream:
            slot = upstream.expect("t1", script(draft))
            exchange = await fetch(upstream.url, request, token="t1", **options)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await slot.settled()
            requests = slot.requests(exchange.zero_ns)
            return exchange, requests[0] if requests else None

    return asyncio.run(main())


def deadlines(end: StreamEnd) -> tuple[float, ...]:
    """Return deadlines to try one after another; only a stall makes a client wait.

    A machine that lags may need the next one to play all that is before the stall.
    """
    return (0.3, 2.0, 9.0) if end is StreamEnd.STALL else (20.0,)


@pytest.mark.parametrize(
    ("framing", "end", "expected"),
    [
        (Framing.CHUNKED, StreamEnd.COMPLETE, ClientEnd.COMPLETE),
        (Framing.CHUNKED, StreamEnd.TRUNCATED, ClientEnd.TRUNCATED),
        (Framing.CHUNKED, StreamEnd.RESET, ClientEnd.RESET),
        (Framing.CHUNKED, StreamEnd.STALL, ClientEnd.TIMEOUT),
        (Framing.CONTENT_LENGTH, StreamEnd.COMPLETE, ClientEnd.COMPLETE),
        (Framing.CLOSE, StreamEnd.COMPLETE, ClientEnd.COMPLETE),
        (Framing.CLOSE, StreamEnd.TRUNCATED, ClientEnd.COMPLETE),
        (Framing.CLOSE, StreamEnd.RESET, ClientEnd.RESET),
        (Framing.CLOSE, StreamEnd.STALL, ClientEnd.TIMEOUT),
    ],
)
def test_every_ending_is_told_apart(framing, end, expected):
    """The end is that of the wire, after the whole head and body."""
    draft = replace(DRAFT, framing=framing, end=end)
    for deadline_s in deadlines(end):
        exchange, request = play(draft, deadline_s=deadline_s)
        if request is not None and request.finished:
            break
    assert request is not None
    assert request.finished
    assert (expected, 200, framing) == (exchange.end, exchange.status, exchange.framing)
    assert draft.body == b"".join(data for _, data in exchange.reads)
    if expected is ClientEnd.TIMEOUT:
        assert exchange.end_at_ns >= deadline_s * 1_000 * MS


@pytest.mark.parametrize("end", [StreamEnd.TRUNCATED, StreamEnd.RESET])
def test_a_length_that_is_not_reached_is_no_complete_answer(end):
    """FIN and RST before the promised length are what they are."""
    draft = replace(DRAFT, framing=Framing.CONTENT_LENGTH, promised_length=99, end=end)
    exchange, _ = play(draft)
    assert end.value == exchange.end.value


@pytest.mark.parametrize("end", [StreamEnd.TRUNCATED, StreamEnd.RESET])
def test_an_end_before_the_head_has_no_status(end):
    """Only the end arrives."""
    draft = replace(DRAFT, head_at_ns=None, writes=(), end=end)
    exchange, _ = play(draft)
    assert (end.value, None, None, ()) == (
        exchange.end.value,
        exchange.status,
        exchange.head_at_ns,
        exchange.reads,
    )


def test_a_broken_chunk_is_a_protocol_error_immediately():
    """The body before it is kept, and the client does not wait for its deadline."""
    writes = (*DRAFT.writes[:2], Write(50 * MS, b"zz\r\n", raw=True))
    exchange, _ = play(replace(DRAFT, writes=writes, end=StreamEnd.STALL))
    assert (ClientEnd.PROTOCOL_ERROR, b"data: 20\n\ndata: 40\n\n") == (
        exchange.end,
        b"".join(data for _, data in exchange.reads),
    )
    assert "not a chunk size" in (exchange.why or "")
    assert exchange.end_at_ns < DEADLINE_S * 1_000 * MS


def test_headers_are_judged_from_the_bytes_and_not_from_a_library():
    """Names, order, repeats and bytes above ASCII are what was sent."""
    exchange, _ = play(DRAFT)
    expected = (
        (b"content-type", b"text/event-stream"),
        (b"x-b", b"1"),
        (b"X-B", b"\xe9"),
        (b"transfer-encoding", b"chunked"),
    )
    assert (expected, "HTTP/1.1") == (exchange.headers, exchange.http_version)


def test_a_head_that_httpx_refuses_is_judged_by_us():
    """A refusal of the library does not end the recording of the wire."""
    draft = replace(DRAFT, headers=(("x", "a\x01b"),))
    exchange, _ = play(draft)
    assert (ClientEnd.COMPLETE, draft.body) == (
        exchange.end,
        b"".join(data for _, data in exchange.reads),
    )


def test_zero_is_the_moment_the_request_was_sent():
    """What the upstream and the client stamped lies on one line of time."""
    exchange, request = play(DRAFT)
    assert 0 <= request.at_ns < 20_000 * MS
    assert exchange.head_at_ns is not None
    assert request.at_ns + 5 * MS <= exchange.head_at_ns
    for (sent_ns, sent), (read_ns, _), planned_ms in zip(
        request.sent, exchange.reads, (20, 40, 60, 80), strict=True
    ):
        assert request.at_ns + planned_ms * MS <= sent_ns <= read_ns, sent
    assert exchange.reads[-1][0] <= exchange.end_at_ns
    raw = b"".join(data for _, data in exchange.raw)
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert raw.endswith(b"0\r\n\r\n")


def test_a_read_of_two_chunks_is_one_read_and_two_pieces():
    """Reads count what a socket brought, pieces what the sender framed."""
    wire = b"2\r\nab\r\n2\r\ncd\r\n"
    draft = replace(DRAFT, writes=(Write(20 * MS, wire, raw=True),))
    exchange, _ = play(draft)
    assert [b"abcd"] == [data for _, data in exchange.reads]
    assert [b"ab", b"cd"] == [data for _, data in exchange.pieces]


def test_the_request_is_what_was_asked():
    """Path and headers pass as they are; those of a connection are written again."""
    _, request = play(
        DRAFT, headers=(("authorization", "Bearer x"), ("x-a", "replaced"))
    )
    names = [name.lower() for name, _ in request.headers]
    values = {name.lower(): value for name, value in request.headers}
    assert ("POST", "/v1/chat/completions?a=%2F") == (request.method, request.path)
    assert b'{"stream":true,"user":"t1"}' == request.body
    assert b"27" == values[b"content-length"]
    assert b"replaced" == values[b"x-a"]
    assert b"t1" == values[b"x-harness-stream"]
    assert values[b"host"].startswith(b"127.0.0.1:")
    assert sorted(set(names)) == sorted(names)
    assert not {b"user-agent", b"accept-encoding"} & set(names)


def test_a_base_url_may_have_a_path():
    """The path of the request is appended to it."""

    async def main():
        async with asyncio.timeout(20), Upstream() as upstream:
            slot = upstream.expect("t1", script(DRAFT))
            await fetch(f"{upstream.url}/gateway/", REQUEST, token="t1")
            return slot.requests(0)[0].path

    assert "/gateway/v1/chat/completions?a=%2F" == asyncio.run(main())


@pytest.mark.parametrize("how", [AbortHow.FIN, AbortHow.RST])
@pytest.mark.parametrize("after", [0, 2])
def test_the_client_leaves_after_events(how, after):
    """FIN or RST reaches the upstream, which stops; nothing later is recorded."""
    plan = ClientPlan(abort=Abort(after_events=after, how=how))
    writes = (*DRAFT.writes[:after], Write(LONG_MS * MS, b"data: late\n\n"))
    exchange, request = play(replace(DRAFT, writes=writes), plan=plan)
    assert ClientEnd.CLIENT_CLOSED is exchange.end
    assert exchange.status == 200
    assert after == b"".join(data for _, data in exchange.reads).count(b"\n\n")
    assert (False, after) == (request.finished, len(request.sent))
    assert request.closed_at_ns is not None
    assert 0 <= request.closed_at_ns - exchange.end_at_ns < LONG_MS * MS


@contextlib.asynccontextmanager
async def serving(serve, **options):
    """Serve each connection with a coroutine; give the base URL."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    async with server, asyncio.timeout(20):
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("how", [AbortHow.FIN, AbortHow.RST])
def test_the_peer_sees_how_the_client_left(how):
    """FIN reads as the end, RST as an error."""

    async def main():
        seen = asyncio.get_running_loop().create_future()

        async def serve(reader, writer):
            await reader.readuntil(b"}")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
            try:
                seen.set_result("fin" if await reader.read() == b"" else "data")
            except ConnectionResetError:
                seen.set_result("rst")
            writer.close()

        plan = ClientPlan(abort=Abort(after_events=1, how=how))
        async with serving(serve) as url:
            await fetch(url, REQUEST, plan=plan)
            return await seen

    assert how.value == asyncio.run(main())


def test_bytes_that_wait_to_be_read_do_not_turn_fin_into_rst():
    """A socket that is closed while bytes wait in it would send RST."""

    async def main():
        loop = asyncio.get_running_loop()
        plan = ClientPlan(abort=Abort(after_events=1, how=AbortHow.FIN))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            transport, connection = await loop.create_connection(
                lambda: StampedConnection(
                    ResponseReader(), clock=time.monotonic_ns, plan=plan
                ),
                *listener.getsockname(),
            )
            peer, _ = listener.accept()
        with peer:
            transport.pause_reading()
            peer.sendall(b"x" * 10_000)
            await asyncio.sleep(0.05)
            connection.leave()
            await connection.close()
            # Both FIN and a RST after it have arrived by now.
            await asyncio.sleep(0.05)
            return peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), peer.recv(1)

    assert (0, b"") == asyncio.run(main())


def test_leaving_after_the_head_waits_for_the_whole_head():
    """A head in two reads is read to its end before the client leaves."""

    async def serve(reader, writer):
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"x: 1\r\n\r\n")
        await reader.read()
        writer.close()

    async def main():
        plan = ClientPlan(abort=Abort(after_events=0, how=AbortHow.FIN))
        async with serving(serve) as url:
            return await fetch(url, REQUEST, plan=plan)

    exchange = asyncio.run(main())
    assert (ClientEnd.CLIENT_CLOSED, 200) == (exchange.end, exchange.status)


def test_the_client_leaves_after_a_time():
    """Whatever it has read by then; speed divides the time."""
    plan = ClientPlan(abort=Abort(after_ms=LONG_MS))
    late = replace(DRAFT, end_at_ns=2 * LONG_MS * MS)
    exchange, request = play(late, plan=plan, speed=40)
    assert (ClientEnd.CLIENT_CLOSED, False) == (exchange.end, request.finished)
    assert LONG_MS // 40 * MS <= exchange.end_at_ns < LONG_MS * MS


def test_an_answer_that_ends_first_is_not_left():
    """A plan that is due after the end changes nothing."""
    plan = ClientPlan(abort=Abort(after_events=5))
    exchange, _ = play(DRAFT, plan=plan)
    assert ClientEnd.COMPLETE is exchange.end


def test_the_plan_may_name_its_own_deadline():
    """The deadline counts from the moment at which the request was sent."""
    plan = ClientPlan(deadline_ms=60)
    late = replace(DRAFT, writes=(Write(LONG_MS * MS, b"data: late\n\n"),))
    exchange, _ = play(late, plan=plan)
    assert (ClientEnd.TIMEOUT, ()) == (exchange.end, exchange.reads)
    assert 60 * MS <= exchange.end_at_ns < LONG_MS * MS


def test_a_closed_port_refuses():
    """Nobody listens: the exchange says so, and nothing is raised."""

    async def main():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await fetch(f"http://127.0.0.1:{port}", REQUEST)

    exchange = asyncio.run(main())
    assert (ClientEnd.REFUSED, None) == (exchange.end, exchange.status)
    assert exchange.why


def test_a_request_that_cannot_be_sent_is_an_error_of_ours():
    """A wrong URL is reported, and is no failure of a target."""
    with pytest.raises(InputError, match="cannot be sent"):
        asyncio.run(fetch("ftp://127.0.0.1", REQUEST))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate")
@pytest.mark.parametrize(
    ("trusted", "end", "expected"),
    [(True, ClientEnd.COMPLETE, b"abc"), (False, ClientEnd.REFUSED, b"")],
)
def test_https_is_judged_from_what_was_decrypted(
    tmp_path, monkeypatch, trusted, end, expected
):
    """A target behind TLS is read as any other, if its certificate is trusted."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate}"
    make += " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2"
    subprocess.run(make.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    async def serve(reader, writer):
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"3\r\nabc\r\n0\r\n\r\n")
        await reader.read()
        writer.close()

    async def main():
        async with serving(serve, ssl=context) as url:
            return await fetch(url.replace("http:", "https:"), REQUEST)

    exchange = asyncio.run(main())
    assert (end, expected) == (
        exchange.end,
        b"".join(data for _, data in exchange.reads),
    )


def test_no_connection_is_left_behind():
    """Every exchange frees its socket, also where it was cancelled."""

    async def main():
        async with asyncio.timeout(20), Upstream() as upstream:
            slot = upstream.expect("t1", script(replace(DRAFT, end=StreamEnd.STALL)))
            task = asyncio.ensure_future(fetch(upstream.url, REQUEST, token="t1"))
            await slot.asked()
            assert 1 == len(upstream._context.connections)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            for _ in range(2000):
                if not upstream._context.connections:
                    return
                await asyncio.sleep(0.005)
            assert 0 == len(upstream._context.connections)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (StreamEnd.COMPLETE, EndingKind.COMPLETE),
        (StreamEnd.TRUNCATED, EndingKind.TRUNCATED),
        (StreamEnd.RESET, EndingKind.RESET),
        (StreamEnd.STALL, EndingKind.TIMEOUT),
    ],
)
def test_an_answer_is_captured_as_a_cassette_holds_it(end, kind):
    """Bytes, borders, times and ending are kept; credentials are not."""

    async def main(deadline_s):
        async with (
            asyncio.timeout(30),
            Upstream(responder=lambda _: replace(DRAFT, end=end)) as upstream,
        ):
            return await capture(
                upstream.url,
                REQUEST,
                headers=(("authorization", "Bearer secret"),),
                deadline_s=deadline_s,
            )

    started_ns = time.monotonic_ns()
    for deadline_s in deadlines(end):
        with contextlib.suppress(EvidenceError):
            interaction = asyncio.run(main(deadline_s))
            if len(interaction.response.segments) == len(DRAFT.writes):
                break
    response = interaction.response
    assert REQUEST == interaction.request
    assert [write.data for write in DRAFT.writes] == [s.data for s in response.segments]
    assert ("HTTP/1.1", Framing.CHUNKED) == (response.http_version, response.framing)
    assert kind is response.ending.kind
    for segment, write in zip(response.segments, DRAFT.writes, strict=True):
        assert write.at_ns <= segment.at_ns < time.monotonic_ns() - started_ns


def test_an_answer_that_no_cassette_can_hold_is_reported():
    """A refused connection is missing evidence, and the message says so."""
    with pytest.raises(EvidenceError, match="refused"):
        asyncio.run(capture("http://127.0.0.1:1", REQUEST))

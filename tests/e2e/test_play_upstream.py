"""The bytes, pauses and endings that the replaying upstream puts on the wire.

Times are bounded from below only, since a busy machine may always be late. An upper
bound is only where its absence would hide a hang; it is generous, or allows for the lag
that was measured meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
import time
from dataclasses import replace

import h11
import pytest

from harness.cassette.model import Framing, Request
from harness.errors import InputError
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft, Write
from harness.play.upstream.connection import Connection
from harness.play.upstream.server import Upstream, round_robin
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script

pytestmark = pytest.mark.e2e

MS = 1_000_000
POST = (
    b"POST /v1/x HTTP/1.1\r\nhost: u\r\nx-harness-stream: %s\r\n"
    b"content-length: 2\r\n\r\n{}"
)
DRAFT = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(("content-type", "text/event-stream"),),
    framing=Framing.CHUNKED,
    head_at_ns=5 * MS,
    writes=(
        Write(20 * MS, b"data: a\n\n"),
        Write(20 * MS, b"data: b\n\n"),
        Write(60 * MS, b"data: c\n\n"),
    ),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=80 * MS,
)
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
CHUNKS = [b"9\r\ndata: %c\n\n\r\n" % letter for letter in b"abc"]
END = b"0\r\n\r\n"


def script(*attempts: WireDraft) -> Script:
    """Wrap the drafts of all attempts into the script of one stream."""
    return Script(
        scenario_id="a/b",
        seed=1,
        request=Request(method="POST", path="/v1/x", headers=(), body=b"{}"),
        attempts=attempts,
        client=ClientPlan(),
    )


class RawClient:
    """A client that knows nothing of HTTP: bytes, their times, FIN and RST."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def read_all(self):
        """Return the reads with their times, and how the connection ended."""
        reads = []
        while True:
            try:
                data = await self.reader.read(1 << 16)
            except ConnectionResetError:
                return reads, "rst"
            if not data:
                return reads, "fin"
            reads.append((time.monotonic_ns(), data))

    async def read_until(self, ending: bytes):
        """Return the bytes up to an ending."""
        return await self.reader.readuntil(ending)


@contextlib.asynccontextmanager
async def connected(upstream: Upstream):
    """Connect a raw client."""
    host, port = upstream.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def play(draft: WireDraft, *, after=b"", deadline_s: float = 30.0):
    """Play one draft to a raw client; return reads, end, the request, the zero."""

    async def main():
        async with (
            asyncio.timeout(deadline_s),
            Upstream() as upstream,
            connected(upstream) as client,
        ):
            slot = upstream.expect("t1", script(draft))
            zero_ns = time.monotonic_ns()
            client.writer.write(POST % b"t1" + after)
            reads, end = await client.read_all()
            await slot.settled()
            return reads, end, slot.requests(zero_ns), zero_ns

    return asyncio.run(main())


def closing(draft: WireDraft) -> WireDraft:
    """Have the connection closed after the answer: a raw client sees its end."""
    return replace(draft, headers=(*draft.headers, ("connection", "close")))


def test_writes_are_chunks_at_their_times():
    """Every write is one transfer chunk, never sent before its time, all recorded."""
    reads, end, (request,), zero_ns = play(closing(DRAFT))
    head = HEAD.replace(b"transfer", b"connection: close\r\ntransfer")
    assert head + b"".join(CHUNKS) + END == b"".join(data for _, data in reads)
    assert ("fin", True) == (end, request.finished)
    assert [9, 18, 27] == [length for _, length in request.sent]
    seen = b""
    due_ns = dict(zip((head, *CHUNKS, END), (5, 20, 20, 60, 80), strict=True))
    for at_ns, data in reads:
        seen += data
        for part in [part for part in due_ns if part in seen]:
            assert at_ns - zero_ns >= due_ns.pop(part) * MS
    for (at_ns, _), planned_ms in zip(request.sent, (20, 20, 60), strict=True):
        assert at_ns >= planned_ms * MS
    assert all(late_ns >= 0 for late_ns in request.lateness_ns)


class SpyTransport:
    """Notes what is handed to the kernel by one call each."""

    def __init__(self, transport, sends):
        self._transport, self._sends = transport, sends

    def write(self, data):
        self._transport.write(data)
        # Nothing waits in a buffer of the loop: the kernel has it.
        assert 0 == self._transport.get_write_buffer_size()
        self._sends.append(bytes(data))

    def __getattr__(self, name):
        return getattr(self._transport, name)


def test_equal_times_are_separate_sends(monkeypatch):
    """Two writes due at one instant reach the kernel by two sends, the head by one."""
    sends = []
    connection_made = Connection.connection_made

    def made(connection, transport):
        connection_made(connection, transport)
        option = socket.IPPROTO_TCP, socket.TCP_NODELAY
        assert transport.get_extra_info("socket").getsockopt(*option)
        connection._transport = SpyTransport(transport, sends)

    monkeypatch.setattr(Connection, "connection_made", made)
    play(closing(DRAFT))
    head = HEAD.replace(b"transfer", b"connection: close\r\ntransfer")
    assert [head, *CHUNKS, END] == sends


@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize(
    ("end", "expected"),
    [(StreamEnd.TRUNCATED, "fin"), (StreamEnd.RESET, "rst")],
)
def test_broken_endings_are_what_the_script_says(framing, end, expected):
    """FIN or RST comes after the last byte, and no terminator before it."""
    draft = replace(DRAFT, framing=framing, end=end, promised_length=99)
    reads, end, (request,), zero_ns = play(draft)
    wire = b"".join(data for _, data in reads)
    assert expected == end
    assert request.finished
    assert wire.endswith(CHUNKS[2] if framing is Framing.CHUNKED else b"data: c\n\n")
    assert time.monotonic_ns() - zero_ns >= 80 * MS


def test_a_stall_stays_open_until_the_peer_closes():
    """Nothing comes and nothing ends; when the peer leaves is kept."""

    async def main():
        async with asyncio.timeout(30), Upstream() as upstream:
            slot = upstream.expect("t1", script(replace(DRAFT, end=StreamEnd.STALL)))
            async with connected(upstream) as client:
                client.writer.write(POST % b"t1")
                await client.read_until(CHUNKS[2])
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await client.reader.read(1)
                left_ns = time.monotonic_ns()
            await slot.settled()
            return slot.requests(left_ns)[0]

    request = asyncio.run(main())
    assert request.finished
    assert request.closed_at_ns is not None
    assert 0 <= request.closed_at_ns < 20_000 * MS


@pytest.mark.parametrize("rst", [False, True])
def test_a_peer_that_leaves_ends_the_play(rst):
    """FIN and RST stop the writes, and the moment is kept."""

    async def main():
        async with asyncio.timeout(30), Upstream() as upstream:
            late = replace(DRAFT, writes=(*DRAFT.writes, Write(60_000 * MS, b"z")))
            slot = upstream.expect("t1", script(late))
            async with connected(upstream) as client:
                client.writer.write(POST % b"t1")
                await client.read_until(CHUNKS[2])
                if rst:
                    connection = client.writer.get_extra_info("socket")
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                left_ns = time.monotonic_ns()
            await slot.settled()
            return slot.requests(left_ns)[0]

    request = asyncio.run(main())
    assert (False, 3) == (request.finished, len(request.sent))
    assert request.closed_at_ns is not None
    assert 0 <= request.closed_at_ns < 20_000 * MS


@pytest.mark.parametrize("framing", [Framing.CHUNKED, Framing.CONTENT_LENGTH])
def test_a_connection_serves_one_request_after_another(framing):
    """After a complete answer the next request on the connection is answered."""
    draft = replace(DRAFT, framing=framing, end_at_ns=60 * MS)

    async def main():
        async with (
            asyncio.timeout(30),
            Upstream() as upstream,
            connected(upstream) as client,
        ):
            bodies = []
            for token in (b"t1", b"t2"):
                slot = upstream.expect(token.decode(), script(draft))
                client.writer.write(POST % token)
                bodies.append(
                    await client.read_until(
                        CHUNKS[2] + END
                        if framing is Framing.CHUNKED
                        else b"data: c\n\n"
                    )
                )
                await slot.settled()
                assert slot.requests(0)[0].finished
                slot.close()
            return bodies

    first, second = asyncio.run(main())
    assert first == second


def test_pipelined_requests_are_answered_in_order():
    """A second request that was sent early waits for the end of the first answer."""

    async def main():
        async with (
            asyncio.timeout(30),
            Upstream() as upstream,
            connected(upstream) as client,
        ):
            upstream.expect("t1", script(DRAFT))
            second = upstream.expect("t2", script(replace(DRAFT, status=201)))
            client.writer.write(POST % b"t1" + POST % b"t2")
            wire = await client.read_until(END)
            assert wire == HEAD + b"".join(CHUNKS) + END
            assert (await client.read_until(END)).startswith(b"HTTP/1.1 201 Created")
            assert [9, 18, 27] == [size for _, size in second.requests(0)[0].sent]

    asyncio.run(main())


def test_every_attempt_plays_its_script():
    """Attempt n plays entry n, the last one repeating."""
    first = replace(DRAFT, head_at_ns=None, writes=(), end=StreamEnd.RESET)

    async def main():
        async with asyncio.timeout(30), Upstream() as upstream:
            slot = upstream.expect("t1", script(first, closing(DRAFT)))
            seen = []
            for _ in range(3):
                async with connected(upstream) as client:
                    client.writer.write(POST % b"t1")
                    reads, end = await client.read_all()
                    seen.append((bool(reads), end))
            assert 3 == len(slot.requests(0))
            return seen

    assert [(False, "rst"), (True, "fin"), (True, "fin")] == asyncio.run(main())


def test_a_request_without_a_stream_gets_500_and_is_noted():
    """What cannot be assigned is answered and reported, and plays nothing."""

    async def main():
        async with (
            asyncio.timeout(30),
            Upstream() as upstream,
            connected(upstream) as client,
        ):
            slot = upstream.expect("t1", script(DRAFT))
            client.writer.write(POST % b"other")
            answer = await client.read_until(b"}}")
            client.writer.write(b"\x16\x03\x01 no request\r\n\r\n")
            reads, end = await client.read_all()
            assert ([], "fin", ()) == (reads, end, slot.requests(0))
            return answer, upstream.unmatched

    answer, unmatched = asyncio.run(main())
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b'"type":"harness_error"' in answer
    assert ["its token belongs to no stream", "not a request: Invalid method"] == [
        request.why.split(" encountered")[0] for request in unmatched
    ]


def test_a_client_that_waits_for_leave_gets_it():
    """``Expect: 100-continue`` is answered before the body is sent."""

    async def main():
        async with (
            asyncio.timeout(30),
            Upstream() as upstream,
            connected(upstream) as client,
        ):
            slot = upstream.expect("t1", script(DRAFT))
            head, _, body = (POST % b"t1").partition(b"\r\n\r\n")
            client.writer.write(head + b"\r\nexpect: 100-continue\r\n\r\n")
            assert b"HTTP/1.1 100 Continue\r\n\r\n" == await client.read_until(
                b"\r\n\r\n"
            )
            client.writer.write(body)
            await client.read_until(END)
            assert b"{}" == slot.requests(0)[0].body

    asyncio.run(main())


def test_a_peer_that_does_not_read_is_waited_for():
    """Writes wait while the kernel takes no more, and are then sent in order.

    At most one of them waits in the loop, so that each stays a send of its own. They
    count from when they were due: the peer held them up, and it is not our lateness.
    What the loop itself lags meanwhile is.
    """
    block, count = b"x" * (1 << 14), 2048
    draft = replace(
        closing(DRAFT),
        framing=Framing.CLOSE,
        writes=tuple(Write(number * 1000, block) for number in range(count)),
    )

    async def measure_lag(lags):
        while True:
            before_ns = time.monotonic_ns()
            await asyncio.sleep(0.01)
            lags.append(time.monotonic_ns() - before_ns - 10 * MS)

    async def main():
        lags = []
        async with asyncio.timeout(60), Upstream() as upstream:
            slot = upstream.expect("t1", script(draft))
            measuring = asyncio.ensure_future(measure_lag(lags))
            async with connected(upstream) as client:
                client.writer.write(POST % b"t1")
                await asyncio.sleep(0.8)
                stuck = len(slot.requests(0)[0].sent)
                (connection,) = upstream._context.connections
                assert 0 < connection._transport.get_write_buffer_size() <= len(block)
                reads, end = await client.read_all()
            await slot.settled()
            measuring.cancel()
            return stuck, reads, end, slot.requests(0)[0], max(lags)

    stuck, reads, end, request, lag_ns = asyncio.run(main())
    assert stuck < count
    assert b"".join(data for _, data in reads).endswith(block * count)
    assert ("fin", count) == (end, len(request.sent))
    assert count * len(block) == request.sent[-1][1]
    assert request.sent[-1][0] - request.at_ns < 400 * MS + lag_ns
    assert max(request.lateness_ns) < 400 * MS + lag_ns


def test_closing_a_slot_resets_what_still_stalls():
    """A target must not be left with connections of streams that were judged."""

    async def main():
        async with (
            asyncio.timeout(30),
            Upstream() as upstream,
            connected(upstream) as client,
        ):
            slot = upstream.expect("t1", script(replace(DRAFT, end=StreamEnd.STALL)))
            client.writer.write(POST % b"t1")
            await client.read_until(CHUNKS[2])
            slot.close()
            assert ([], "rst") == await client.read_all()
            assert slot.requests(0)[0].closed_at_ns is None

    asyncio.run(main())


def test_fifty_streams_run_side_by_side():
    """Each gets its own script, whole, in order, and no write of any is early."""

    async def stream(upstream, number):
        writes = tuple(
            Write((20 + index * 5) * MS, b"data: %d-%d\n\n" % (number, index))
            for index in range(40)
        )
        draft = closing(replace(DRAFT, writes=writes, end_at_ns=230 * MS))
        slot = upstream.expect(f"t{number}", script(draft))
        async with connected(upstream) as client:
            client.writer.write(POST % b"t%d" % number)
            reads, end = await client.read_all()
        await slot.settled()
        (request,) = slot.requests(0)
        assert min(request.lateness_ns) >= 0
        return b"".join(data for _, data in reads), end, draft

    async def main():
        async with asyncio.timeout(60), Upstream() as upstream:
            results = await asyncio.gather(
                *(stream(upstream, number) for number in range(50))
            )
            assert min(upstream.scheduler.lateness_ns) >= 0
            return results

    for wire, end, draft in asyncio.run(main()):
        assert "fin" == end
        assert draft.body == dechunked(wire)


def dechunked(wire: bytes) -> bytes:
    """Read an answer with h11, which refuses what HTTP does not allow."""
    referee = h11.Connection(h11.CLIENT)
    referee.send(h11.Request(method="GET", target="/", headers=[("host", "u")]))
    referee.send(h11.EndOfMessage())
    referee.receive_data(wire)
    referee.receive_data(b"")
    events = itertools.takewhile(
        lambda event: not isinstance(event, h11.EndOfMessage),
        iter(referee.next_event, None),
    )
    return b"".join(
        bytes(event.data) for event in events if isinstance(event, h11.Data)
    )


@pytest.mark.parametrize("framing", list(Framing))
def test_h11_reads_what_was_meant(framing):
    """A strict reader finds every complete answer well framed."""
    reads, _, _, _ = play(closing(replace(DRAFT, framing=framing)))
    assert DRAFT.body == dechunked(b"".join(data for _, data in reads))


def test_without_slots_answers_come_by_turn():
    """By hand, the first request gets the first answer, and so on, over and over."""
    drafts = [replace(DRAFT, status=status) for status in (200, 201)]
    served = []

    async def main():
        async with (
            asyncio.timeout(30),
            Upstream(
                responder=round_robin(drafts), on_over=served.append, speed=10
            ) as up,
            connected(up) as client,
        ):
            lines = []
            for _ in range(3):
                client.writer.write(POST % b"whatever")
                lines.append((await client.read_until(END)).split(b"\r\n")[0])
            return lines

    expected = [b"HTTP/1.1 200 OK", b"HTTP/1.1 201 Created", b"HTTP/1.1 200 OK"]
    assert expected == asyncio.run(main())
    assert 3 == len(served)


def test_an_address_in_use_is_reported():
    """Another listener on the port is an error of configuration."""

    async def main():
        async with Upstream() as first:
            port = int(first.url.rpartition(":")[2])
            with pytest.raises(InputError, match=r"cannot listen on .*in use"):
                async with Upstream(port=port):
                    pass

    asyncio.run(main())

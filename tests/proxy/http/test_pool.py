from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Any

import pytest

from proxy.http.origin import Origin
from proxy.http.pool import ConnectionPool, UpstreamAttempt
from tests.proxy.virtual_time import in_virtual_time

ORIGIN = Origin.parse("http://h")
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"3\r\nabc\r\n"
TERMINATOR = b"0\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """A transport in memory."""

    def __init__(self, sock: socket.socket | None = None) -> None:
        super().__init__()
        self.sock = sock
        self.protocol: Any = None
        self.sent = b""
        self.done: list[str] = []

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.sock if name == "socket" else default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return "abort" in self.done

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: Any) -> None:
        self.sent += data

    def abort(self) -> None:
        self.done.append("abort")

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")


class Bench:
    """A pool whose connections are made in memory; needs a running loop."""

    def __init__(self, *, size: int = 2) -> None:
        self.counted: list[str] = []
        self.logged: list[tuple[Any, ...]] = []
        self.events: list[Any] = []
        self.made: list[FakeTransport] = []
        self.error: BaseException | None = None
        self.delay_s = 0.0
        self.pool = ConnectionPool(ORIGIN, size=size, count=self.counted.append)
        loop = asyncio.get_running_loop()
        loop.create_connection = self.connect  # type: ignore[method-assign,assignment]

    async def connect(self, factory: Any, host: str, port: int, ssl: Any) -> None:
        assert (host, port, ssl) == ("h", 80, None)
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        self.made.append(FakeTransport())
        self.made[-1].protocol = protocol = factory()
        protocol.connection_made(self.made[-1])

    def attempt(self) -> UpstreamAttempt:
        return UpstreamAttempt(
            self.pool,
            b"REQ",
            self.events.extend,
            no_body=False,
            decode=False,
            connect_timeout_s=5,
            write_log=lambda *line: self.logged.append(line),
        )

    def waiting(self) -> FakeTransport:
        """Return a connection that was given to the pool."""
        transport = FakeTransport()
        self.pool.give(transport, None)
        return transport


async def settle() -> None:
    """Let tasks that are ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


class TestWaiting:
    @in_virtual_time
    async def test_the_connection_that_waited_least_is_taken_first(self):
        """It is the one that the upstream has most likely kept."""
        bench = Bench()
        first, second = bench.waiting(), bench.waiting()

        assert [second, first, None] == [bench.pool.take() for _ in range(3)]
        assert first.done == second.done == []

    @in_virtual_time
    async def test_beyond_the_size_the_oldest_is_closed(self):
        """The size limits the connections that wait."""
        bench = Bench(size=2)
        first, second, third = (bench.waiting() for _ in range(3))

        assert first.done == ["abort"]
        assert bench.pool.idle == 2
        assert [third, second, None] == [bench.pool.take() for _ in range(3)]

    @in_virtual_time
    async def test_a_pool_of_size_0_keeps_nothing(self):
        """Not even for a moment."""
        bench = Bench(size=0)

        assert bench.waiting().done == ["abort"]
        assert not bench.pool.keeps
        assert bench.pool.idle == 0

    @in_virtual_time
    async def test_a_closed_pool_keeps_nothing(self):
        """Waiting connections are closed, and later ones are not kept."""
        bench = Bench()
        waiting = bench.waiting()

        bench.pool.close()

        assert waiting.done == ["abort"]
        assert bench.waiting().done == ["abort"]
        assert bench.pool.idle == 0

    @pytest.mark.parametrize(
        ("promised_s", "kept_s"), [(None, 15), (20, 15), (15.5, 15), (5, 4.5)]
    )
    @in_virtual_time
    async def test_a_connection_waits_for_the_shorter_limit(self, promised_s, kept_s):
        """Ours, or the upstream's promise without a margin of half a second."""
        bench = Bench()
        transport = FakeTransport()
        bench.pool.give(transport, promised_s)

        await asyncio.sleep(kept_s - 0.01)
        assert (bench.pool.idle, transport.done) == (1, [])
        await asyncio.sleep(0.02)
        assert (bench.pool.idle, transport.done) == (0, ["abort"])

    @pytest.mark.parametrize(("promised_s", "kept"), [(0.5, False), (0.51, True)])
    @in_virtual_time
    async def test_a_promise_within_the_margin_keeps_nothing(self, promised_s, kept):
        """The upstream would close it at any moment."""
        bench = Bench()
        transport = FakeTransport()

        bench.pool.give(transport, promised_s)

        assert bench.pool.idle == kept
        assert transport.is_closing() is not kept

    @in_virtual_time
    async def test_the_limit_does_not_close_a_connection_in_use(self):
        """Its timer ends when it is taken."""
        bench = Bench()
        transport = bench.waiting()

        assert transport is bench.pool.take()
        await asyncio.sleep(60)

        assert transport.done == []

    @pytest.mark.parametrize(
        "activity",
        [
            lambda protocol: protocol.data_received(b"x"),
            lambda protocol: protocol.eof_received(),
            lambda protocol: protocol.connection_lost(OSError()),
        ],
        ids=["byte", "fin", "rst"],
    )
    @in_virtual_time
    async def test_any_activity_removes_a_waiting_connection(self, activity):
        """Nothing of it may reach the next answer."""
        bench = Bench()
        kept, transport = bench.waiting(), bench.waiting()

        activity(transport.protocol)

        assert transport.done == ["abort"]
        assert [kept, None] == [bench.pool.take() for _ in range(2)]

    @pytest.mark.parametrize("how", ["byte", "fin", "closing"])
    @in_virtual_time
    async def test_a_dead_connection_is_not_taken(self, how):
        """Activity that the loop has not read yet is on the socket."""
        bench = Bench()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            good = bench.waiting()
            bad = FakeTransport(ours)
            bench.pool.give(bad, None)
            if how == "byte":
                theirs.send(b"x")
            elif how == "fin":
                theirs.close()
            else:
                bad.done.append("abort")

            assert good is bench.pool.take()
            assert bad.is_closing()

    @in_virtual_time
    async def test_a_quiet_socket_is_taken(self):
        """The look at the socket finds nothing."""
        bench = Bench()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            transport = FakeTransport(ours)
            bench.pool.give(transport, None)

            assert transport is bench.pool.take()


class TestAttempts:
    @in_virtual_time
    async def test_without_a_waiting_connection_one_is_made(self):
        """The request is sent once it is there."""
        bench = Bench()

        bench.attempt()
        await settle()

        assert bench.counted == ["new"]
        assert [transport.sent for transport in bench.made] == [b"REQ"]

    @in_virtual_time
    async def test_a_waiting_connection_is_reused_and_given_back(self):
        """The request is sent in the same turn of the loop."""
        bench = Bench()
        transport = bench.waiting()

        bench.attempt()
        assert transport.sent == b"REQ"
        assert bench.pool.idle == 0
        transport.protocol.data_received(HEAD + CHUNK + TERMINATOR)

        assert [event[0] for event in bench.events] == ["head", "data", "ended"]
        assert bench.counted == ["reused"]
        assert bench.pool.idle == 1
        assert bench.made == []

    @pytest.mark.parametrize(
        ("after_s", "counted"), [(0.99, ["reused", "again"]), (1.01, ["reused"])]
    )
    @in_virtual_time
    async def test_a_reused_connection_that_dies_soon_is_replaced(
        self, after_s, counted
    ):
        """Within a second of its use; later the upstream was working."""
        bench = Bench()
        transport = bench.waiting()
        bench.attempt()

        await asyncio.sleep(after_s)
        transport.protocol.connection_lost(None)
        await settle()

        assert counted == bench.counted
        replaced = counted[1:] == ["again"]
        assert [made.sent for made in bench.made] == [b"REQ"] * replaced
        assert bench.events == ([] if replaced else [("ended", "truncated")])

    @in_virtual_time
    async def test_a_connection_that_dies_after_a_byte_is_not_replaced(self):
        """The upstream has begun to answer."""
        bench = Bench()
        transport = bench.waiting()
        bench.attempt()

        transport.protocol.data_received(b"H")
        transport.protocol.connection_lost(OSError())
        await settle()

        assert bench.events == [("ended", "reset")]
        assert bench.made == []

    @in_virtual_time
    async def test_the_replacement_is_not_replaced(self):
        """A second death is the answer."""
        bench = Bench()
        transport = bench.waiting()
        bench.attempt()
        transport.protocol.connection_lost(None)
        await settle()

        bench.made[0].protocol.connection_lost(None)
        await settle()

        assert bench.events == [("ended", "truncated")]
        assert len(bench.made) == 1

    @in_virtual_time
    async def test_a_pause_outlasts_the_replacement(self):
        """A client that does not read must not be overrun."""
        bench = Bench()
        transport = bench.waiting()
        attempt = bench.attempt()
        attempt.pause()
        transport.protocol.connection_lost(None)
        await settle()

        assert bench.made[0].done == ["pause"]
        attempt.resume()
        assert bench.made[0].done == ["pause", "resume"]

    @in_virtual_time
    async def test_a_closed_attempt_is_not_replaced(self):
        """Nothing is delivered after the close."""
        bench = Bench()
        transport = bench.waiting()
        attempt = bench.attempt()
        protocol = transport.protocol

        attempt.close()
        protocol.connection_lost(None)
        await settle()

        assert transport.done == ["abort"]
        assert (bench.events, bench.made) == ([], [])

    @in_virtual_time
    async def test_a_close_ends_a_connection_attempt(self):
        """A client left while it was made."""
        bench = Bench()
        bench.delay_s = 3
        attempt = bench.attempt()
        await asyncio.sleep(1)

        attempt.close()
        await asyncio.sleep(60)

        assert (bench.events, bench.made, bench.logged) == ([], [], [])

    @pytest.mark.parametrize(
        ("error", "kind", "reason"),
        [
            (
                ConnectionRefusedError(errno.ECONNREFUSED, "x"),
                "refused",
                "connection refused",
            ),
            (OSError("no such name"), "refused", "no such name"),
            (UnicodeError("label too long"), "refused", "label too long"),
            (None, "connect_timeout", "not within 5 s"),
        ],
        ids=["refused", "no-name", "bad-name", "late"],
    )
    @in_virtual_time
    async def test_a_failed_connection_is_an_ending(self, error, kind, reason):
        """The kind is for the relay, the reason for the log."""
        bench = Bench()
        bench.error = error
        bench.delay_s = 0 if error else 60
        bench.attempt()

        await asyncio.sleep(6)

        assert [("ended", kind)] == bench.events
        fields = {"to": b"h", "kind": kind, "reason": reason}
        line = ("warning", "upstream connection failed", fields)
        assert [line] == bench.logged

    @in_virtual_time
    async def test_a_refused_certificate_is_named(self):
        """An operator has to see the reason."""
        bench = Bench()
        bench.error = ssl.SSLCertVerificationError(1, "x")
        bench.error.verify_message = "certificate has expired"
        bench.attempt()
        await settle()

        assert bench.events == [("ended", "refused")]
        reason = bench.logged[0][2]["reason"]
        assert reason == "certificate refused: certificate has expired"


class TestDraining:
    async def drained(self, bench: Bench) -> FakeTransport:
        """Begin an answer, and drain it after its first chunk."""
        attempt = bench.attempt()
        await settle()
        bench.made[0].protocol.data_received(HEAD + CHUNK)
        bench.events.clear()
        attempt.drain()
        return bench.made[0]

    @in_virtual_time
    async def test_a_terminator_in_time_keeps_the_connection(self):
        """Nothing of the rest is delivered."""
        bench = Bench()
        transport = await self.drained(bench)

        await asyncio.sleep(0.24)
        transport.protocol.data_received(CHUNK + TERMINATOR)
        await asyncio.sleep(1)

        assert bench.pool.idle == 1
        assert (transport.done, bench.events) == ([], [])

    @in_virtual_time
    async def test_an_answer_that_does_not_end_is_closed(self):
        """After a quarter of a second."""
        bench = Bench()
        transport = await self.drained(bench)

        await asyncio.sleep(0.24)
        assert transport.done == []
        await asyncio.sleep(0.02)

        assert transport.done == ["abort"]
        assert (bench.pool.idle, bench.events) == (0, [])

    @pytest.mark.parametrize(("size", "closed"), [(65_536, False), (65_537, True)])
    @in_virtual_time
    async def test_an_answer_with_much_more_is_closed(self, size, closed):
        """64 KiB of body may follow."""
        bench = Bench()
        transport = await self.drained(bench)

        transport.protocol.data_received(b"%x\r\n%b\r\n" % (size, bytes(size)))

        assert transport.is_closing() is closed

    @in_virtual_time
    async def test_a_paused_answer_is_read_again(self):
        """Its client may have been slow until the end."""
        bench = Bench()
        attempt = bench.attempt()
        await settle()
        bench.made[0].protocol.data_received(HEAD + CHUNK)
        attempt.pause()

        attempt.drain()

        assert bench.made[0].done == ["pause", "resume"]

    @in_virtual_time
    async def test_a_pool_that_keeps_nothing_drains_nothing(self):
        """The connection would be of no use."""
        bench = Bench(size=0)

        assert (await self.drained(bench)).done == ["abort"]

    @in_virtual_time
    async def test_a_pool_that_closes_ends_the_draining(self):
        """The process must not wait for an upstream."""
        bench = Bench()
        transport = await self.drained(bench)

        bench.pool.close()

        assert transport.done == ["abort"]

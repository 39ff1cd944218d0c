"""Fresh sockets, small ones, and those that are used again."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from harness.play.client.connect import connect, start_tls
from harness.play.client.kept_connection import KeptConnection
from harness.play.client.response_reader import ResponseReader
from harness.play.client.stamped_connection import StampedConnection
from harness.scenario.model import ClientPlan, ReadPlan

pytestmark = pytest.mark.e2e


def made(plan: ClientPlan | None = None) -> StampedConnection:
    """Return a connection without a socket."""
    return StampedConnection(ResponseReader(), clock=time.monotonic_ns, plan=plan)


def run(drive):
    """Drive a coroutine function with the address of a listener that answers."""

    async def serve(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, asyncio.timeout(5):
            return await drive(*server.sockets[0].getsockname())

    return asyncio.run(main())


def test_a_buffer_is_as_small_as_the_plan_says():
    """The kernel takes the wish, and doubles it where it is Linux."""

    async def drive(host, port):
        sizes = []
        for plan in (ClientPlan(receive_buffer=4096), ClientPlan()):
            connection = made(plan)
            await connect(connection, host, port, None)
            found = connection.transport.get_extra_info("socket")
            sizes.append(found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
            await connection.close()
        return sizes

    small, usual = run(drive)
    assert small <= 16_384 < usual


@pytest.mark.parametrize("read", [None, ReadPlan(bytes_per_s=100_000)])
def test_a_kept_connection_goes_on_with_the_same_socket(read):
    """Also for a client that reads slowly: what it gets goes through its reader."""

    async def drive(host, port):
        kept, first = KeptConnection(), made()
        await connect(first, host, port, kept)
        await first.send(b"x")
        await first.over
        assert kept.keep(first)
        second = made(ClientPlan(read=read))
        await connect(second, "nowhere.invalid", 1, kept)
        assert (False, True) == (first.reused, second.reused)
        assert first.transport is second.transport
        protocol = second.transport.get_protocol()
        assert (protocol is second) is (read is None)
        await second.close()

    run(drive)


def test_who_takes_no_connections_is_an_error_of_the_system():
    """The caller says what it means."""

    async def drive():
        with pytest.raises(OSError, match=r"refused|failed"):
            await connect(made(), "127.0.0.1", 1, None)

    asyncio.run(drive())


def test_a_client_that_reads_slowly_cannot_use_tls():
    """Its bounded reads would count encrypted bytes."""

    async def drive():
        connection = made(ClientPlan(read=ReadPlan(bytes_per_s=1)))
        with pytest.raises(ConnectionError, match="cannot use TLS"):
            await start_tls(connection, None, None)

    asyncio.run(drive())

"""How a peer sees a connection end."""

from __future__ import annotations

import asyncio
import socket

import pytest

from harness.play.sockets import close_with_fin, reset, set_nodelay

pytestmark = pytest.mark.e2e


def connected(drive):
    """Drive a coroutine function with a transport, and the socket of its peer."""

    async def main():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            transport, _ = await loop.create_connection(
                asyncio.Protocol, *listener.getsockname()
            )
            peer, _ = listener.accept()
        with peer:
            peer.settimeout(5)
            try:
                return await drive(transport, peer)
            finally:
                transport.abort()
                await asyncio.sleep(0)

    return asyncio.run(main())


def test_a_reset_reaches_the_peer():
    """Bytes that were not sent yet are dropped."""

    async def drive(transport, peer):
        reset(transport)
        await asyncio.sleep(0)
        with pytest.raises(ConnectionResetError):
            peer.recv(1)

    connected(drive)


def test_fin_is_sent_although_bytes_wait_to_be_read():
    """A plain close would send RST then."""

    async def drive(transport, peer):
        transport.pause_reading()
        peer.sendall(b"x" * 10_000)
        await asyncio.sleep(0.05)
        close_with_fin(transport)
        await asyncio.sleep(0.05)
        return peer.recv(1), peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    assert (b"", 0) == connected(drive)


def test_small_pieces_wait_where_the_kernel_may_join_them():
    """By default every connection of asyncio sends them immediately."""

    async def drive(transport, _):
        found = transport.get_extra_info("socket")

        def nodelay():
            return bool(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        seen = [nodelay()]
        for on in (False, True):
            set_nodelay(transport, on=on)
            seen.append(nodelay())
        return seen

    assert [True, False, True] == connected(drive)

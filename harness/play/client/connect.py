"""Gives a stamped connection its socket: a new one, or one that was kept."""

from __future__ import annotations

import asyncio
import socket
import ssl

from harness.play.client.kept_connection import KeptConnection
from harness.play.client.stamped_connection import StampedConnection
from harness.play.client.throttle import ThrottledReader

__all__ = ["connect", "start_tls"]


async def connect(
    connection: StampedConnection, host: str, port: int, kept: KeptConnection | None
) -> None:
    """Connect, as the client's plan says.

    Args:
        connection: Receives the bytes.
        host: Not used where a kept connection is taken.
        port: Likewise.
        kept: The connection to use again, if it holds one; None: a new one.

    Raises:
        OSError: The connection was not accepted.
    """
    taken = kept.take() if kept is not None else None
    if taken is not None:
        protocol = _protocol(connection)
        taken.set_protocol(protocol)
        protocol.connection_made(taken)
        connection.reused = True
        return
    loop = asyncio.get_running_loop()
    receive_buffer = connection.plan.receive_buffer
    if receive_buffer is None:
        await loop.create_connection(lambda: _protocol(connection), host, port)
    else:
        connected = await _small_socket(host, port, receive_buffer)
        await loop.create_connection(lambda: _protocol(connection), sock=connected)


async def start_tls(
    connection: StampedConnection, context: ssl.SSLContext, host: str | None
) -> None:
    """Use TLS on a connection from now on.

    Raises:
        OSError: The handshake failed, or the client's plan allows none.
    """
    if connection.plan.read is not None:
        raise ConnectionError("a client that reads slowly cannot use TLS")
    plain = connection.transport
    assert plain is not None  # noqa: S101 - `connect` has set it
    secure = await asyncio.get_running_loop().start_tls(
        plain, connection, context, server_hostname=host
    )
    assert isinstance(secure, asyncio.Transport)  # noqa: S101 - as the plain one
    secure.set_write_buffer_limits(high=0)
    connection.transport = secure


def _protocol(connection: StampedConnection) -> asyncio.BaseProtocol:
    read = connection.plan.read
    return connection if read is None else ThrottledReader(connection, read)


async def _small_socket(host: str, port: int, receive_buffer: int) -> socket.socket:
    """Connect a socket with a small buffer, which must be set before it connects."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    connecting = socket.socket(family, kind, protocol)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await loop.sock_connect(connecting, address)
    except BaseException:
        connecting.close()
        raise
    return connecting

"""What asyncio leaves to the socket: how a connection ends, and how it sends."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

__all__ = ["close_with_fin", "reset", "set_nodelay"]

_LINGER_ZERO = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """End a connection with RST: unsent bytes are dropped."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


def close_with_fin(transport: asyncio.Transport) -> None:
    """End a connection with FIN, also where bytes wait to be read.

    A socket that is closed while bytes wait to be read sends RST (RFC 2525, section
    2.17), so they are read first. The loop's own socket object cannot be read from.
    """
    connection = transport.get_extra_info("socket")
    with socket.socket(fileno=os.dup(connection.fileno())) as twin:
        try:
            while twin.recv(1 << 16, socket.MSG_DONTWAIT):
                pass
            twin.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # nothing more to read, or the peer is gone already
    transport.close()


def set_nodelay(transport: asyncio.Transport, *, on: bool) -> None:
    """Send small pieces immediately, as asyncio does, or let the kernel join them."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(on))

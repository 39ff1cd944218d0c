"""A connection that serves one exchange after another."""

from __future__ import annotations

import asyncio

from harness.play.client.stamped_connection import StampedConnection

__all__ = ["KeptConnection"]


class KeptConnection:
    """A client's connection that may be used again.

    Attributes:
        reused: Whether the last exchange used the connection of the one before.
    """

    def __init__(self) -> None:
        self.reused = False
        self._transport: asyncio.Transport | None = None

    def keep(self, connection: StampedConnection) -> bool:
        """Keep the transport of a connection, where it allows another exchange."""
        if not connection.can_be_kept():
            return False
        assert connection.transport is not None  # noqa: S101 - `can_be_kept` asked
        self._transport = connection.transport
        connection.transport.set_protocol(_Idle())
        return True

    def take(self) -> asyncio.Transport | None:
        """Return the kept transport, unless its peer has closed it."""
        kept, self._transport = self._transport, None
        self.reused = kept is not None and not kept.is_closing()
        return kept if self.reused else None

    def close(self) -> None:
        """Close what is kept."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None


class _Idle(asyncio.Protocol):
    """Waits between two exchanges; asyncio closes the transport where the peer does."""

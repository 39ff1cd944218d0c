"""Facts about the end of a stream, read from internals of mitmproxy.

Its hooks do not say which side ended a stream, whether a socket was reset, or that a
connection was closed for idleness. These internals do. None of them is a promised
interface, so each is looked up at the start, and a missing one is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from mitmproxy import ctx
from mitmproxy.http import HTTPFlow
from mitmproxy.proxy import server
from mitmproxy.proxy.layers import http as http_layer

from harness.record.ending import Side

__all__ = ["ConnectionMonitor", "FlowSockets", "default_idle_limit_s", "set_idle_limit"]

_MARK = "_harness_monitor"

_NO_SIDE = (
    "which side broke off an HTTP/2 stream whose connections stay open: it is recorded"
    " as broken off by the upstream"
)
_NO_SOCKET = (
    "a reset by the upstream from a close: a reset is recorded as truncated, and on a"
    " body that ends with the connection as complete"
)
_NO_TIMEOUT = (
    "a client that leaves after the idle limit from the limit itself: both are recorded"
    " as timeout"
)


class FlowSockets:
    """The connections of a flow, to the upstream and to the client.

    Args:
        reader: asyncio's reader of the upstream's connection.
        writer: asyncio's writer to the client.
    """

    __slots__ = ("_high", "_reader", "_transport")

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader = reader
        self._transport = writer.transport
        self._high: int = self._transport.get_write_buffer_limits()[1]

    def upstream_reset(self) -> bool:
        """Tell whether the upstream's socket was reset."""
        return isinstance(self._reader.exception(), ConnectionResetError)

    def client_is_behind(self) -> bool:
        """Tell whether a slow client holds up the reading of the upstream."""
        size: int = self._transport.get_write_buffer_size()
        return size > self._high


class ConnectionMonitor:
    """Observer of connections inside mitmproxy; it is installed once per process.

    Attributes:
        missing: Phrases: what this mitmproxy does not let us distinguish.
    """

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._sides: dict[str, Side] | None = _install_sides()
        self._timed_out: set[str] | None = _install_timeouts()
        if self._sides is None:
            self.missing.append(_NO_SIDE)
        if self._timed_out is None:
            self.missing.append(_NO_TIMEOUT)
        fields = getattr(getattr(server, "ConnectionIO", None), "__annotations__", {})
        if not {"reader", "writer"} <= set(fields):
            self.missing.append(_NO_SOCKET)

    def side(self, flow: HTTPFlow) -> Side | None:
        """Return the side that ended a flow; valid in the hook ``error``."""
        return None if self._sides is None else self._sides.get(flow.id)

    def timed_out(self, flow: HTTPFlow) -> bool | None:
        """Tell whether the client's connection was closed for idleness."""
        if self._timed_out is None:
            return None
        return flow.client_conn.id in self._timed_out

    def forget(self, client_id: str) -> None:
        """Drop a client's connection that is closed."""
        if self._timed_out is not None:
            self._timed_out.discard(client_id)

    def sockets(self, flow: HTTPFlow) -> FlowSockets | None:
        """Return the connections of a flow; valid while both are open."""
        try:
            proxy: Any = ctx.master.addons.get("proxyserver")
            transports = proxy.connections[flow.client_conn.id].transports
            reader = transports[flow.server_conn].reader
            writer = transports[flow.client_conn].writer
            return FlowSockets(reader, writer)
        except (AttributeError, KeyError, TypeError):
            return None


def default_idle_limit_s() -> int | None:
    """Return the seconds of silence after which mitmproxy closes a connection."""
    value = getattr(ctx.options, "tcp_timeout", None)  # since 12.2.1
    if value is None:
        value = getattr(server, "TCP_TIMEOUT", None)  # before
    return value if isinstance(value, int) else None


def set_idle_limit(seconds: int) -> bool:
    """Change mitmproxy's idle limit; tell whether this version allows it."""
    if "tcp_timeout" in ctx.options:
        ctx.options.update(tcp_timeout=seconds)
        return True
    if hasattr(server, "TCP_TIMEOUT"):
        server.TCP_TIMEOUT = seconds
        return True
    return False


def _install_sides() -> dict[str, Side] | None:
    """Note the side that ended a flow, while its error is handled; None: impossible."""
    stream = getattr(http_layer, "HttpStream", None)
    original = getattr(stream, "handle_protocol_error", None)
    client_error = getattr(http_layer, "RequestProtocolError", None)
    if original is None or client_error is None:
        return None
    installed: dict[str, Side] | None = getattr(original, _MARK, None)
    if installed is not None:
        return installed
    sides: dict[str, Side] = {}

    def handle_protocol_error(layer: Any, event: Any) -> Generator[Any, Any, Any]:
        by_client = isinstance(event, client_error)
        flow_id = layer.flow.id
        sides[flow_id] = Side.CLIENT if by_client else Side.UPSTREAM
        try:
            return (yield from original(layer, event))
        finally:
            sides.pop(flow_id, None)

    _replace(stream, "handle_protocol_error", handle_protocol_error, sides)
    return sides


def _install_timeouts() -> set[str] | None:
    """Note the client connections closed for idleness; None: impossible."""
    handler = getattr(server, "ConnectionHandler", None)
    original = getattr(handler, "on_timeout", None)
    if original is None:
        return None
    installed: set[str] | None = getattr(original, _MARK, None)
    if installed is not None:
        return installed
    timed_out: set[str] = set()

    async def on_timeout(connection: Any) -> None:
        timed_out.add(connection.client.id)
        await original(connection)

    _replace(handler, "on_timeout", on_timeout, timed_out)
    return timed_out


def _replace(owner: Any, name: str, function: Callable[..., Any], notes: Any) -> None:
    setattr(function, _MARK, notes)
    setattr(owner, name, function)

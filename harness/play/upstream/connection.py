"""One connection to the upstream: requests are answered in order, one at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

import orjson

from harness.faults.draft.delivery import SocketPlan
from harness.faults.draft.wire import WireDraft
from harness.play.sockets import set_nodelay
from harness.play.upstream.correlation import MatchedBy, ServedRequest, Slot
from harness.play.upstream.requests import ReceivedRequest, RequestReader
from harness.play.upstream.scheduler import ScheduledCall
from harness.play.upstream.script_player import PlayContext, ScriptPlayer

__all__ = ["Assignment", "Connection", "ServerContext"]

Assignment = tuple[WireDraft, Slot | None, MatchedBy | None]
"""The draft for a request; without a slot where the upstream is used by hand."""


class ServerContext(Protocol):
    """The upstream, as its connections see it."""

    @property
    def play_context(self) -> PlayContext:
        """Clock and scheduler."""

    @property
    def connections(self) -> set[Connection]:
        """The open connections; each one adds and removes itself."""

    def assign(self, request: ReceivedRequest) -> Assignment | str:
        """Return the draft for a request, or why it has none."""

    def add_unmatched(self, request: ReceivedRequest, why: str) -> None:
        """Take note of a request that belongs to no stream."""

    def notify_over(self, served: ServedRequest) -> None:
        """Take note that an answer is over."""


class Connection(asyncio.Protocol):
    """Reads requests, has them assigned, and plays their drafts."""

    def __init__(self, server: ServerContext) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._player: ScriptPlayer | None = None
        self._queue: deque[ReceivedRequest] = deque()
        self._readable = True
        self._made_ns = 0
        self._answers = 0
        self._idle_close: ScheduledCall | None = None  # where it is idle
        self._reader = RequestReader(
            clock=server.play_context.clock,
            on_request=self._enqueue,
            on_continue=self._send_continue,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is TCP
        self._transport = transport
        self._made_ns = self._server.play_context.clock()
        # asyncio sets TCP_NODELAY. With no buffer of its own, one write is one send.
        transport.set_write_buffer_limits(high=0)
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._readable:
            return
        try:
            self._reader.feed(data)
        except ValueError as error:
            self._readable = False
            self._server.add_unmatched(ReceivedRequest(), f"not a request: {error}")
            if self._player is None:
                self._transport.close()

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport closes itself after it."""
        self._peer_closed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """See `asyncio.BaseProtocol`."""
        self._server.connections.discard(self)
        self._cancel_idle_close()
        self._peer_closed()

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        if self._player is not None:
            self._player.pause()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        if self._player is not None:
            self._player.resume()

    def stop(self) -> None:
        """Reset the connection while it plays, or close it where it is idle."""
        self._queue.clear()
        if self._player is not None:
            self._player.stop()
        self._transport.abort()

    def close_idle(self) -> None:
        """Close the connection by FIN unless an answer is being played on it."""
        if self._player is None:
            self._readable = False
            self._transport.close()

    def _cancel_idle_close(self) -> None:
        if self._idle_close is not None:
            self._idle_close.cancel()
            self._idle_close = None

    def _peer_closed(self) -> None:
        self._readable = False
        self._queue.clear()
        if self._player is not None:
            self._player.peer_closed()

    def _send_continue(self) -> None:
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _enqueue(self, request: ReceivedRequest) -> None:
        self._cancel_idle_close()
        self._queue.append(request)
        self._answer_next()

    def _answer_next(self) -> None:
        while self._queue and self._player is None:
            request = self._queue.popleft()
            assigned = self._server.assign(request)
            if isinstance(assigned, str):
                self._server.add_unmatched(request, assigned)
                self._refuse(request, assigned)
            else:
                self._play(request, assigned)

    def _play(self, request: ReceivedRequest, assigned: Assignment) -> None:
        draft, slot, matched_by = assigned
        player = ScriptPlayer(
            draft,
            self._transport,
            self._server.play_context,
            keep_alive=request.keep_alive,
            on_over=lambda: self._end(served, slot),
        )
        served = ServedRequest(request=request, player=player)
        self._player = player
        if slot is not None and matched_by is not None:
            slot.add(served, matched_by)
        self._answers += 1
        # To accept late is to read late: the kernel has made the connection before.
        accepted_ns = self._made_ns + player.socket_plan.accept_ns
        player.start(max(request.read_at_ns, accepted_ns))

    def _end(self, served: ServedRequest, slot: Slot | None) -> None:
        self._player = None
        if slot is not None:
            slot.notify_over()
        self._server.notify_over(served)
        if self._transport.is_closing():
            return
        plan = served.player.socket_plan
        if not plan.nodelay:
            set_nodelay(self._transport, on=True)
        enough = plan.requests is not None and self._answers >= plan.requests
        if enough or not self._readable:
            self._readable = False
            self._transport.close()
            return
        self._answer_next()
        self._close_when_idle(plan)

    def _close_when_idle(self, plan: SocketPlan) -> None:
        if plan.idle_ns is None or self._player is not None:
            return
        context = self._server.play_context
        due_ns = context.clock() + plan.idle_ns
        self._idle_close = context.scheduler.call_at(due_ns, self.close_idle)

    def _refuse(self, request: ReceivedRequest, why: str) -> None:
        message = f"the replaying upstream knows no stream for this request: {why}"
        body = orjson.dumps({"error": {"message": message, "type": "harness_error"}})
        head = (
            "HTTP/1.1 500 Internal Server Error\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        if not request.keep_alive:
            self._transport.close()

"""One connection to the upstream: requests are answered in order, one at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

import orjson

from harness.faults.draft.transport import SocketPlan
from harness.faults.draft.wire import WireDraft
from harness.play.upstream.correlation import Assignment, Served, Ticket
from harness.play.upstream.requests import ReceivedRequest, RequestReader
from harness.play.upstream.scheduler import Scheduled
from harness.play.upstream.script_player import Performance, Stage, set_nodelay

__all__ = ["Assigned", "Connection", "House"]

Assigned = tuple[WireDraft, Ticket | None, Assignment | None]
"""What a request gets; without a ticket where the upstream is used by hand."""


class House(Protocol):
    """What a connection asks of its upstream, and tells it."""

    @property
    def stage(self) -> Stage:
        """Clock and pacer."""

    @property
    def connections(self) -> set[Connection]:
        """The open connections; each adds and removes itself."""

    def assign(self, request: ReceivedRequest) -> Assigned | str:
        """Return what the request gets, or why it gets nothing."""

    def note_stray(self, request: ReceivedRequest, why: str) -> None:
        """Learn of a request that belongs to no stream."""

    def note_over(self, served: Served) -> None:
        """Learn that an answer is over."""


class Connection(asyncio.Protocol):
    """Reads requests, has them assigned, performs what they get.

    Args:
        house: The upstream.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._transport: asyncio.Transport
        self._performance: Performance | None = None
        self._queue: deque[ReceivedRequest] = deque()
        self._readable = True
        self._made_ns = 0
        self._answers = 0
        self._closing: Scheduled | None = None  # it is idle, and not for long
        self._reader = RequestReader(
            clock=house.stage.clock,
            on_request=self._take,
            on_continue=self._give_leave,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is TCP
        self._transport = transport
        self._made_ns = self._house.stage.clock()
        # asyncio sets TCP_NODELAY. With no buffer of its own, one write is one send.
        transport.set_write_buffer_limits(high=0)
        self._house.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if not self._readable:
            return
        try:
            self._reader.feed(data)
        except ValueError as error:
            self._readable = False
            self._house.note_stray(ReceivedRequest(), f"not a request: {error}")
            if self._performance is None:
                self._transport.close()

    def eof_received(self) -> None:
        """See `asyncio.Protocol`; the transport closes itself after it."""
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See `asyncio.BaseProtocol`."""
        self._house.connections.discard(self)
        self._keep_open()
        self._leave()

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        if self._performance is not None:
            self._performance.pause()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        if self._performance is not None:
            self._performance.resume()

    def stop(self) -> None:
        """Reset what is performed, or close what is idle."""
        self._queue.clear()
        if self._performance is not None:
            self._performance.stop()
        self._transport.abort()

    def close_idle(self) -> None:
        """Close the connection by FIN where no answer is performed on it."""
        if self._performance is None:
            self._readable = False
            self._transport.close()

    def _keep_open(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _leave(self) -> None:
        self._readable = False
        self._queue.clear()
        if self._performance is not None:
            self._performance.peer_closed()

    def _give_leave(self) -> None:
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take(self, request: ReceivedRequest) -> None:
        self._keep_open()
        self._queue.append(request)
        self._answer_next()

    def _answer_next(self) -> None:
        while self._queue and self._performance is None:
            request = self._queue.popleft()
            assigned = self._house.assign(request)
            if isinstance(assigned, str):
                self._house.note_stray(request, assigned)
                self._refuse(request, assigned)
            else:
                self._perform(request, assigned)

    def _perform(self, request: ReceivedRequest, assigned: Assigned) -> None:
        draft, ticket, how = assigned
        performance = Performance(
            draft,
            self._transport,
            self._house.stage,
            keep_alive=request.keep_alive,
            on_over=lambda: self._over(served, ticket),
        )
        served = Served(request=request, performance=performance)
        self._performance = performance
        if ticket is not None and how is not None:
            ticket.add(served, how)
        self._answers += 1
        # Accepting late is reading late: the kernel has made the connection before.
        accepted_ns = self._made_ns + performance.socket.accept_ns
        performance.start(max(request.read_at_ns, accepted_ns))

    def _over(self, served: Served, ticket: Ticket | None) -> None:
        self._performance = None
        if ticket is not None:
            ticket.changed()
        self._house.note_over(served)
        if self._transport.is_closing():
            return
        plan = served.performance.socket
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
        if plan.idle_ns is None or self._performance is not None:
            return
        stage = self._house.stage
        due_ns = stage.clock() + plan.idle_ns
        self._closing = stage.pacer.call_at(due_ns, self.close_idle)

    def _refuse(self, request: ReceivedRequest, why: str) -> None:
        message = f"the replaying upstream cannot tell whose request this is: {why}"
        body = orjson.dumps({"error": {"message": message, "type": "harness_error"}})
        head = (
            "HTTP/1.1 500 Internal Server Error\r\n"
            "content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        if not request.keep_alive:
            self._transport.close()

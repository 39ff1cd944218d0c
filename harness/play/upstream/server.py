"""The replaying upstream: an HTTP/1 server that plays scripts, byte by byte.

Raw protocols write the bytes themselves: servers that know HTTP refuse to write it
wrong, and a proxy must survive much that is wrong. httptools reads the requests.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from harness.errors import InputError
from harness.faults.draft.wire import WireDraft
from harness.play.upstream.connection import Assignment, Connection
from harness.play.upstream.correlation import Correlator, ServedRequest, Slot
from harness.play.upstream.requests import ReceivedRequest
from harness.play.upstream.scheduler import Scheduler
from harness.play.upstream.script_player import PlayContext
from harness.scenario.script import Script

__all__ = ["Responder", "UnmatchedRequest", "Upstream", "round_robin"]

Responder = Callable[[ReceivedRequest], WireDraft | None]
"""Returns the draft for a request, in place of slots; None: it is unmatched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedRequest:
    """A request that belongs to no stream; it was answered with status 500.

    Attributes:
        at_ns: When it was read, on the upstream's clock.
        method: As sent; empty where the bytes were no request.
        path: Request target as sent.
        why: Why it has no stream.
    """

    at_ns: int
    method: str
    path: str
    why: str


def round_robin(drafts: Sequence[WireDraft]) -> Responder:
    """Return a responder that plays the drafts one after another, over and over."""
    count = 0

    def choose(_: ReceivedRequest) -> WireDraft:
        nonlocal count
        count += 1
        return drafts[(count - 1) % len(drafts)]

    return choose


class _ServerContext:
    """What the connections of one upstream share."""

    def __init__(
        self,
        context: PlayContext,
        responder: Responder | None,
        on_over: Callable[[ServedRequest], None] | None,
    ) -> None:
        self.play_context = context
        self.connections: set[Connection] = set()
        self.correlator = Correlator()
        self.unmatched: list[UnmatchedRequest] = []
        self._responder = responder
        self._on_over = on_over

    def assign(self, request: ReceivedRequest) -> Assignment | str:
        if self._responder is not None:
            draft = self._responder(request)
            return "nothing is left to play" if draft is None else (draft, None, None)
        found = self.correlator.find(request)
        if isinstance(found, str):
            return found
        slot, matched_by = found
        return slot.next_draft(self.play_context.clock()), slot, matched_by

    def add_unmatched(self, request: ReceivedRequest, why: str) -> None:
        at_ns = request.read_at_ns or self.play_context.clock()
        method, path = request.method, request.path
        self.unmatched.append(
            UnmatchedRequest(at_ns=at_ns, method=method, path=path, why=why)
        )

    def notify_over(self, served: ServedRequest) -> None:
        if self._on_over is not None:
            self._on_over(served)


class Upstream:
    """A server that plays scripts to its clients; an async context manager.

    Args:
        host: Where it listens.
        port: 0 takes a free one.
        clock: Monotonic nanoseconds: CLOCK_MONOTONIC, which the scheduler's timer uses.
        speed: 2.0 plays twice as fast.
        responder: Returns the draft for a request, in place of slots.
        on_over: Called for every request whose answer is over.

    Raises:
        InputError: On entering, if it cannot listen on the address.
    """

    def __init__(  # noqa: PLR0913 - all but the address are options
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        speed: float = 1.0,
        responder: Responder | None = None,
        on_over: Callable[[ServedRequest], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._speed = speed
        self._responder = responder
        self._on_over = on_over
        self._context: _ServerContext
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        context = PlayContext(
            scheduler=Scheduler(clock=self._clock), clock=self._clock, speed=self._speed
        )
        self._context = _ServerContext(context, self._responder, self._on_over)
        try:
            self._server = await self._listen()
        except OSError as error:
            context.scheduler.close()
            where = f"{self._host}:{self._port}"
            reason = error.strerror or str(error)
            # The loop wraps the system's message; errors of name resolution have their
            # own codes.
            if error.errno is not None and not isinstance(error, socket.gaierror):
                reason = os.strerror(error.errno)
            raise InputError(f"cannot listen on {where}: {reason}") from error
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self._context.correlator.close()
        for connection in list(self._context.connections):
            connection.stop()
        await self._server.wait_closed()
        # The loop closes the sockets of reset connections in its next turn.
        await asyncio.sleep(0)
        self.scheduler.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(self._context), self._host, self._port, backlog=1024
        )

    @asynccontextmanager
    async def refusing(self, *, for_s: float | None = None) -> AsyncIterator[None]:
        """Refuse new connections, as a server does that is down; answers go on.

        Idle connections are closed: a client that has one needs no new one.

        Args:
            for_s: The most seconds; None: as long as the context lasts.
        """
        address = self._server.sockets[0].getsockname()
        family = self._server.sockets[0].family
        self._server.close()
        # Bound but not listening: nothing else gets the port, and no client gets in.
        with socket.socket(family, socket.SOCK_STREAM) as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(address)
            for connection in list(self._context.connections):
                connection.close_idle()
            reopening = asyncio.ensure_future(self._reopen(for_s))
            try:
                yield
            finally:
                # Where the time has not passed, listen again now.
                if reopening.cancel():
                    self._server = await self._listen()
                else:
                    reopening.result()

    async def _reopen(self, for_s: float | None) -> None:
        if for_s is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(for_s / self._speed)
            self._server = await self._listen()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler; its ``lateness_ns`` is the upstream's own lag."""
        return self._context.play_context.scheduler

    @property
    def unmatched(self) -> list[UnmatchedRequest]:
        """The requests that belonged to no stream."""
        return self._context.unmatched

    @property
    def serial(self) -> bool:
        """Whether a request without a token goes to the only open slot."""
        return self._context.correlator.serial

    @serial.setter
    def serial(self, value: bool) -> None:
        self._context.correlator.serial = value

    def expect(self, token: str, script: Script, zero_ns: int = 0) -> Slot:
        """Open a slot for one client stream; close it when the stream is over.

        Args:
            token: In the client's request (see `harness.play.stream_token`).
            script: What is played for it.
            zero_ns: When the first client of its scenario asked, on the upstream's
                clock; an outage counts from it.

        Raises:
            ValueError: The token was used before.
        """
        return self._context.correlator.open(token, script, zero_ns)

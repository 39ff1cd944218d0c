"""The replaying upstream: an HTTP/1 server that plays scripts, byte by byte.

Raw protocols write the bytes themselves, because servers that know HTTP refuse to write
it wrong, and much of what a proxy must survive is wrong. httptools reads the requests.
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
from harness.play.upstream.connection import Assigned, Connection
from harness.play.upstream.correlation import Served, Ticket, Tickets
from harness.play.upstream.requests import ReceivedRequest
from harness.play.upstream.scheduler import Pacer
from harness.play.upstream.script_player import Stage
from harness.scenario.script import Script

__all__ = ["Chooser", "Stray", "Upstream", "by_turn"]

Chooser = Callable[[ReceivedRequest], WireDraft | None]
"""Says what a request gets where nobody opens tickets; None: it is a stray."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A request that belongs to no stream; it was answered with status 500.

    Attributes:
        at_ns: When it was read whole, on the upstream's clock.
        method: As sent; empty where the bytes were no request.
        path: Request target as sent.
        why: Why it could not be assigned.
    """

    at_ns: int
    method: str
    path: str
    why: str


def by_turn(drafts: Sequence[WireDraft]) -> Chooser:
    """Return a chooser that plays the drafts one after another, over and over."""
    count = 0

    def choose(_: ReceivedRequest) -> WireDraft:
        nonlocal count
        count += 1
        return drafts[(count - 1) % len(drafts)]

    return choose


class _House:
    """What the connections of one upstream share."""

    def __init__(
        self,
        stage: Stage,
        chooser: Chooser | None,
        on_over: Callable[[Served], None] | None,
    ) -> None:
        self.stage = stage
        self.connections: set[Connection] = set()
        self.tickets = Tickets()
        self.strays: list[Stray] = []
        self._chooser = chooser
        self._on_over = on_over

    def assign(self, request: ReceivedRequest) -> Assigned | str:
        if self._chooser is not None:
            draft = self._chooser(request)
            return "nothing is left to play" if draft is None else (draft, None, None)
        found = self.tickets.find(request)
        if isinstance(found, str):
            return found
        ticket, how = found
        return ticket.next_draft(self.stage.clock()), ticket, how

    def note_stray(self, request: ReceivedRequest, why: str) -> None:
        at_ns = request.read_at_ns or self.stage.clock()
        method, path = request.method, request.path
        self.strays.append(Stray(at_ns=at_ns, method=method, path=path, why=why))

    def note_over(self, served: Served) -> None:
        if self._on_over is not None:
            self._on_over(served)


class Upstream:
    """Plays scripts to whoever connects; an async context manager.

    Args:
        host: Where it listens.
        port: 0 takes a free one.
        clock: Monotonic nanoseconds: CLOCK_MONOTONIC, which the pacer's alarm uses.
        speed: 2.0 plays twice as fast.
        chooser: Says what a request gets, in place of tickets.
        on_over: Called for every request whose answer is over.

    Raises:
        InputError: On entering, if the address cannot be listened on.
    """

    def __init__(  # noqa: PLR0913 - all but the address are options
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        speed: float = 1.0,
        chooser: Chooser | None = None,
        on_over: Callable[[Served], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._speed = speed
        self._chooser = chooser
        self._on_over = on_over
        self._house: _House
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        stage = Stage(
            pacer=Pacer(clock=self._clock), clock=self._clock, speed=self._speed
        )
        self._house = _House(stage, self._chooser, self._on_over)
        try:
            self._server = await self._listen()
        except OSError as error:
            stage.pacer.close()
            where = f"{self._host}:{self._port}"
            reason = error.strerror or str(error)
            # The loop wraps the system's words; a name that does not resolve has codes
            # of its own.
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
        self._house.tickets.close()
        for connection in list(self._house.connections):
            connection.stop()
        await self._server.wait_closed()
        # The sockets of what was reset are closed in the loop's next turn.
        await asyncio.sleep(0)
        self.pacer.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(self._house), self._host, self._port, backlog=1024
        )

    @asynccontextmanager
    async def refusing(self, *, for_s: float | None = None) -> AsyncIterator[None]:
        """Refuse connections as a server does that is down; what runs goes on.

        Connections that idle are closed, since who has one needs no other.

        Args:
            for_s: At most so many seconds; None: as long as the context lasts.
        """
        address = self._server.sockets[0].getsockname()
        family = self._server.sockets[0].family
        self._server.close()
        # Bound and not listening: nobody else gets the port, and nobody is let in.
        with socket.socket(family, socket.SOCK_STREAM) as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(address)
            for connection in list(self._house.connections):
                connection.close_idle()
            reopening = asyncio.ensure_future(self._reopen(for_s))
            try:
                yield
            finally:
                # Nothing to wait for any more where the time has not passed.
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
    def pacer(self) -> Pacer:
        """What makes the calls; its ``lateness_ns`` is the upstream's own lag."""
        return self._house.stage.pacer

    @property
    def strays(self) -> list[Stray]:
        """The requests that belonged to no stream."""
        return self._house.strays

    @property
    def serial(self) -> bool:
        """Whether a request without a token goes to the only open ticket."""
        return self._house.tickets.serial

    @serial.setter
    def serial(self, value: bool) -> None:
        self._house.tickets.serial = value

    def expect(self, token: str, script: Script, zero_ns: int = 0) -> Ticket:
        """Open a ticket for one client stream; close it when the stream is over.

        Args:
            token: What the client's request holds
                (see `harness.play.upstream.correlation`).
            script: What is played for it.
            zero_ns: When the first client of its scenario asked, on the upstream's
                clock: what an outage counts from.

        Raises:
            ValueError: The token was used before.
        """
        return self._house.tickets.open(token, script, zero_ns)

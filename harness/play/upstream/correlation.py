"""Which script does a request get that reached the upstream?

A *ticket* stands for one client stream. A request belongs to it where the request holds
the ticket's token, in the header ``x-harness-stream`` or in the ``user`` field of its
JSON body; a target passes one of them on, or neither. Where it passes neither, streams
run one at a time and the request belongs to the only open ticket. It is never guessed
from equal bodies: two streams may ask the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

import orjson

from harness.faults.draft.wire import Finish, WireDraft
from harness.judge.evidence.observation import UpstreamRequest
from harness.play.upstream.requests import ReceivedRequest
from harness.play.upstream.script_player import Performance
from harness.scenario.script import Script

__all__ = ["STREAM_HEADER", "Assignment", "Served", "Ticket", "Tickets"]

STREAM_HEADER = b"x-harness-stream"


class Assignment(StrEnum):
    """How a request was assigned to its ticket."""

    HEADER = "header"
    USER = "user"
    TURN = "turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A request and the performance that answers it."""

    request: ReceivedRequest
    performance: Performance

    def observed(self, zero_ns: int, number: int) -> UpstreamRequest:
        """Return what happened, with times relative to ``zero_ns``.

        Args:
            zero_ns: The client's zero.
            number: Which of the script's drafts it got.
        """
        played = self.performance
        return UpstreamRequest(
            at_ns=self.request.head_at_ns - zero_ns,
            method=self.request.method,
            path=self.request.path,
            headers=tuple(self.request.headers),
            body=self.request.body,
            sent=tuple((at_ns - zero_ns, length) for at_ns, length in played.sent),
            lateness_ns=tuple(played.lateness_ns),
            finished=played.finished,
            closed_at_ns=None
            if played.closed_at_ns is None
            else played.closed_at_ns - zero_ns,
            taken=tuple((at_ns - zero_ns, length) for at_ns, length in played.taken),
            played=number,
        )


class Ticket:
    """The place of one client stream at the upstream.

    Attributes:
        token: What the client's request holds.
        script: What is played; attempt *n* gets ``script.attempt(n)``.
        assigned_by: How the first request was assigned; None: none came yet.
        refusals: With how many attempts that are refused the script begins.
    """

    def __init__(
        self, token: str, script: Script, owner: Tickets, zero_ns: int = 0
    ) -> None:
        self._zero_ns = zero_ns
        self.token = token
        self.script = script
        self.assigned_by: Assignment | None = None
        self.refusals = sum(
            1
            for _ in takewhile(
                lambda wire: wire.finish is Finish.REFUSED, script.attempts
            )
        )
        self._owner = owner
        self._served: list[Served] = []
        self._played: list[int] = []
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()

    @property
    def attempts(self) -> int:
        """How many requests came so far."""
        return len(self._served)

    @property
    def next_attempt(self) -> int:
        """Which attempt the next request is; those that were refused came before."""
        return self.refusals + len(self._served) + 1

    def requests(self, zero_ns: int) -> tuple[UpstreamRequest, ...]:
        """Return what was seen of every request, with times relative to ``zero_ns``."""
        return tuple(
            served.observed(zero_ns, number)
            for served, number in zip(self._served, self._played, strict=False)
        )

    def next_draft(self, now_ns: int) -> WireDraft:
        """Return what a request gets that comes now."""
        number = self.script.played(self.next_attempt, now_ns - self._zero_ns)
        self._played.append(number)
        return self.script.drafts[number]

    async def asked(self) -> None:
        """Wait until the first request was read."""
        await self._asked.wait()

    async def settled(self) -> None:
        """Wait until no answer is being performed; a stall ends with its connection.

        It returns at once where no request came. A target may still retry later.
        """
        while not all(served.performance.over for served in self._served):
            self._changed.clear()
            await self._changed.wait()

    def close(self) -> None:
        """Take no more requests, and reset the connections that still perform."""
        self._owner.remove(self)
        for served in self._served:
            served.performance.stop()

    def add(self, served: Served, assigned_by: Assignment) -> None:
        """Note a request and its performance (the upstream calls this)."""
        self._served.append(served)
        self._asked.set()
        self.assigned_by = self.assigned_by or assigned_by

    def changed(self) -> None:
        """Learn that a performance is over (the upstream calls this)."""
        self._changed.set()


class Tickets:
    """The open tickets.

    Attributes:
        serial: True where requests without a token go to the only open ticket.
    """

    def __init__(self) -> None:
        self.serial = False
        self._open: dict[str, Ticket] = {}
        self._closed: set[str] = set()

    def open(self, token: str, script: Script, zero_ns: int = 0) -> Ticket:
        """Open a ticket.

        Args:
            token: What the client's request holds.
            script: What is played.
            zero_ns: When the first client of its scenario asked.

        Raises:
            ValueError: The token was used before.
        """
        if token in self._open or token in self._closed:
            raise ValueError(f"the token {token!r} was used before")
        ticket = self._open[token] = Ticket(token, script, self, zero_ns)
        return ticket

    def remove(self, ticket: Ticket) -> None:
        """Close a ticket's token for good."""
        if self._open.pop(ticket.token, None) is not None:
            self._closed.add(ticket.token)

    def close(self) -> None:
        """Close every ticket."""
        for ticket in list(self._open.values()):
            ticket.close()

    def find(self, request: ReceivedRequest) -> tuple[Ticket, Assignment] | str:
        """Return the request's ticket, or why it has none."""
        header = request.header(STREAM_HEADER)
        if header is not None:
            return self._by_token(header.decode("latin-1"), Assignment.HEADER)
        user = _user(request.body)
        if user is not None and (user in self._open or user in self._closed):
            return self._by_token(user, Assignment.USER)
        if not self.serial:
            return "it holds no token of an open stream"
        if len(self._open) != 1:
            return f"it holds no token, and {len(self._open)} streams are open"
        (ticket,) = self._open.values()
        return ticket, Assignment.TURN

    def _by_token(self, token: str, how: Assignment) -> tuple[Ticket, Assignment] | str:
        ticket = self._open.get(token)
        if ticket is not None:
            return ticket, how
        # A late retry of a stream that is over must not be taken for the next one.
        return (
            "its stream is over"
            if token in self._closed
            else "its token belongs to no stream"
        )


def _user(body: bytes) -> str | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    user = value.get("user") if isinstance(value, dict) else None
    return user if isinstance(user, str) else None

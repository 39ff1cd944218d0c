"""Finds the script for a request that reached the upstream.

A *slot* is the place of one client stream. A request belongs to it where the request
holds the slot's token (`harness.play.stream_token`). Where a target drops the token,
streams run one at a time and the request belongs to the only open slot. Equal bodies
show nothing: two streams may ask the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft
from harness.judge.evidence.observation import UpstreamRequest
from harness.play.stream_token import STREAM_HEADER, user_field
from harness.play.upstream.requests import ReceivedRequest
from harness.play.upstream.script_player import ScriptPlayer
from harness.scenario.script import Script

__all__ = ["Correlator", "MatchedBy", "ServedRequest", "Slot"]


class MatchedBy(StrEnum):
    """How the slot of a request was found."""

    HEADER = "header"
    USER = "user"
    TURN = "turn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRequest:
    """A request and the player that answers it."""

    request: ReceivedRequest
    player: ScriptPlayer

    def observed(self, zero_ns: int, number: int) -> UpstreamRequest:
        """Return what happened, with times relative to ``zero_ns``.

        Args:
            zero_ns: The client's zero.
            number: Index of the draft in the script.
        """
        played = self.player
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


class Slot:
    """The place of one client stream at the upstream.

    Attributes:
        token: What the client's request holds.
        script: What is played; attempt *n* gets ``script.attempt(n)``.
        matched_by: How its first request was matched; None: there was none yet.
        refusals: Number of refused attempts at the start of the script.
    """

    def __init__(
        self, token: str, script: Script, correlator: Correlator, zero_ns: int = 0
    ) -> None:
        self._zero_ns = zero_ns
        self.token = token
        self.script = script
        self.matched_by: MatchedBy | None = None
        self.refusals = sum(
            1
            for _ in takewhile(
                lambda wire: wire.end is StreamEnd.REFUSED, script.attempts
            )
        )
        self._correlator = correlator
        self._served: list[ServedRequest] = []
        self._played: list[int] = []
        self._over = asyncio.Event()
        self._asked = asyncio.Event()

    @property
    def attempts(self) -> int:
        """Number of requests so far."""
        return len(self._served)

    @property
    def next_attempt(self) -> int:
        """Number of the attempt that the next request is, refused ones included."""
        return self.refusals + len(self._served) + 1

    def requests(self, zero_ns: int) -> tuple[UpstreamRequest, ...]:
        """Return what was seen of every request, with times relative to ``zero_ns``."""
        return tuple(
            served.observed(zero_ns, number)
            for served, number in zip(self._served, self._played, strict=False)
        )

    def next_draft(self, now_ns: int) -> WireDraft:
        """Return the draft for a request that arrives now."""
        number = self.script.played(self.next_attempt, now_ns - self._zero_ns)
        self._played.append(number)
        return self.script.drafts[number]

    async def asked(self) -> None:
        """Wait until the first request was read."""
        await self._asked.wait()

    async def settled(self) -> None:
        """Wait until no answer is being played; a stall ends with its connection.

        It returns immediately where there was no request. A target may still retry.
        """
        while not all(served.player.over for served in self._served):
            self._over.clear()
            await self._over.wait()

    def close(self) -> None:
        """Accept no more requests, and reset the connections that still play."""
        self._correlator.remove(self)
        for served in self._served:
            served.player.stop()

    def add(self, served: ServedRequest, matched_by: MatchedBy) -> None:
        """Note a request and its player (the upstream calls this)."""
        self._served.append(served)
        self._asked.set()
        self.matched_by = self.matched_by or matched_by

    def notify_over(self) -> None:
        """Take note that an answer is over (the upstream calls this)."""
        self._over.set()


class Correlator:
    """Finds the slot of a request among the open ones.

    Attributes:
        serial: True where requests without a token go to the only open slot.
    """

    def __init__(self) -> None:
        self.serial = False
        self._open: dict[str, Slot] = {}
        self._closed: set[str] = set()

    def open(self, token: str, script: Script, zero_ns: int = 0) -> Slot:
        """Open a slot.

        Args:
            token: What the client's request holds.
            script: What is played for it.
            zero_ns: When the first client of its scenario asked.

        Raises:
            ValueError: The token was used before.
        """
        if token in self._open or token in self._closed:
            raise ValueError(f"the token {token!r} was used before")
        slot = self._open[token] = Slot(token, script, self, zero_ns)
        return slot

    def remove(self, slot: Slot) -> None:
        """Close a slot's token for good."""
        if self._open.pop(slot.token, None) is not None:
            self._closed.add(slot.token)

    def close(self) -> None:
        """Close every slot."""
        for slot in list(self._open.values()):
            slot.close()

    def find(self, request: ReceivedRequest) -> tuple[Slot, MatchedBy] | str:
        """Return the request's slot, or why it has none."""
        header = request.header(STREAM_HEADER)
        if header is not None:
            return self._by_token(header.decode("latin-1"), MatchedBy.HEADER)
        user = user_field(request.body)
        if user is not None and (user in self._open or user in self._closed):
            return self._by_token(user, MatchedBy.USER)
        if not self.serial:
            return "it holds no token of an open stream"
        if len(self._open) != 1:
            return f"it holds no token, and {len(self._open)} streams are open"
        (slot,) = self._open.values()
        return slot, MatchedBy.TURN

    def _by_token(self, token: str, place: MatchedBy) -> tuple[Slot, MatchedBy] | str:
        slot = self._open.get(token)
        if slot is not None:
            return slot, place
        # A late retry of a stream that is over must not count for the next one.
        return (
            "its stream is over"
            if token in self._closed
            else "its token belongs to no stream"
        )

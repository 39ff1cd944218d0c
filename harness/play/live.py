"""Live runs: real processes, real sockets, one clock for both ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from harness.config import Target
from harness.errors import EvidenceError
from harness.faults.draft import Finish
from harness.judge.observation import ClientEnd, Observation, UpstreamRequest
from harness.play.client import Exchange, fetch
from harness.play.escape import escaped
from harness.play.floor import Floor
from harness.play.preflight import preflight_script
from harness.play.proof import proved, served_by
from harness.play.targets import RunningTarget, running
from harness.play.tickets import Assignment
from harness.play.upstream import Upstream
from harness.scenario.script import Script

__all__ = ["LiveTarget", "live_target"]

_SETTLE_S = 1.5
"""How long a target may take to free its upstream after the client's end, before the
connection counts as left open; above every limit that is judged."""

_REFUSED_S = 0.1
"""How long connections are refused for each attempt that is, where others follow that
are not: a refused attempt leaves no trace by which it could be counted."""

_LINES_SHOWN = 10

_DYING_S = 0.15

_BROKEN_OFF = frozenset({ClientEnd.TRUNCATED, ClientEnd.RESET, ClientEnd.REFUSED})


class LiveTarget:
    """One target between its own upstream and the client.

    Attributes:
        target: Its configuration.
        url: Where it listens.
        routing: How its requests are told apart at the upstream: ``header``, ``user``
            or ``turn``; one at a time where it is ``turn``.
        served_by: What the preflight's answer said served it.
    """

    def __init__(self, running: RunningTarget, upstream: Upstream) -> None:
        self.target = running.target
        self.url = running.url
        self.routing = Assignment.TURN
        self.served_by: str | None = None
        self.running = running
        self.upstream = upstream
        self._turn = asyncio.Lock()
        self._floor = Floor()

    async def play(self, script: Script) -> Observation:
        """Play one script through the target and return what both ends saw."""
        refusals = sum(wire.finish is Finish.REFUSED for wire in script.attempts)
        if not refusals:
            async with self._floor.shared():
                return await self._play_in_turn(script)
        # A port is closed to all: such a stream has the target for itself.
        async with self._floor.alone():
            for_s = None if refusals == len(script.attempts) else _REFUSED_S * refusals
            async with self.upstream.refusing(for_s=for_s):
                return await self._play_in_turn(script)

    async def _play_in_turn(self, script: Script) -> Observation:
        by_log = self.target.proof is not None and self.target.proof.log is not None
        # Lines of a log belong to a stream only where no other one runs.
        if self.routing is not Assignment.TURN and not by_log:
            return await self._play(script)
        async with self._turn:
            return await self._play(script)

    async def _play(self, script: Script) -> Observation:
        # A token must never repeat within an upstream; it is not part of any report.
        token = f"harness-{secrets.token_hex(12)}"
        ticket = self.upstream.expect(token, script)
        log_start = self.running.log.mark()
        try:
            exchange = await fetch(
                self.url,
                script.request,
                token=token,
                plan=script.client,
                cue=ticket.asked,
                headers=self.target.headers,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await ticket.settled()
            requests = ticket.requests(exchange.zero_ns)
        finally:
            ticket.close()
        await self._may_die(exchange)
        return self._observed(script, exchange, requests, log_start)

    async def _may_die(self, exchange: Exchange) -> None:
        """Give a target that broke off the moment it takes to be seen as ended."""
        if exchange.end in _BROKEN_OFF and self.running.process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DYING_S):
                    await self.running.process.wait()

    def _observed(
        self,
        script: Script,
        exchange: Exchange,
        requests: tuple[UpstreamRequest, ...],
        log_start: int,
    ) -> Observation:
        observation = Observation(
            target=self.target.name,
            virtual=False,
            status=exchange.status,
            http_version=exchange.http_version,
            headers=exchange.headers,
            head_at_ns=exchange.head_at_ns,
            reads=exchange.reads,
            end=exchange.end,
            end_at_ns=exchange.end_at_ns,
            upstream=requests,
            surplus=exchange.surplus,
            log=self.running.log.since(log_start),
            invalid=self._died(exchange),
        )
        # Only streams are served by an architecture; the upstream is asked for all.
        proof = self.target.proof if _asks_for_stream(script) else None
        refused = script.attempts[0].finish is Finish.REFUSED
        return proved(proof, observation, refused=refused)

    def _died(self, exchange: Exchange) -> str | None:
        code = self.running.exit_code
        if code is None:
            return None
        return (
            f"{self.target.name} ended by itself with exit code {code} "
            f"(the client saw: {exchange.end})"
        )

    def check_strays(self, paths: Collection[str]) -> None:
        """Refuse a run in which the target asked its upstream for more than was asked.

        Raises:
            EvidenceError: A request for one of the paths belonged to no stream: asked
                twice, or after the stream was over; whose it was cannot be told.
        """
        strays = [stray for stray in self.upstream.strays if stray.path in paths]
        if strays:
            first = strays[0]
            raise EvidenceError(
                f"{len(strays)} request(s) of {self.target.name} to its upstream "
                "belong to no stream; the first: "
                f"{escaped(f'{first.method} {first.path}: {first.why}')}"
            )

    def _last_words(self) -> str:
        lines = self.running.log.tail(_LINES_SHOWN)
        if not lines:
            return ""
        return "\nits last output:" + "".join(f"\n  {escaped(line)}" for line in lines)

    async def preflight(self) -> None:
        """Show that a stream gets through, and learn how requests can be told apart.

        Raises:
            EvidenceError: If it does not get through, or something else answers than
                the target says: nothing that follows would be evidence.
        """
        self.upstream.serial = True
        script = preflight_script()
        token = f"harness-{secrets.token_hex(12)}"
        ticket = self.upstream.expect(token, script)
        log_start = self.running.log.mark()
        try:
            exchange = await fetch(
                self.url, script.request, token=token, headers=self.target.headers
            )
            requests = ticket.requests(exchange.zero_ns)
            assigned = ticket.assigned_by
        finally:
            ticket.close()
        observation = self._observed(script, exchange, requests, log_start)
        if observation.invalid is not None or assigned is None:
            raise EvidenceError(
                f"target {self.target.name} at {self.url}: {observation.invalid}"
                f"{self._last_words()}"
            )
        self.routing = assigned
        self.served_by = served_by(self.target.proof, observation)
        self.upstream.serial = assigned is Assignment.TURN


def _asks_for_stream(script: Script) -> bool:
    try:
        body = json.loads(script.request.body)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("stream") is True


@asynccontextmanager
async def live_target(
    target: Target, clock: Callable[[], int]
) -> AsyncIterator[LiveTarget]:
    """Start a target before an upstream of its own, and end both.

    Raises:
        HarnessError: If the target does not start.
        EvidenceError: If the preflight does not get through.
    """
    host, port = target.upstream_listen or ("127.0.0.1", 0)
    async with (
        Upstream(host, port, clock=clock) as upstream,
        running(target, upstream.url) as started,
    ):
        live = LiveTarget(started, upstream)
        await live.preflight()
        yield live

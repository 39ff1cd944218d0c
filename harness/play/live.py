"""Live runs: real processes, real sockets, one clock for both ends."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from harness.config import Target
from harness.errors import EvidenceError
from harness.judge.observation import Observation, UpstreamRequest
from harness.play.client import Exchange, fetch
from harness.play.escape import escaped
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

_LINES_SHOWN = 10


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

    async def play(self, script: Script) -> Observation:
        """Play one script through the target and return what both ends saw."""
        if self.routing is not Assignment.TURN:
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
                headers=self.target.headers,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await ticket.settled()
            requests = ticket.requests(exchange.zero_ns)
        finally:
            ticket.close()
        return self._observed(exchange, requests, log_start)

    def _observed(
        self,
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
            log=self.running.log.since(log_start),
            invalid=self._died(exchange),
        )
        return proved(self.target.proof, observation)

    def _died(self, exchange: Exchange) -> str | None:
        code = self.running.exit_code
        if code is None:
            return None
        return (
            f"{self.target.name} ended by itself with exit code {code} "
            f"(the client saw: {exchange.end})"
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
        observation = self._observed(exchange, requests, log_start)
        if observation.invalid is not None or assigned is None:
            raise EvidenceError(
                f"target {self.target.name} at {self.url}: {observation.invalid}"
                f"{self._last_words()}"
            )
        self.routing = assigned
        self.served_by = served_by(self.target.proof, observation)
        self.upstream.serial = assigned is Assignment.TURN


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

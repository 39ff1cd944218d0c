"""A target in a live run: real processes, real sockets, one clock for both ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from harness.config import Target
from harness.errors import EvidenceError
from harness.faults.draft.blocks import StreamEnd
from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.play.client.fetch import Exchange, fetch
from harness.play.client.kept_connection import KeptConnection
from harness.play.target.preflight import preflight_script
from harness.play.target.process import RunningTarget, running_target
from harness.play.target.proof import check_proof, served_by
from harness.play.target.shared_lock import SharedLock
from harness.play.upstream.correlation import MatchedBy
from harness.play.upstream.server import Upstream
from harness.printable import printable, python_escape
from harness.scenario.model import Phase
from harness.scenario.program import Program, ScriptedStream
from harness.scenario.script import Script
from harness.units import NS_PER_S

__all__ = ["LiveTarget", "live_target"]

_SETTLE_S = 1.5
"""Time for a target to close its upstream connection after the client's end, before it
counts as left open; above every limit that is judged."""

_REFUSED_S = 0.1
"""How long connections are refused for each refused attempt, where others follow: a
refused attempt leaves no trace that could be counted."""

_LINES_SHOWN = 10

_DYING_S = 0.15

_BROKEN_OFF = frozenset({ClientEnd.TRUNCATED, ClientEnd.RESET, ClientEnd.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _GroupContext:
    """What the streams of one scenario share.

    Attributes:
        zero_ns: When the first client asked; 0: there is only one.
        kept: The client connection that they share.
        may_skip_upstream: Whether the target may answer without asking the upstream.
    """

    zero_ns: int = 0
    kept: KeptConnection | None = None
    may_skip_upstream: bool = False


class LiveTarget:
    """One target between its own upstream and the client.

    Attributes:
        url: Where it listens.
        routing: How the upstream tells its requests apart: ``header``, ``user`` or
            ``turn``, which means one stream at a time.
        served_by: What served the preflight, as its answer says.
    """

    def __init__(self, running: RunningTarget, upstream: Upstream) -> None:
        self.target = running.target
        self.url = running.url
        self.routing = MatchedBy.TURN
        self.served_by: str | None = None
        self.running = running
        self.upstream = upstream
        self._serial = asyncio.Lock()
        self._lock = SharedLock()

    async def play(self, script: Script) -> Observation:
        """Play one script through the target and return what both ends saw."""
        refusals = sum(wire.end is StreamEnd.REFUSED for wire in script.attempts)
        if not refusals:
            async with self._lock.shared():
                return await self._play_in_turn(script)
        # The port is closed for all streams, so this one has the target for itself.
        async with self._lock.exclusive():
            for_s = None if refusals == len(script.attempts) else _REFUSED_S * refusals
            async with self.upstream.refusing(for_s=for_s):
                return await self._play_in_turn(script)

    async def play_program(self, program: Program) -> tuple[Observation, ...]:
        """Play all streams of a scenario; a group has the target for itself.

        Where requests or lines of a log cannot be told apart, one plays after another.
        """
        if not program.is_group:
            return (await self.play(program.streams[0].script),)
        async with self._lock.exclusive():
            zero_ns = time.monotonic_ns()
            outage = asyncio.ensure_future(self._refuse_in_phases(program.phases))
            try:
                return await self._play_parts(program, zero_ns)
            finally:
                outage.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await outage

    async def _play_parts(
        self, program: Program, zero_ns: int
    ) -> tuple[Observation, ...]:
        kept = KeptConnection() if program.one_connection else None
        shared = _GroupContext(
            zero_ns=zero_ns, kept=kept, may_skip_upstream=program.fresh
        )
        timed = [part for part in program.streams if part.start_ns is not None]

        async def begin(part: ScriptedStream) -> Observation:
            due_ns = zero_ns + (part.start_ns or 0)
            await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_S)
            return await self._play_in_turn(part.script, shared)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(begin(part)) for part in timed]
            seen = [task.result() for task in tasks]
            seen += [
                await self._play_in_turn(part.script, shared)
                for part in program.streams[len(timed) :]
            ]
        finally:
            if kept is not None:
                kept.close()
        return tuple(seen)

    async def _refuse_in_phases(self, phases: Sequence[Phase]) -> None:
        """Refuse connections while the upstream is down; other answers are drafts."""
        started_s = time.monotonic()
        for number, phase in enumerate(phases):
            if phase.answer != "refuse":
                continue
            await asyncio.sleep(started_s + phase.from_ms / 1000 - time.monotonic())
            async with self.upstream.refusing():
                if number + 1 == len(phases):
                    await asyncio.Event().wait()
                until_s = started_s + phases[number + 1].from_ms / 1000
                await asyncio.sleep(until_s - time.monotonic())

    async def _play_in_turn(
        self, script: Script, group: _GroupContext | None = None
    ) -> Observation:
        group = group or _GroupContext()
        by_log = self.target.proof is not None and self.target.proof.log is not None
        # Lines of a log belong to a stream only while no other one runs.
        if self.routing is not MatchedBy.TURN and not by_log:
            return await self._play(script, group)
        async with self._serial:
            return await self._play(script, group)

    async def _play(self, script: Script, group: _GroupContext) -> Observation:
        # A token must never repeat within an upstream; it is not part of any report.
        token = f"harness-{secrets.token_hex(12)}"
        slot = self.upstream.expect(token, script, group.zero_ns)
        output_start = self.running.output.mark()
        try:
            exchange = await fetch(
                self.url,
                script.request,
                token=token,
                plan=script.client,
                kept=group.kept,
                leave_when=slot.asked,
                headers=self.target.headers,
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await slot.settled()
            requests = slot.requests(exchange.zero_ns)
        finally:
            slot.close()
        await self._wait_for_exit(exchange)
        seen = self._observed(
            script,
            exchange,
            requests,
            output_start,
            may_skip_upstream=group.may_skip_upstream,
        )
        started_ns = exchange.zero_ns - group.zero_ns if group.zero_ns else 0
        return replace(seen, started_ns=started_ns, reused=exchange.reused)

    async def _wait_for_exit(self, exchange: Exchange) -> None:
        """Give a target that broke off the time in which its exit can be seen."""
        if exchange.end in _BROKEN_OFF and self.running.process is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DYING_S):
                    await self.running.process.wait()

    def _observed(
        self,
        script: Script,
        exchange: Exchange,
        requests: tuple[UpstreamRequest, ...],
        output_start: int,
        *,
        may_skip_upstream: bool = False,
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
            log=self.running.output.since(output_start),
            invalid=self._exit_note(exchange),
        )
        # Only streams are served by an architecture; the upstream is asked for all.
        proof = self.target.proof if _asks_for_stream(script) else None
        # A refused target need not retry, and an open circuit sends no request.
        may_skip_upstream |= script.attempts[0].end is StreamEnd.REFUSED
        return check_proof(proof, observation, may_skip_upstream=may_skip_upstream)

    def _exit_note(self, exchange: Exchange) -> str | None:
        code = self.running.exit_code
        if code is None:
            return None
        return (
            f"{self.target.name} ended by itself with exit code {code} "
            f"(the client saw: {exchange.end})"
        )

    def check_unmatched(self, paths: Collection[str]) -> None:
        """Refuse a run in which the target sent requests that belong to no stream.

        Raises:
            EvidenceError: There was one for one of the paths: sent twice, or after its
                stream was over.
        """
        unmatched = [
            request for request in self.upstream.unmatched if request.path in paths
        ]
        if unmatched:
            first = unmatched[0]
            shown = f"{first.method} {first.path}: {first.why}"
            raise EvidenceError(
                f"{len(unmatched)} request(s) of {self.target.name} to its upstream "
                "belong to no stream; the first: "
                f"{printable(shown, python_escape)}"
            )

    def _output_tail(self) -> str:
        lines = self.running.output.tail(_LINES_SHOWN)
        if not lines:
            return ""
        shown = "".join(f"\n  {printable(line, python_escape)}" for line in lines)
        return f"\nits last output:{shown}"

    async def preflight(self) -> None:
        """Show that a stream gets through, and find out how requests can be told apart.

        Raises:
            EvidenceError: If it does not get through, or the answer proves something
                else: what follows would be no evidence.
        """
        self.upstream.serial = True
        script = preflight_script()
        token = f"harness-{secrets.token_hex(12)}"
        slot = self.upstream.expect(token, script)
        output_start = self.running.output.mark()
        try:
            exchange = await fetch(
                self.url, script.request, token=token, headers=self.target.headers
            )
            requests = slot.requests(exchange.zero_ns)
            matched_by = slot.matched_by
        finally:
            slot.close()
        observation = self._observed(script, exchange, requests, output_start)
        if observation.invalid is not None or matched_by is None:
            raise EvidenceError(
                f"target {self.target.name} at {self.url}: {observation.invalid}"
                f"{self._output_tail()}"
            )
        self.routing = matched_by
        self.served_by = served_by(self.target.proof, observation)
        self.upstream.serial = matched_by is MatchedBy.TURN


def _asks_for_stream(script: Script) -> bool:
    try:
        body = json.loads(script.request.body)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("stream") is True


@asynccontextmanager
async def live_target(target: Target) -> AsyncIterator[LiveTarget]:
    """Start a target with an upstream of its own, and end both.

    Raises:
        HarnessError: If the target does not start.
        EvidenceError: If the preflight does not get through.
    """
    host, port = target.upstream_listen or ("127.0.0.1", 0)
    async with (
        Upstream(host, port) as upstream,
        running_target(target, upstream.url) as started,
    ):
        live = LiveTarget(started, upstream)
        await live.preflight()
        yield live

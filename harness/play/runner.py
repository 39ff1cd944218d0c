"""Plays every scenario through both targets, judges it, and tells it as run events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from harness.config import Target
from harness.judge.check import judge
from harness.judge.evidence.observation import Observation
from harness.judge.group import GroupExpectation, judge_group
from harness.judge.harness_lag import Lag, lateness_of, summarise_lag
from harness.judge.judgement import Judgement
from harness.judge.limits import Limits, live_limits, virtual_limits
from harness.judge.oracle.oracle import Expectation
from harness.judge.run import (
    RunEvent,
    RunFinished,
    RunRecord,
    RunStarted,
    ScenarioJudged,
    ScenarioPlayed,
    ScenarioRecord,
    TargetReady,
)
from harness.judge.verdict import (
    Decision,
    Gate,
    Result,
    best_repeat,
    decide,
    verdict_of,
    worst_repeat,
)
from harness.play.gc_pause import gc_paused
from harness.play.plan import Job, Plan, target_facts
from harness.play.target.live import LiveTarget, live_target
from harness.play.virtual.player import play_program
from harness.scenario.model import Mode
from harness.units import NS_PER_MS

__all__ = ["finish", "play_job", "run"]

_AT_ONCE = 6
"""Live scenarios side by side: enough to fill the pauses of streams, few enough that
two cores are not what is measured."""


async def run(plan: Plan, emit: Callable[[RunEvent], None]) -> RunRecord:
    """Run a plan.

    Args:
        plan: What to play.
        emit: Called with every run event, in the order of what happens.

    Raises:
        HarnessError: If a target does not start.
        EvidenceError: If a target, or its upstream through it, is not reached.
    """
    emit(RunStarted(settings=plan.settings, total=len(plan.virtual) + len(plan.live)))
    records: list[ScenarioRecord] = []

    def judged(record: ScenarioRecord) -> None:
        records.append(record)
        emit(ScenarioJudged(record=record))

    lag: Lag | None = None
    routing: dict[str, str] = {}
    if plan.live:
        lag, routing = await _run_live(plan, emit, judged)
    for job in plan.virtual:
        judged(play_job(plan, job))
        # Let a signal or a progress display have its turn.
        await asyncio.sleep(0)
    records.sort(key=lambda record: (record.scenario.id, record.mode))
    finished = finish(plan, records, lag, routing)
    emit(RunFinished(run=finished))
    return finished


def finish(
    plan: Plan,
    records: Sequence[ScenarioRecord],
    lag: Lag | None,
    routing: dict[str, str],
) -> RunRecord:
    """Decide over what was played and judged."""
    results = [record.result for record in records]
    decision = decide(results)
    return RunRecord(
        settings=plan.settings,
        baseline=target_facts(plan.baseline),
        candidate=target_facts(plan.candidate),
        records=tuple(records),
        decision=decision,
        reasons=_reasons(decision, results),
        lag=lag,
        routing=routing,
        skipped=plan.skipped,
    )


def _reasons(decision: Decision, results: Sequence[Result]) -> tuple[str, ...]:
    if not results:
        return ("nothing was played: no evidence",)
    if decision is Decision.GO:
        count = f"{len(results)} result{'s' if len(results) > 1 else ''}"
        return (f"{count}, and the candidate is nowhere the worse one",)
    gates = {
        Decision.NO_GO: Gate.FAIL,
        Decision.INVALID: Gate.INVALID,
        Decision.INCONCLUSIVE: Gate.INCONCLUSIVE,
    }
    causes = [result for result in results if result.gate is gates[decision]]
    counts: dict[str, int] = {}
    for result in causes:
        counts[f"{result.verdict}: {result.reason}"] = (
            counts.get(f"{result.verdict}: {result.reason}", 0) + 1
        )
    shown = [f"{count} x {cause}" for cause, count in counts.items()]
    more = [f"and {len(shown) - 3} other causes"] if len(shown) > 3 else []
    return (*shown[:3], *more)


def play_job(plan: Plan, job: Job) -> ScenarioRecord:
    """Play one scenario in virtual time through both targets, and judge it."""
    if plan.relays is None:
        raise ValueError("a virtual job needs two relays")
    sides = zip(
        (plan.baseline, plan.candidate),
        plan.relays,
        job.expected,
        strict=True,
    )
    baseline, candidate = (
        _judge(
            job,
            expected,
            play_program(
                target.name,
                factory,
                job.program,
                {**target.relay_settings, **job.scenario.settings},
                architecture=_architecture(target),
            ),
            virtual_limits(),
        )
        for target, factory, expected in sides
    )
    return _record(job, Mode.VIRTUAL, (baseline,), (candidate,))


def _judge(
    job: Job,
    expected: Sequence[Expectation],
    seen: Sequence[Observation],
    limits: Limits,
) -> Judgement:
    """Judge one repeat: one stream, or all streams of a scenario together."""
    program = job.program
    if not program.is_group:
        return judge(expected[0], seen[0], limits)
    group = GroupExpectation(
        names=tuple(part.name for part in program.parts),
        markers=tuple(part.script.marker for part in program.parts),
        phases=program.phases,
        expect=job.scenario.expect,
    )
    return judge_group(expected, seen, limits, group)


def _architecture(target: Target) -> str | None:
    """Return what a stream must say served it, where a header says so."""
    proof = target.proof
    return proof.header[1] if proof and proof.header else None


def _record(
    job: Job,
    mode: Mode,
    baseline: tuple[Judgement, ...],
    candidate: tuple[Judgement, ...],
    *,
    degraded: bool = False,
) -> ScenarioRecord:
    return ScenarioRecord(
        scenario=job.scenario,
        script=job.script,
        mode=mode,
        expected=(job.baseline, job.candidate),
        # What was judged stands first, in what is told as well.
        baseline=_first(best_repeat(baseline), baseline),
        candidate=_first(worst_repeat(candidate), candidate),
        result=verdict_of(baseline, candidate, job.scenario.allow),
        degraded=degraded,
    )


def _first(told: Judgement, repeats: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
    return (told, *(repeat for repeat in repeats if repeat is not told))


async def _run_live(
    plan: Plan,
    emit: Callable[[RunEvent], None],
    judged: Callable[[ScenarioRecord], None],
) -> tuple[Lag, dict[str, str]]:
    played: list[_Played] = []
    async with AsyncExitStack() as stack:
        lives = []
        for target in (plan.baseline, plan.candidate):
            live = await _enter(stack, target)
            lives.append(live)
            emit(
                TargetReady(
                    name=target.name,
                    url=live.url,
                    routing=live.routing,
                    served_by=live.served_by,
                )
            )
        baseline, candidate = lives
        places = asyncio.Semaphore(_AT_ONCE)

        async def play(job: Job) -> None:
            async with places:
                played.append(await _play_live(plan, job, baseline, candidate))
            emit(
                ScenarioPlayed(
                    id=job.scenario.id, played=len(played), total=len(plan.live)
                )
            )

        with gc_paused():
            async with asyncio.TaskGroup() as group:
                for job in plan.live:
                    if not job.program.is_group and not job.program.fresh:
                        group.create_task(play(job))
            for job in plan.live:
                # Many streams at once would be what the others wait for.
                if job.program.is_group and not job.program.fresh:
                    await play(job)
        routing = {live.target.name: str(live.routing) for live in lives}
        for live in lives:
            live.check_unmatched({job.script.request.path for job in plan.live})
    for job in plan.live:
        if job.program.fresh:
            with gc_paused():
                played.append(await _play_fresh(plan, job))
            emit(
                ScenarioPlayed(
                    id=job.scenario.id, played=len(played), total=len(plan.live)
                )
            )
    # Judging takes the processor for milliseconds: never while streams are timed.
    for one in played:
        judged(_judge_live(one))
    return summarise_lag(late for one in played for late in _lateness(one)), routing


async def _enter(stack: AsyncExitStack, target: Target) -> LiveTarget:
    return await stack.enter_async_context(live_target(target, time.monotonic_ns))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    """One job, played live by both targets."""

    job: Job
    baseline: tuple[tuple[Observation, ...], ...]
    candidate: tuple[tuple[Observation, ...], ...]


async def _play_live(
    plan: Plan, job: Job, baseline: LiveTarget, candidate: LiveTarget
) -> _Played:
    """Play all repeats, the two targets in turn, each first every other time."""
    first: list[tuple[Observation, ...]] = []
    second: list[tuple[Observation, ...]] = []
    for repeat in range(plan.settings.repeats):
        order = [(baseline, first), (candidate, second)]
        for live, seen in order if repeat % 2 == 0 else reversed(order):
            seen.append(await live.play_program(job.program))
    return _Played(job=job, baseline=tuple(first), candidate=tuple(second))


async def _play_fresh(plan: Plan, job: Job) -> _Played:
    """Play all repeats, each through processes that nothing was asked of before."""
    seen: tuple[list[tuple[Observation, ...]], ...] = ([], [])
    for _ in range(plan.settings.repeats):
        for target, side in zip((plan.baseline, plan.candidate), seen, strict=True):
            own = replace(target, env={**target.env, **job.scenario.settings})
            async with live_target(own, time.monotonic_ns) as live:
                side.append(await live.play_program(job.program))
                live.check_unmatched({job.script.request.path})
    return _Played(job=job, baseline=tuple(seen[0]), candidate=tuple(seen[1]))


def _lateness(played: _Played) -> Iterator[int]:
    for repeat in (*played.baseline, *played.candidate):
        for observation in repeat:
            yield from lateness_of(observation.upstream)


def _judge_live(played: _Played) -> ScenarioRecord:
    lag_ns = max(_lateness(played), default=0)
    job = played.job
    return _record(
        job,
        Mode.LIVE,
        _judge_all(job, job.expected[0], played.baseline, lag_ns),
        _judge_all(job, job.expected[1], played.candidate, lag_ns),
        degraded=lag_ns > NS_PER_MS,
    )


def _judge_all(
    job: Job,
    expected: Sequence[Expectation],
    repeats: Sequence[tuple[Observation, ...]],
    lag_ns: int,
) -> tuple[Judgement, ...]:
    limits = live_limits(lag_ns)
    return tuple(_judge(job, expected, seen, limits) for seen in repeats)

"""Plays every scenario through both targets, judges it, and emits run events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from harness.config import Target
from harness.judge.check import judge
from harness.judge.evidence.observation import Observation
from harness.judge.group import GroupExpectation, judge_group
from harness.judge.harness_lag import Lag, summarise_lag
from harness.judge.judgement import Judgement
from harness.judge.limits import Limits, live_limits, virtual_limits
from harness.judge.oracle.oracle import Expectation
from harness.judge.run import (
    RunEvent,
    RunFinished,
    RunRecord,
    RunSettings,
    RunStarted,
    ScenarioJudged,
    ScenarioRecord,
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
from harness.play.live_run import PlayedScenario, play_live
from harness.play.plan import Plan, PlannedScenario, target_facts
from harness.play.virtual.player import play_program
from harness.play.virtual.relays import RelayFactory
from harness.scenario.model import Mode
from harness.units import NS_PER_MS

__all__ = ["finish_run", "play_and_judge", "run"]


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

    def add(record: ScenarioRecord) -> None:
        records.append(record)
        emit(ScenarioJudged(record=record))

    lag: Lag | None = None
    routing: dict[str, str] = {}
    if plan.live:
        lag, routing = await _run_live(plan, emit, add)
    for planned in plan.virtual:
        if plan.relays is None:
            raise ValueError("virtual time needs two relays")
        add(play_and_judge(planned, plan.targets, plan.relays))
        # Let signals and the progress display run.
        await asyncio.sleep(0)
    records.sort(key=lambda record: (record.scenario.id, record.mode))
    finished = finish_run(
        plan.settings,
        plan.targets,
        records,
        lag=lag,
        routing=routing,
        skipped=plan.skipped,
    )
    emit(RunFinished(run=finished))
    return finished


def finish_run(  # noqa: PLR0913 - what was asked and played, and three options
    settings: RunSettings,
    targets: tuple[Target, Target],
    records: Sequence[ScenarioRecord],
    *,
    lag: Lag | None = None,
    routing: Mapping[str, str] | None = None,
    skipped: tuple[str, ...] = (),
) -> RunRecord:
    """Make the record of a run from what was judged, with the decision."""
    results = [record.result for record in records]
    decision = decide(results)
    baseline, candidate = targets
    return RunRecord(
        settings=settings,
        baseline=target_facts(baseline),
        candidate=target_facts(candidate),
        records=tuple(records),
        decision=decision,
        reasons=_reasons(decision, results),
        lag=lag,
        routing=routing or {},
        skipped=skipped,
    )


def _reasons(decision: Decision, results: Sequence[Result]) -> tuple[str, ...]:
    if not results:
        return ("nothing was played: no evidence",)
    if decision is Decision.GO:
        count = f"{len(results)} result{'s' if len(results) > 1 else ''}"
        return (f"{count}, and the candidate is not worse anywhere",)
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
    more = len(shown) - 3
    if more > 0:
        shown[3:] = [f"and {more} other cause{'s' if more > 1 else ''}"]
    return tuple(shown)


def play_and_judge(
    planned: PlannedScenario,
    targets: tuple[Target, Target],
    relays: tuple[RelayFactory, RelayFactory],
) -> ScenarioRecord:
    """Play one scenario in virtual time through both targets, and judge it."""
    baseline, candidate = (
        _judge(
            planned,
            expected,
            play_program(
                target.name,
                relay,
                planned.program,
                {**target.relay_settings, **planned.scenario.settings},
                architecture=_architecture(target),
            ),
            virtual_limits(),
        )
        for target, relay, expected in zip(
            targets, relays, planned.expected, strict=True
        )
    )
    return _record(planned, Mode.VIRTUAL, (baseline,), (candidate,))


def _judge(
    planned: PlannedScenario,
    expected: Sequence[Expectation],
    seen: Sequence[Observation],
    limits: Limits,
) -> Judgement:
    """Judge one repeat: one stream, or all streams of a scenario together."""
    program = planned.program
    if not program.is_group:
        return judge(expected[0], seen[0], limits)
    group = GroupExpectation(
        names=tuple(part.name for part in program.streams),
        markers=tuple(part.script.marker for part in program.streams),
        phases=program.phases,
        expect=planned.scenario.exchange.expect,
    )
    return judge_group(expected, seen, limits, group)


def _architecture(target: Target) -> str | None:
    """Return what a stream must say served it, where a header says so."""
    proof = target.proof
    return proof.header[1] if proof and proof.header else None


def _record(
    planned: PlannedScenario,
    mode: Mode,
    baseline: tuple[Judgement, ...],
    candidate: tuple[Judgement, ...],
    *,
    degraded: bool = False,
) -> ScenarioRecord:
    scenario = planned.scenario
    of_baseline, of_candidate = planned.expected
    return ScenarioRecord(
        scenario=scenario,
        script=planned.script,
        mode=mode,
        expected=(of_baseline[0], of_candidate[0]),
        # The repeat that was judged comes first in the report, too.
        baseline=_first(best_repeat(baseline), baseline),
        candidate=_first(worst_repeat(candidate), candidate),
        result=verdict_of(baseline, candidate, scenario.allow),
        degraded=degraded,
    )


def _first(one: Judgement, repeats: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
    return (one, *(repeat for repeat in repeats if repeat is not one))


async def _run_live(
    plan: Plan,
    emit: Callable[[RunEvent], None],
    add: Callable[[ScenarioRecord], None],
) -> tuple[Lag, dict[str, str]]:
    played, routing = await play_live(
        plan.live, plan.targets, plan.settings.repeats, emit
    )
    # Judging takes the processor for milliseconds: never while streams are timed.
    for one in played:
        add(_judge_live(one))
    return summarise_lag(late for one in played for late in one.lateness_ns()), routing


def _judge_live(played: PlayedScenario) -> ScenarioRecord:
    lag_ns = max(played.lateness_ns(), default=0)
    limits = live_limits(lag_ns)
    planned = played.planned
    baseline, candidate = (
        tuple(_judge(planned, expected, seen, limits) for seen in repeats)
        for expected, repeats in zip(planned.expected, played.repeats, strict=True)
    )
    return _record(planned, Mode.LIVE, baseline, candidate, degraded=lag_ns > NS_PER_MS)

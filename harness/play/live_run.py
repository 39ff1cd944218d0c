"""Plays scenarios live, through both targets side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from harness.config import Target
from harness.judge.evidence.observation import Observation
from harness.judge.harness_lag import lateness_of
from harness.judge.run import RunEvent, ScenarioPlayed, TargetReady
from harness.play.gc_pause import gc_paused
from harness.play.plan import PlannedScenario
from harness.play.target.live import LiveTarget, live_target

__all__ = ["PlayedScenario", "play_live"]

_AT_ONCE = 6
"""Live scenarios side by side: enough to fill the pauses of streams, few enough not to
measure how two cores are shared."""

_Repeats = tuple[tuple[Observation, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedScenario:
    """One scenario, played live.

    Attributes:
        repeats: For the baseline and the candidate, the observations of every repeat.
    """

    planned: PlannedScenario
    repeats: tuple[_Repeats, _Repeats]

    def lateness_ns(self) -> Iterator[int]:
        """Yield how late each write of the upstream was."""
        for repeats in self.repeats:
            for observations in repeats:
                for observation in observations:
                    yield from lateness_of(observation.upstream)


async def play_live(
    scenarios: Sequence[PlannedScenario],
    targets: tuple[Target, Target],
    repeats: int,
    emit: Callable[[RunEvent], None],
) -> tuple[list[PlayedScenario], dict[str, str]]:
    """Play scenarios through both targets.

    Args:
        scenarios: What to play.
        targets: Baseline and candidate.
        repeats: How many times each scenario is played through each target.
        emit: Called with every target that serves and every scenario that was played.

    Returns:
        What was played, in the order in which it ended, and for every target how its
        requests are told apart.

    Raises:
        HarnessError: If a target does not start.
        EvidenceError: If a target, or its upstream through it, is not reached.
    """
    played: list[PlayedScenario] = []

    def add(one: PlayedScenario) -> None:
        played.append(one)
        emit(
            ScenarioPlayed(
                id=one.planned.scenario.id, played=len(played), total=len(scenarios)
            )
        )

    async with AsyncExitStack() as stack:
        lives: list[LiveTarget] = []
        for target in targets:
            live = await stack.enter_async_context(live_target(target))
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

        async def play(planned: PlannedScenario) -> None:
            async with places:
                one = await _play_repeats(planned, baseline, candidate, repeats)
            add(one)

        with gc_paused():
            async with asyncio.TaskGroup() as group:
                for planned in scenarios:
                    program = planned.program
                    if not program.is_group and not program.fresh:
                        group.create_task(play(planned))
            for planned in scenarios:
                # Many streams at the same time would hold up the others.
                if planned.program.is_group and not planned.program.fresh:
                    await play(planned)
        routing = {live.target.name: str(live.routing) for live in lives}
        for live in lives:
            live.check_unmatched({one.script.request.path for one in scenarios})
    for planned in scenarios:
        if planned.program.fresh:
            with gc_paused():
                one = await _play_fresh(planned, targets, repeats)
            add(one)
    return played, routing


async def _play_repeats(
    planned: PlannedScenario,
    baseline: LiveTarget,
    candidate: LiveTarget,
    repeats: int,
) -> PlayedScenario:
    """Play all repeats through both targets; each is first every other time."""
    first: list[tuple[Observation, ...]] = []
    second: list[tuple[Observation, ...]] = []
    for repeat in range(repeats):
        order = [(baseline, first), (candidate, second)]
        for live, seen in order if repeat % 2 == 0 else reversed(order):
            seen.append(await live.play_program(planned.program))
    return PlayedScenario(planned=planned, repeats=(tuple(first), tuple(second)))


async def _play_fresh(
    planned: PlannedScenario, targets: tuple[Target, Target], repeats: int
) -> PlayedScenario:
    """Play all repeats, each through new processes."""
    seen: tuple[list[tuple[Observation, ...]], ...] = ([], [])
    for _ in range(repeats):
        for target, side in zip(targets, seen, strict=True):
            settings = planned.scenario.settings
            own = replace(target, env={**target.env, **settings})
            async with live_target(own) as live:
                side.append(await live.play_program(planned.program))
                live.check_unmatched({planned.script.request.path})
    first, second = seen
    return PlayedScenario(planned=planned, repeats=(tuple(first), tuple(second)))

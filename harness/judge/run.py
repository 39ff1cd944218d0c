"""The record of a run, and the run events that report it while it happens.

Console and report read only these; nothing else leaves the runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.judge.harness_lag import Lag
from harness.judge.judgement import Judgement
from harness.judge.oracle.expectation import Contract, Expectation
from harness.judge.oracle.policy import Policy
from harness.judge.verdict import Decision, Result
from harness.scenario.model import Mode, Scenario
from harness.scenario.script import Script

__all__ = [
    "RunEvent",
    "RunFinished",
    "RunRecord",
    "RunSettings",
    "RunStarted",
    "ScenarioJudged",
    "ScenarioPlayed",
    "ScenarioRecord",
    "TargetFacts",
    "TargetReady",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The settings of a run.

    Attributes:
        seed: Seed of every random choice.
        modes: Live, virtual, or both.
        repeats: Number of live plays of every scenario through every target.
        speed: Divisor of all recorded and faulted pauses; 2 is twice as fast.
        suite: ``pr``, ``full``, or the words that select scenarios instead.
        cassettes: Files and folders named in place of a suite.
        policy: The suite's choice where reasonable proxies differ.
        sweep: The words that ask for a sweep; empty: no sweep.
        files: Files of scenarios that were named; an id alone does not find theirs.
    """

    seed: int
    modes: tuple[Mode, ...]
    repeats: int
    speed: float
    suite: str
    cassettes: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    sweep: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """One target, as the report describes it.

    Attributes:
        kind: ``command`` or ``url``.
        relay: Dotted path of its relay; None: no virtual time for it.
        proof: How a stream shows what served it, in words; None: only by reaching its
            own upstream through this target.
    """

    name: str
    kind: str
    contract: Contract
    relay: str | None
    proof: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRecord:
    """One scenario in one mode, judged.

    Attributes:
        expected: The oracle's expectation for baseline and candidate; None where the
            scenario could not be played.
        baseline: The baseline's judgements, one a repeat.
        candidate: The candidate's, one a repeat.
        degraded: True where the harness itself was too late for a verdict on timing.
    """

    scenario: Scenario
    script: Script
    mode: Mode
    expected: tuple[Expectation, Expectation] | None
    baseline: tuple[Judgement, ...]
    candidate: tuple[Judgement, ...]
    result: Result
    degraded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The whole record of a run.

    Attributes:
        records: Every scenario in every mode, by id and mode.
        reasons: The reasons of the decision, at most a few lines.
        lag: The harness's own lateness; None: nothing ran live.
        routing: For every target whether its streams ran side by side (``header``,
            ``user``) or one at a time (``turn``).
        skipped: Scenarios that could not be played, with the reason.
    """

    settings: RunSettings
    baseline: TargetFacts
    candidate: TargetFacts
    records: tuple[ScenarioRecord, ...]
    decision: Decision
    reasons: tuple[str, ...]
    lag: Lag | None
    routing: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run knows what it will play."""

    settings: RunSettings
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReady:
    """A target was reached, and its upstream through it."""

    name: str
    url: str
    routing: str
    served_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPlayed:
    """One scenario was played live; judging waits, not to disturb the other plays."""

    id: str
    played: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioJudged:
    """One scenario was played and judged in one mode."""

    record: ScenarioRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run is over."""

    run: RunRecord


RunEvent = RunStarted | TargetReady | ScenarioPlayed | ScenarioJudged | RunFinished

"""What a run knows, and the run events that tell it while it happens.

Everything that is shown or written reads these; nothing else leaves the runner.
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
    """What was asked of a run.

    Attributes:
        seed: Seed of every random choice.
        modes: Live, virtual, or both.
        repeats: How often every scenario is played through every target, live.
        speed: Factor on all recorded and faulted pauses; 2 is twice as fast.
        suite: ``pr``, ``full``, or what was named instead.
        cassettes: The files and folders that were named in place of a suite.
        policy: What reasonable proxies do differently, and this suite decides.
        sweep: The words that ask for a sweep; empty: none was asked for.
        files: The files of scenarios that were named; no id finds what is in them.
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
    """One target as the report tells of it.

    Attributes:
        name: Its name.
        kind: ``command`` or ``url``.
        contract: What it promises.
        relay: Dotted path of its relay; None: no virtual time for it.
        proof: How a stream shows what served it, in words; None: only that it came
            through this target to its own upstream.
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
        scenario: What was to be shown.
        script: What was played.
        mode: How.
        expected: The oracle's expectation for baseline and candidate; None where the
            scenario could not be played.
        baseline: The baseline's judgements, one a repeat.
        candidate: The candidate's.
        result: The verdict.
        degraded: True where the harness was too late itself for a verdict on timing.
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
    """All that a run knows.

    Attributes:
        settings: What was asked.
        baseline: The baseline.
        candidate: The candidate.
        records: Every scenario in every mode, by id and mode.
        decision: What it comes to.
        reasons: Why, at most a few lines.
        lag: The harness's own lateness; None: nothing ran live.
        routing: For every target whether its streams ran side by side (``header``,
            ``user``) or one at a time (``turn``).
        skipped: What was asked for and could not be played, with the reason.
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
    """One scenario was played live; it is judged when all are, not to disturb them."""

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

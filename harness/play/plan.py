"""What a run will play, made before anything is started."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.config import Target
from harness.faults.registry import FaultError
from harness.judge.oracle import Expectation, expectation
from harness.judge.record import RunSettings, TargetFacts
from harness.play.relays import RelayFactory, load_relay
from harness.scenario.model import Mode, Scenario
from harness.scenario.script import Script, make_script

__all__ = ["Job", "Plan", "make_plan", "target_facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One scenario, ready to be played.

    Attributes:
        scenario: What is to be shown.
        script: What is played.
        baseline: What the oracle expects of the baseline.
        candidate: What it expects of the candidate.
    """

    scenario: Scenario
    script: Script
    baseline: Expectation
    candidate: Expectation


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will play.

    Attributes:
        settings: What was asked.
        baseline: The baseline.
        candidate: The candidate.
        relays: Their relays, where both have one and virtual time is asked for.
        virtual: Jobs for virtual time.
        live: Jobs for live.
        skipped: What was asked for and cannot be played, with the reason.
    """

    settings: RunSettings
    baseline: Target
    candidate: Target
    relays: tuple[RelayFactory, RelayFactory] | None
    virtual: tuple[Job, ...]
    live: tuple[Job, ...]
    skipped: tuple[str, ...] = ()


def make_plan(  # noqa: PLR0913 - each is a choice of its own
    scenarios: list[Scenario],
    settings: RunSettings,
    baseline: Target,
    candidate: Target,
    *,
    live_tag: str | None = None,
    skip_inapplicable: bool = False,
) -> Plan:
    """Make every script and every expectation.

    Args:
        scenarios: What to play.
        settings: Seed, modes, speed.
        baseline: The baseline.
        candidate: The candidate.
        live_tag: Only scenarios with this tag run live; None: all.
        skip_inapplicable: Leave out, and say so, what a fault cannot apply to: one
            fault over many recordings meets some that it does not fit.

    Raises:
        FaultError: If a fault cannot apply: nothing is started then.
        InputError: If a relay cannot be loaded.
    """
    relays = None
    if Mode.VIRTUAL in settings.modes and baseline.relay and candidate.relay:
        relays = load_relay(baseline.relay), load_relay(candidate.relay)
    if Mode.VIRTUAL in settings.modes and relays is None:
        # What was not run must not be told as run.
        modes = tuple(mode for mode in settings.modes if mode is not Mode.VIRTUAL)
        settings = replace(settings, modes=modes)
    jobs: list[Job] = []
    skipped: list[str] = []
    for scenario in scenarios:
        try:
            jobs.append(_job(scenario, settings, baseline, candidate))
        except FaultError as error:
            if not skip_inapplicable:
                raise
            skipped.append(f"{scenario.id}: {error.message}")
    return Plan(
        settings=settings,
        baseline=baseline,
        candidate=candidate,
        relays=relays,
        virtual=tuple(
            job for job in jobs if relays and Mode.VIRTUAL in job.scenario.modes
        ),
        live=tuple(
            job
            for job in jobs
            if Mode.LIVE in settings.modes
            and Mode.LIVE in job.scenario.modes
            and (live_tag is None or live_tag in job.scenario.tags)
        ),
        skipped=tuple(skipped),
    )


def target_facts(target: Target) -> TargetFacts:
    """Return what the report tells of a target."""
    proof = target.proof
    words = None
    if proof is not None:
        words = (
            f"log: {proof.log}"
            if proof.header is None
            else f"header {proof.header[0]}: {proof.header[1]}"
        )
    return TargetFacts(
        name=target.name,
        kind="url" if target.command is None else "command",
        contract=target.contract,
        relay=target.relay,
        proof=words,
    )


def _job(
    scenario: Scenario, settings: RunSettings, baseline: Target, candidate: Target
) -> Job:
    script = make_script(scenario, settings.seed)
    if settings.speed != 1.0:
        attempts = tuple(wire.scaled(settings.speed) for wire in script.attempts)
        script = replace(script, attempts=attempts)
    expected = {
        contract: expectation(script, contract, scenario.expect)
        for contract in {baseline.contract, candidate.contract}
    }
    return Job(
        scenario=scenario,
        script=script,
        baseline=expected[baseline.contract],
        candidate=expected[candidate.contract],
    )

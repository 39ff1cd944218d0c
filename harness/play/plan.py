"""The plan of a run, made before anything is started."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.config import Target
from harness.faults.registry import FaultError
from harness.judge.oracle.oracle import Contract, Expectation, expectation
from harness.judge.oracle.policy import Policy
from harness.judge.run import RunSettings, TargetFacts
from harness.play.virtual.relays import RelayFactory, load_relay
from harness.scenario.model import ClientPlan, Mode, Scenario
from harness.scenario.program import Program, ScriptedStream, make_program
from harness.scenario.script import Script

__all__ = ["Plan", "PlannedScenario", "make_plan", "plan_scenario", "target_facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedScenario:
    """One scenario, ready to be played.

    Attributes:
        program: Its streams.
        expected: For the baseline and for the candidate, what the oracle expects of
            each stream.
    """

    scenario: Scenario
    program: Program
    expected: tuple[tuple[Expectation, ...], tuple[Expectation, ...]]

    @property
    def script(self) -> Script:
        """The script of the first stream; most scenarios have no other."""
        return self.program.streams[0].script


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a run will play.

    Attributes:
        settings: What was asked for.
        targets: Baseline and candidate.
        relays: Their relays, where both have one and virtual time is asked for.
        skipped: The scenarios that cannot be played, with the reason.
    """

    settings: RunSettings
    targets: tuple[Target, Target]
    relays: tuple[RelayFactory, RelayFactory] | None
    virtual: tuple[PlannedScenario, ...]
    live: tuple[PlannedScenario, ...]
    skipped: tuple[str, ...] = ()


def make_plan(
    scenarios: list[Scenario],
    settings: RunSettings,
    targets: tuple[Target, Target],
    *,
    live_tag: str | None = None,
    skip_inapplicable: bool = False,
) -> Plan:
    """Make every script and every expectation.

    Args:
        scenarios: What to play.
        settings: Seed, modes, speed.
        targets: Baseline and candidate.
        live_tag: Only scenarios with this tag run live; None: all.
        skip_inapplicable: Skip and report the scenarios to which a fault cannot apply:
            a fault rarely fits all of many recordings.

    Raises:
        FaultError: If a fault cannot apply: nothing is started then.
        InputError: If a relay cannot be loaded.
    """
    relays = None
    baseline, candidate = targets
    if Mode.VIRTUAL in settings.modes and baseline.relay and candidate.relay:
        relays = load_relay(baseline.relay), load_relay(candidate.relay)
    if Mode.VIRTUAL in settings.modes and relays is None:
        # A mode that was not run must not be reported as run.
        modes = tuple(mode for mode in settings.modes if mode is not Mode.VIRTUAL)
        settings = replace(settings, modes=modes)
    planned: list[PlannedScenario] = []
    skipped: list[str] = []
    for scenario in scenarios:
        try:
            planned.append(plan_scenario(scenario, settings, targets))
        except FaultError as error:
            if not skip_inapplicable:
                raise
            skipped.append(f"{scenario.id}: {error.message}")
    running = [one.name for one in targets if one.command is None]
    if running and Mode.LIVE in settings.modes:
        # Neither settings nor the effects of an outage can be undone there.
        skipped += [
            f"{one.scenario.id}: to run live it needs new processes, but "
            f"{' and '.join(running)} was not started by the harness"
            for one in planned
            if one.program.fresh
        ]
    return Plan(
        settings=settings,
        targets=targets,
        relays=relays,
        virtual=tuple(
            one for one in planned if relays and Mode.VIRTUAL in one.scenario.modes
        ),
        live=tuple(
            one
            for one in planned
            if Mode.LIVE in settings.modes
            and Mode.LIVE in one.scenario.modes
            and not (running and one.program.fresh)
            and (live_tag is None or live_tag in one.scenario.tags)
        ),
        skipped=tuple(skipped),
    )


def target_facts(target: Target) -> TargetFacts:
    """Return what the report says about a target."""
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


def plan_scenario(
    scenario: Scenario, settings: RunSettings, targets: tuple[Target, Target]
) -> PlannedScenario:
    """Make the script of one scenario, and what the oracle expects of both targets.

    Raises:
        FaultError: If a fault cannot apply.
    """
    program = make_program(scenario, settings.seed)
    if settings.speed != 1.0:
        program = _faster(program, settings.speed)
    expected = {
        contract: _expectations(program, contract, settings.policy)
        for contract in {target.contract for target in targets}
    }
    baseline, candidate = targets
    return PlannedScenario(
        scenario=scenario,
        program=program,
        expected=(expected[baseline.contract], expected[candidate.contract]),
    )


def _expectations(
    program: Program, contract: Contract, policy: Policy
) -> tuple[Expectation, ...]:
    """Compute what is expected of each stream; many may share a script."""
    known: dict[tuple[int, int, ClientPlan], Expectation] = {}
    found = []
    for part in program.streams:
        key = (id(part.script.attempts), id(part.expect), part.script.client)
        if key not in known:
            known[key] = expectation(part.script, contract, part.expect, policy)
        found.append(known[key])
    return tuple(found)


def _faster(program: Program, speed: float) -> Program:
    def scaled(part: ScriptedStream) -> ScriptedStream:
        script = part.script
        script = replace(
            script,
            attempts=tuple(wire.scaled(speed) for wire in script.attempts),
            troubles=tuple(wire.scaled(speed) for wire in script.troubles),
            outage=tuple((int(at_ns / speed), n) for at_ns, n in script.outage),
        )
        start_ns = None if part.start_ns is None else int(part.start_ns / speed)
        return replace(part, script=script, start_ns=start_ns)

    phases = tuple(
        replace(phase, from_ms=phase.from_ms / speed) for phase in program.phases
    )
    return replace(
        program, streams=tuple(scaled(part) for part in program.streams), phases=phases
    )

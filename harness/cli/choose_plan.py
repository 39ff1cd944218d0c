"""The plan of a comparison: scenarios, targets and modes of the command line."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cli.choose_scenarios import ScenarioOptions, choose_scenarios
from harness.cli.choose_targets import TargetOptions, choose_policy, choose_targets
from harness.config import Target, read_config
from harness.errors import InputError
from harness.faults.registry import find_live_only
from harness.judge.run import RunSettings
from harness.play.plan import Plan, make_plan
from harness.scenario.from_cassettes import parse_fault
from harness.scenario.model import Mode

__all__ = ["PlayOptions", "choose_plan", "listed"]

_PR_TAG = "pr"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOptions:
    """How scenarios are played.

    Attributes:
        live: Only live.
        virtual: Only in virtual time.
        repeats: How many times each live scenario is played.
        speed: All pauses are divided by it.
        seed: Seed of every random choice.
    """

    live: bool
    virtual: bool
    repeats: int
    speed: float
    seed: int


def choose_plan(
    what: ScenarioOptions, against: TargetOptions, how: PlayOptions
) -> Plan:
    """Return the plan.

    Raises:
        InputError: A file is wrong, a target has no relay for virtual time, or a fault
            fits none of the streams.
        UsageError: Options do not fit together.
    """
    config = read_config(against.config)
    targets = choose_targets(against, config)
    modes = _modes(how, targets)
    scenarios, suite = choose_scenarios(what)
    settings = RunSettings(
        seed=how.seed,
        modes=modes,
        repeats=how.repeats,
        speed=how.speed,
        suite=suite,
        cassettes=tuple(map(str, what.cassettes)),
        policy=choose_policy(config.policy, against.policy),
        files=what.files,
    )
    plan = make_plan(
        scenarios,
        settings,
        targets,
        live_tag=_PR_TAG if suite == "pr" else None,
        skip_inapplicable=bool(what.cassettes or what.faults),
    )
    _check_faults(plan, what.faults)
    return plan


def listed(plan: Plan) -> list[str]:
    """Return a line for each scenario of a plan: its id and its modes."""
    virtual = {job.scenario.id for job in plan.virtual}
    live = {job.scenario.id for job in plan.live}
    lines = []
    for identity in sorted(virtual | live):
        modes = [
            mode
            for mode, ids in (("live", live), ("virtual", virtual))
            if identity in ids
        ]
        lines.append(f"{identity}  ({', '.join(modes)})")
    return lines


def _modes(how: PlayOptions, targets: tuple[Target, Target]) -> tuple[Mode, ...]:
    if how.live:
        return (Mode.LIVE,)
    if not how.virtual:
        return (Mode.LIVE, Mode.VIRTUAL)
    for target in targets:
        if target.relay is None:
            raise InputError(
                f"target {target.name!r} has no relay: virtual time cannot show "
                "anything about it",
                key="--virtual",
            )
    return (Mode.VIRTUAL,)


def _check_faults(plan: Plan, faults: tuple[str, ...]) -> None:
    """Refuse a fault that fits none of the streams: it would test nothing."""
    played = {
        call.name
        for job in (*plan.live, *plan.virtual)
        for call in job.scenario.exchange.answers[0].faults
    }
    for text in faults:
        call = parse_fault(text)
        if call.name not in played:
            if find_live_only([call]) and not plan.live:
                raise InputError(
                    f"virtual time cannot show {find_live_only([call])}: play it live",
                    key="--fault",
                )
            why = next((line for line in plan.skipped), "it was played nowhere")
            raise InputError(f"{text!r} fits none of the streams: {why}", key="--fault")

"""``harness compare``: both targets, every scenario, one decision."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.cli.choose_scenarios import ScenarioOptions, choose_scenarios
from harness.cli.choose_targets import TargetOptions, choose_policy, choose_targets
from harness.cli.commands.sweep import DEFAULT_LIMIT, run_sweep
from harness.cli.options import (
    CASSETTE_FOLDER,
    CONFIG,
    cassette_folder_option,
    config_option,
    fault_option,
    jobs_option,
    output_option,
    quiet_option,
    seed_option,
)
from harness.cli.param_types import FiniteRange
from harness.cli.signals import cancel_on_signals
from harness.config import Config, read_config
from harness.errors import InputError, InterruptedRunError
from harness.faults.registry import find_live_only
from harness.judge.oracle.oracle import Contract
from harness.judge.run import RunEvent, RunRecord, RunSettings, TargetReady
from harness.judge.verdict import EXIT_CODES
from harness.play.plan import Plan, make_plan
from harness.play.runner import run
from harness.printable import printable
from harness.reporting.document.build import build_report
from harness.reporting.environment import environment
from harness.reporting.files import check_folder, run_name, write_report
from harness.reporting.render.console import ConsoleReporter
from harness.scenario.from_cassettes import parse_fault
from harness.scenario.model import Mode
from harness.units import NS_PER_S

__all__ = ["compare"]

_PR_TAG = "pr"

_DEFAULTS: Mapping[str, Any] = {
    "--config": CONFIG,
    "--scenarios": Path("scenarios"),
    "--cassettes": CASSETTE_FOLDER,
    "--speed": 1.0,
    "--repeats": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlayOptions:
    """How it is played."""

    live: bool
    virtual: bool
    repeats: int
    speed: float
    seed: int
    jobs: int | None
    sweep: bool
    sweep_limit: int | None
    listing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _OutputOptions:
    """Where the report goes, and how much is said."""

    output: Path
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, as given."""

    what: ScenarioOptions
    against: TargetOptions
    how: _PlayOptions
    where: _OutputOptions


_Part = TypeVar("_Part", ScenarioOptions, TargetOptions, _PlayOptions, _OutputOptions)


@click.command(short_help="Play scenarios through two targets and judge both.")
@click.argument("scenarios", nargs=-1)
@click.option(
    "--suite",
    type=click.Choice(["pr", "full"]),
    default="pr",
    show_default=True,
    help="pr: every scenario virtual, those tagged pr live. full: all of them live.",
)
@click.option(
    "--scenarios",
    "scenario_folder",
    type=click.Path(path_type=Path),
    default=_DEFAULTS["--scenarios"],
    show_default=True,
    help="Folder of the suite.",
)
@cassette_folder_option()
@click.option(
    "--cassette",
    "cassettes",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Play these cassettes or raw bodies (*.sse), files or folders, in place of "
    "the suite. Repeatable.",
)
@fault_option(
    "Play each cassette or named scenario again with this fault on top, "
    "such as repeat_first or 'close_at: {at: {frac: 0.5}}'. Repeatable."
)
@config_option
@click.option("--baseline", metavar="NAME|URL", help="In place of the configured one.")
@click.option("--candidate", metavar="NAME|URL", help="In place of the configured one.")
@click.option(
    "--contract",
    type=click.Choice([contract.value for contract in Contract]),
    help="What targets given as URLs promise.  [default: transparent]",
)
@click.option(
    "--policy",
    multiple=True,
    metavar="NAME=VALUE",
    help="What reasonable proxies do differently, such as half_close=serve; "
    "in place of harness.yaml's. Repeatable.",
)
@click.option(
    "--baseline-upstream",
    metavar="HOST:PORT",
    help="Where a baseline given as a URL expects its model server.",
)
@click.option(
    "--candidate-upstream",
    metavar="HOST:PORT",
    help="Where a candidate given as a URL expects its model server.",
)
@click.option("--live", is_flag=True, help="Only live: real processes and sockets.")
@click.option("--virtual", is_flag=True, help="Only virtual time: relays, exact.")
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Play every live scenario so often; answers that differ are a verdict.",
)
@click.option(
    "--speed",
    type=FiniteRange(0.01, 1000),
    default=1.0,
    show_default=True,
    help="Divide all pauses by this.",
)
@seed_option("Seed of every random choice.")
@output_option("Folder for the run's folder.")
@quiet_option
@click.option(
    "--sweep",
    is_flag=True,
    help="Play every stream again and again, cut at every byte, and with a border at "
    "every byte. Virtual time.",
)
@click.option(
    "--sweep-limit",
    type=click.IntRange(0),
    default=None,
    metavar="N",
    help=f"Take so many bytes of a stream, drawn by the seed; 0: every one.  "
    f"[default: {DEFAULT_LIMIT}]",
)
@jobs_option("Processes of a sweep.")
@click.option("--list", "listing", is_flag=True, help="List what would be played.")
def compare(**given: Any) -> None:
    """Play scenarios through baseline and candidate, judge both, and decide.

    SCENARIOS are ids, such as malformed/json-cut, families, or files; none: the suite.

    \b
    Examples:
      harness compare                                   the default suite, v1 and v2
      harness compare disconnecting --live              one family, live only
      harness compare --candidate http://127.0.0.1:4000 \\
        --candidate-upstream 127.0.0.1:5055           a proxy that runs already
      harness compare --virtual --cassette recordings/ --fault repeat_first
      harness compare --sweep --cassette recordings/  every byte as cut and border

    \b
    Exit codes:
      0 GO   1 NO-GO   2 usage or configuration   3 inconclusive
      4 invalid evidence   130 interrupted
    """  # noqa: D301 - \b is click's
    options = _Options(
        what=_pick(ScenarioOptions, given),
        against=_pick(TargetOptions, given),
        how=_pick(_PlayOptions, given),
        where=_pick(_OutputOptions, given),
    )
    if options.how.live and options.how.virtual:
        raise click.UsageError("--live and --virtual exclude each other.")
    if options.what.faults and not (options.what.cassettes or options.what.scenarios):
        raise click.UsageError("--fault goes with --cassette or named scenarios.")
    _check_sweep(options)
    if options.how.sweep:
        record, sweep, volatile = _sweep(options)
        reporter = ConsoleReporter(quiet=options.where.quiet)
    else:
        plan, sweep = _plan(options), None
        if options.how.listing:
            _list(plan)
            return
        check_folder(options.where.output)
        record, reporter, volatile = _run(plan, options)
    report = build_report(
        record, volatile, options=_repeated_options(options), sweep=sweep
    )
    path = write_report(report, options.where.output / str(volatile["run"]))
    if options.where.quiet:
        click.echo(printable("; ".join((record.decision, *record.reasons))))
    else:
        reporter.print_summary(report, path)
    sys.exit(EXIT_CODES[record.decision])


def _pick(part: type[_Part], given: Mapping[str, Any]) -> _Part:
    """Return a part of the command line."""
    return part(**{field.name: given[field.name] for field in fields(part)})


def _check_sweep(options: _Options) -> None:
    if not options.how.sweep:
        for name in ("sweep_limit", "jobs"):
            if getattr(options.how, name) is not None:
                shown = name.replace("_", "-")
                raise click.UsageError(f"--{shown} goes with --sweep.")
        return
    if options.how.live or options.what.faults or options.how.listing:
        raise click.UsageError(
            "--sweep plays in virtual time, with cuts and borders of its own: "
            "--live, --fault and --list do not go with it."
        )


def _sweep(options: _Options) -> tuple[RunRecord, dict[str, Any], dict[str, Any]]:
    config = read_config(options.against.config)
    baseline, candidate = choose_targets(options.against, config)
    check_folder(options.where.output)
    scenarios, suite = choose_scenarios(options.what)
    limit = options.how.sweep_limit
    return run_sweep(
        scenarios,
        _settings(options, (Mode.VIRTUAL,), suite, config),
        baseline,
        candidate,
        limit=DEFAULT_LIMIT if limit is None else limit,
        jobs=options.how.jobs,
        quiet=options.where.quiet,
        options=_repeated_options(options),
    )


def _settings(
    options: _Options, modes: tuple[Mode, ...], suite: str, config: Config
) -> RunSettings:
    return RunSettings(
        seed=options.how.seed,
        modes=modes,
        repeats=options.how.repeats,
        speed=options.how.speed,
        suite=suite,
        cassettes=tuple(str(path) for path in options.what.cassettes),
        policy=choose_policy(config.policy, options.against.policy),
        files=options.what.files,
    )


def _plan(options: _Options) -> Plan:
    config = read_config(options.against.config)
    baseline, candidate = choose_targets(options.against, config)
    modes: tuple[Mode, ...] = (Mode.LIVE, Mode.VIRTUAL)
    if options.how.live:
        modes = (Mode.LIVE,)
    elif options.how.virtual:
        modes = (Mode.VIRTUAL,)
        for target in (baseline, candidate):
            if target.relay is None:
                raise InputError(
                    f"target {target.name!r} has no relay: virtual time cannot "
                    "show anything about it",
                    key="--virtual",
                )
    scenarios, suite = choose_scenarios(options.what)
    settings = _settings(options, modes, suite, config)
    plan = make_plan(
        scenarios,
        settings,
        (baseline, candidate),
        live_tag=_PR_TAG if suite == "pr" else None,
        skip_inapplicable=bool(options.what.cassettes or options.what.faults),
    )
    _check_faults(plan, options.what.faults)
    return plan


def _check_faults(plan: Plan, faults: tuple[str, ...]) -> None:
    """Refuse a fault that fits none of the recordings: it would test nothing."""
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


def _list(plan: Plan) -> None:
    virtual = {job.scenario.id for job in plan.virtual}
    live = {job.scenario.id for job in plan.live}
    for identity in sorted(virtual | live):
        modes = [
            mode
            for mode, ids in (("live", live), ("virtual", virtual))
            if identity in ids
        ]
        click.echo(printable(f"{identity}  ({', '.join(modes)})"))


def _run(
    plan: Plan, options: _Options
) -> tuple[RunRecord, ConsoleReporter, dict[str, Any]]:
    started = datetime.now(UTC)
    start_ns = time.monotonic_ns()
    reporter = ConsoleReporter(quiet=options.where.quiet)
    targets: dict[str, dict[str, str | None]] = {}

    finished: list[RunRecord] = []

    def emit(event: RunEvent) -> None:
        if isinstance(event, TargetReady):
            targets[event.name] = {"url": event.url, "served_by": event.served_by}
        reporter.handle(event)

    async def drive() -> None:
        # asyncio.run builds the repr of its task's result: a whole run, for seconds.
        with cancel_on_signals():
            finished.append(await run(plan, emit))

    try:
        asyncio.run(drive())
    except asyncio.CancelledError:
        raise InterruptedRunError from None
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        reporter.close()
    volatile = {
        "run": run_name(started, options.how.seed),
        "started_at": started.isoformat(timespec="seconds"),
        "duration_s": round((time.monotonic_ns() - start_ns) / NS_PER_S, 3),
        "machine": environment(),
        "targets": targets,
    }
    return finished[0], reporter, volatile


def _repeated_options(options: _Options) -> list[str]:
    """Return the words that every line which plays a finding again needs."""
    given = {
        "--config": options.against.config,
        "--scenarios": options.what.scenario_folder,
        "--cassettes": options.what.cassette_folder,
        "--baseline": options.against.baseline,
        "--baseline-upstream": options.against.baseline_upstream,
        "--candidate": options.against.candidate,
        "--candidate-upstream": options.against.candidate_upstream,
        "--contract": options.against.contract,
        "--speed": options.how.speed,
        "--repeats": options.how.repeats,
    }
    words = []
    for name, value in given.items():
        if value is not None and value != _DEFAULTS.get(name):
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            words += [name, shown]
    return [
        *words,
        *(word for text in options.against.policy for word in ("--policy", text)),
    ]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

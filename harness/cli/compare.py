"""``harness compare``: both targets, every scenario, one decision."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from harness.cli.param_types import FiniteRange
from harness.cli.recordings import read_recordings
from harness.cli.signals import stopped_by_signals
from harness.cli.sweep import DEFAULT_LIMIT, run_sweep
from harness.config import Config, Target, parse_address, read_config, url_target
from harness.errors import InputError, InterruptedRunError, closest
from harness.faults.registry import find_live_only
from harness.judge.oracle.oracle import Contract
from harness.judge.oracle.policy import Policy, policy_with
from harness.judge.run import RunEvent, RunRecord, RunSettings, TargetReady
from harness.judge.verdict import EXIT_CODES
from harness.play.plan import Plan, make_plan
from harness.play.runner import run
from harness.printable import printable
from harness.reporting.document.build import build_report
from harness.reporting.environment import environment
from harness.reporting.files import check_folder, run_name, write_report
from harness.reporting.render.console import ConsoleReporter
from harness.scenario.from_cassettes import cassette_scenarios, parse_fault, with_fault
from harness.scenario.loader import read_suite
from harness.scenario.model import Mode, Scenario
from harness.sweep.model import Swept
from harness.units import NS_PER_S

__all__ = ["compare"]

_PR_TAG = "pr"

_DEFAULTS: Mapping[str, Any] = {
    "--config": Path("harness.yaml"),
    "--scenarios": Path("scenarios"),
    "--cassettes": Path("cassettes"),
    "--speed": 1.0,
    "--repeats": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line, as given."""

    scenarios: tuple[str, ...]
    suite: str
    scenario_folder: Path
    cassette_folder: Path
    cassettes: tuple[Path, ...]
    faults: tuple[str, ...]
    config: Path
    baseline: str | None
    candidate: str | None
    contract: str | None
    policy: tuple[str, ...]
    baseline_upstream: str | None
    candidate_upstream: str | None
    live: bool
    virtual: bool
    repeats: int
    speed: float
    seed: int
    output: Path
    quiet: bool
    listing: bool
    sweep: bool
    sweep_limit: int | None
    jobs: int | None


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
@click.option(
    "--cassettes",
    "cassette_folder",
    type=click.Path(path_type=Path),
    default=_DEFAULTS["--cassettes"],
    show_default=True,
    help="Folder that scenarios name their cassettes in.",
)
@click.option(
    "--cassette",
    "cassettes",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Play these cassettes or raw bodies (*.sse), files or folders, in place of "
    "the suite. Repeatable.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="Play each cassette or named scenario again with this fault on top, "
    "such as repeat_first or 'close_at: {at: {frac: 0.5}}'. Repeatable.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=_DEFAULTS["--config"],
    show_default=True,
    help="The targets.",
)
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
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="Seed of every random choice.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder for the run's folder.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print the decision only.")
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
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes of a sweep.  [default: one a processor]",
)
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
    options = _Options(**given)
    if options.live and options.virtual:
        raise click.UsageError("--live and --virtual exclude each other.")
    if options.faults and not (options.cassettes or options.scenarios):
        raise click.UsageError("--fault goes with --cassette or named scenarios.")
    _check_sweep(options)
    if options.sweep:
        record, swept, volatile = _sweep(options)
        reporter = ConsoleReporter(quiet=options.quiet)
    else:
        plan, swept = _plan(options), None
        if options.listing:
            _list(plan)
            return
        check_folder(options.output)
        record, reporter, volatile = _run(plan, options)
    report = build_report(record, volatile, options=_words(options), sweep=swept)
    path = write_report(report, options.output / str(volatile["run"]))
    if options.quiet:
        click.echo(printable("; ".join((record.decision, *record.reasons))))
    else:
        reporter.print_summary(report, path)
    sys.exit(EXIT_CODES[record.decision])


def _check_sweep(options: _Options) -> None:
    if not options.sweep:
        for name in ("sweep_limit", "jobs"):
            if getattr(options, name) is not None:
                shown = name.replace("_", "-")
                raise click.UsageError(f"--{shown} goes with --sweep.")
        return
    if options.live or options.faults or options.listing:
        raise click.UsageError(
            "--sweep plays in virtual time, with cuts and borders of its own: "
            "--live, --fault and --list do not go with it."
        )


def _sweep(options: _Options) -> tuple[RunRecord, list[Swept], dict[str, Any]]:
    config = read_config(options.config)
    baseline, candidate = _targets(options, config)
    check_folder(options.output)
    scenarios, suite = _scenarios(options)
    limit = options.sweep_limit
    return run_sweep(
        scenarios,
        _settings(options, (Mode.VIRTUAL,), suite, config),
        baseline,
        candidate,
        limit=DEFAULT_LIMIT if limit is None else limit,
        jobs=options.jobs,
        quiet=options.quiet,
    )


def _settings(
    options: _Options, modes: tuple[Mode, ...], suite: str, config: Config
) -> RunSettings:
    return RunSettings(
        seed=options.seed,
        modes=modes,
        repeats=options.repeats,
        speed=options.speed,
        suite=suite,
        cassettes=tuple(str(path) for path in options.cassettes),
        policy=_policy(config.policy, options.policy),
        files=tuple(str(Path(name)) for name in options.scenarios if _is_file(name)),
    )


def _plan(options: _Options) -> Plan:
    config = read_config(options.config)
    baseline, candidate = _targets(options, config)
    modes: tuple[Mode, ...] = (Mode.LIVE, Mode.VIRTUAL)
    if options.live:
        modes = (Mode.LIVE,)
    elif options.virtual:
        modes = (Mode.VIRTUAL,)
        for target in (baseline, candidate):
            if target.relay is None:
                raise InputError(
                    f"target {target.name!r} has no relay: virtual time cannot "
                    "show anything about it",
                    key="--virtual",
                )
    scenarios, suite = _scenarios(options)
    settings = _settings(options, modes, suite, config)
    plan = make_plan(
        scenarios,
        settings,
        (baseline, candidate),
        live_tag=_PR_TAG if suite == "pr" else None,
        skip_inapplicable=bool(options.cassettes or options.faults),
    )
    _check_faults(plan, options.faults)
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


def _policy(policy: Policy, given: Sequence[str]) -> Policy:
    """Return the policy of the configuration with that of the command line on top."""
    for text in given:
        name, mark, value = text.partition("=")
        if not mark:
            raise InputError(f"expected NAME=VALUE, came {text!r}", key="--policy")
        try:
            policy = policy_with(policy, name, value)
        except InputError as error:
            raise InputError(
                error.message, key=f"--policy {text}", nearest=error.nearest
            ) from None
    return policy


def _targets(options: _Options, config: Config) -> tuple[Target, Target]:
    return (
        _target(options.baseline or config.baseline, config, options, "baseline"),
        _target(options.candidate or config.candidate, config, options, "candidate"),
    )


def _target(wanted: str, config: Config, options: _Options, role: str) -> Target:
    if not wanted.startswith(("http://", "https://")):
        return config.target(wanted)
    text: str | None = getattr(options, f"{role}_upstream")
    if text is None:
        raise click.UsageError(
            f"--{role} {wanted} needs --{role}-upstream HOST:PORT: the address where "
            "its configuration expects the model server; the harness listens there."
        )
    try:
        address = parse_address(text)
    except ValueError as error:
        raise click.UsageError(f"--{role}-upstream: {error}") from None
    contract = Contract(options.contract or Contract.TRANSPARENT)
    return url_target(role, wanted, contract=contract, upstream_listen=address)


def _scenarios(options: _Options) -> tuple[list[Scenario], str]:
    """Return what to play, and what to call it in the report."""
    if options.cassettes:
        if options.scenarios:
            raise click.UsageError("Name scenarios or --cassette, not both.")
        return _of_cassettes(options), "cassettes"
    files = [Path(name) for name in options.scenarios if _is_file(name)]
    names = [name for name in options.scenarios if not _is_file(name)]
    found = read_suite(
        files if files and not names else [options.scenario_folder, *files],
        cassettes=options.cassette_folder,
    )
    if not names:
        return _with_faults(found, options), "named" if files else options.suite
    chosen = [
        scenario
        for scenario in found
        if scenario.id in names
        or scenario.family in names
        or scenario.source in {str(file) for file in files}
    ]
    known = {scenario.id for scenario in found}
    known |= {scenario.family for scenario in found}
    for name in names:
        if name not in known:
            raise InputError(
                f"no scenario or family {name!r} in {options.scenario_folder}",
                nearest=closest(name, known),
            )
    return _with_faults(chosen, options), "named"


def _with_faults(scenarios: list[Scenario], options: _Options) -> list[Scenario]:
    """Return scenarios, and each once more with every fault that was given on top."""
    calls = [parse_fault(text) for text in options.faults]
    # Of several attempts or exchanges nobody said which one is meant.
    simple = [one for one in scenarios if not (one.exchange.by_attempt or one.sequence)]
    return scenarios + [with_fault(one, call) for one in simple for call in calls]


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _of_cassettes(options: _Options) -> list[Scenario]:
    faults = [parse_fault(text) for text in options.faults]
    named = read_recordings(options.cassettes)
    return cassette_scenarios(named, faults)


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
    reporter = ConsoleReporter(quiet=options.quiet)
    targets: dict[str, dict[str, str | None]] = {}

    finished: list[RunRecord] = []

    def emit(event: RunEvent) -> None:
        if isinstance(event, TargetReady):
            targets[event.name] = {"url": event.url, "served_by": event.served_by}
        reporter.handle(event)

    async def drive() -> None:
        # asyncio.run builds the repr of its task's result: a whole run, for seconds.
        with stopped_by_signals():
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
        "run": run_name(started, options.seed),
        "started_at": started.isoformat(timespec="seconds"),
        "duration_s": round((time.monotonic_ns() - start_ns) / NS_PER_S, 3),
        "machine": environment(),
        "targets": targets,
    }
    return finished[0], reporter, volatile


def _words(options: _Options) -> list[str]:
    """Return the words that every line which plays a finding again needs."""
    given = {
        "--config": options.config,
        "--scenarios": options.scenario_folder,
        "--cassettes": options.cassette_folder,
        "--baseline": options.baseline,
        "--baseline-upstream": options.baseline_upstream,
        "--candidate": options.candidate,
        "--candidate-upstream": options.candidate_upstream,
        "--contract": options.contract,
        "--speed": options.speed,
        "--repeats": options.repeats,
    }
    words = []
    for name, value in given.items():
        if value is not None and value != _DEFAULTS.get(name):
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            words += [name, shown]
    return [*words, *(word for text in options.policy for word in ("--policy", text))]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

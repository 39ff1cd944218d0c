"""``harness compare``: both targets, every scenario, one decision."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from harness.cli.choose_plan import PlayOptions, choose_plan, listed
from harness.cli.choose_scenarios import ScenarioOptions
from harness.cli.choose_targets import TargetOptions
from harness.cli.conclude import OutputOptions, conclude
from harness.cli.option_groups import GroupedCommand, option
from harness.cli.options import (
    HOW,
    OUTPUT,
    PLAYED,
    fault_option,
    output_option,
    pick,
    played_options,
    quiet_option,
    seed_option,
    speed_option,
    target_options,
)
from harness.cli.param_types import FiniteRange
from harness.cli.repeated_words import repeated_words
from harness.cli.signals import cancel_on_signals
from harness.errors import InterruptedRunError
from harness.judge.run import RunEvent, RunRecord, TargetReady
from harness.play.plan import Plan
from harness.play.runner import run
from harness.printable import printable
from harness.reporting.environment import environment
from harness.reporting.files import check_folder, run_name
from harness.reporting.render.console import ConsoleReporter
from harness.units import NS_PER_S

__all__ = ["compare"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _refuse_sweep(_: click.Context, parameter: click.Parameter, given: Any) -> None:
    """Refuse an option of `harness sweep`, which was a part of this command."""
    if given is not None:
        raise click.UsageError(
            f"{parameter.opts[0]} belongs to a command of its own now: harness sweep "
            "(see harness sweep --help)."
        )


def _moved_option(name: str) -> Callable[[_Command], _Command]:
    return click.option(
        name,
        # With or without a value: neither may end in another message.
        is_flag=False,
        flag_value="",
        hidden=True,
        expose_value=False,
        is_eager=True,
        callback=_refuse_sweep,
    )


@click.command(
    cls=GroupedCommand, short_help="Play scenarios through two targets and judge both."
)
@option(
    "--suite",
    group=PLAYED,
    type=click.Choice(["pr", "full"]),
    default="pr",
    show_default=True,
    help="pr: every scenario in virtual time, those tagged pr live too. full: all of "
    "them live too.",
)
@played_options
@fault_option(
    "Play each cassette or named scenario once more with this fault, "
    "such as repeat_first or 'close_at: {at: {frac: 0.5}}'. Repeatable."
)
@target_options
@option(
    "--live", group=HOW, is_flag=True, help="Only live: real processes and sockets."
)
@option("--virtual", group=HOW, is_flag=True, help="Only virtual time: relays, exact.")
@option(
    "--repeats",
    group=HOW,
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Play each live scenario this many times; a target that answers differently "
    "gets a verdict of its own.",
)
@speed_option(FiniteRange(0.01, 1000), "Divide all pauses by this.")
@seed_option("Seed of every random choice.")
@output_option("Folder for the run's folder.")
@quiet_option
@option(
    "--list",
    "listing",
    group=OUTPUT,
    is_flag=True,
    help="Only list the scenarios that would be played.",
)
@_moved_option("--sweep")
@_moved_option("--sweep-limit")
@_moved_option("--jobs")
def compare(*, listing: bool, **given: Any) -> None:
    """Play scenarios through baseline and candidate, judge both, and decide.

    SCENARIOS are ids, such as malformed/json-cut, families, or files; none: the suite.

    \b
    Examples:
      harness compare                                   the default suite, v1 and v2
      harness compare disconnecting --live              one family, live only
      harness compare --candidate http://127.0.0.1:4000 \\
        --candidate-upstream 127.0.0.1:5055           a proxy that runs already
      harness compare --virtual --cassette recordings/ --fault repeat_first

    \b
    Exit codes:
      0 GO   1 NO-GO   2 usage or configuration   3 inconclusive
      4 invalid evidence   130 interrupted
    """  # noqa: D301 - \b is click's
    what = pick(ScenarioOptions, given)
    against = pick(TargetOptions, given)
    how = pick(PlayOptions, given)
    where = pick(OutputOptions, given)
    if how.live and how.virtual:
        raise click.UsageError("--live and --virtual exclude each other.")
    if what.faults and not (what.cassettes or what.scenarios):
        raise click.UsageError("--fault goes with --cassette or named scenarios.")
    plan = choose_plan(what, against, how)
    if listing:
        for line in listed(plan):
            click.echo(printable(line))
        return
    check_folder(where.output)
    reporter = ConsoleReporter(quiet=where.quiet)
    record, volatile = _run(plan, reporter)
    words = repeated_words(what, against, speed=how.speed, repeats=how.repeats)
    conclude(record, volatile, words=words, reporter=reporter, where=where)


def _run(plan: Plan, reporter: ConsoleReporter) -> tuple[RunRecord, dict[str, Any]]:
    """Play a plan; return the run, and what differs between two equal runs."""
    started = datetime.now(UTC)
    start_ns = time.monotonic_ns()
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
        "run": run_name(started, plan.settings.seed),
        "started_at": started.isoformat(timespec="seconds"),
        "duration_s": round((time.monotonic_ns() - start_ns) / NS_PER_S, 3),
        "machine": environment(),
        "targets": targets,
    }
    return finished[0], volatile


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error inside a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

"""``harness sweep``: every byte of every stream as a cut and as a border."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from harness.cli.choose_scenarios import ScenarioOptions, choose_scenarios
from harness.cli.choose_targets import TargetOptions, choose_policy, choose_targets
from harness.cli.conclude import OutputOptions, conclude
from harness.cli.option_groups import GroupedCommand, option
from harness.cli.options import (
    HOW,
    jobs_option,
    output_option,
    pick,
    played_options,
    quiet_option,
    seed_option,
    target_options,
)
from harness.cli.progress import map_with_progress
from harness.cli.repeated_words import repeated_words
from harness.config import Target, read_config
from harness.errors import InputError
from harness.judge.run import RunRecord, RunSettings
from harness.judge.verdict import Decision
from harness.play.runner import finish_run
from harness.play.workers import default_jobs
from harness.reporting.environment import environment
from harness.reporting.files import check_folder, run_name
from harness.reporting.render.console import ConsoleReporter
from harness.scenario.model import Mode
from harness.sweep.facts import sweep_facts
from harness.sweep.model import Cell, SweepKind, Swept, cell_of
from harness.sweep.sweep import SweepJob, play_example, sweep_stream
from harness.units import NS_PER_S

__all__ = ["sweep"]

_DEFAULT_LIMIT = 500

_SUITE = "full"


@click.command(
    cls=GroupedCommand, short_help="Cut and split every stream at every byte."
)
@played_options
@target_options
@option(
    "--limit",
    group=HOW,
    type=click.IntRange(0),
    default=_DEFAULT_LIMIT,
    show_default=True,
    metavar="N",
    help="Take at most N bytes of each stream, drawn by the seed; 0: every byte.",
)
@jobs_option("Number of processes.")
@seed_option("Seed of every random choice.")
@output_option("Folder for the run's folder.")
@quiet_option
def sweep(*, limit: int, jobs: int | None, seed: int, **given: Any) -> None:
    """Play every stream again and again, cut and split at every byte, and decide.

    SCENARIOS are ids, such as malformed/json-cut, families, or files; none: the suite.
    At each byte the upstream closes, resets or ends, or a read of the target ends. All
    of it is played in virtual time, so both targets need a relay (docs/sweep.md).

    \b
    Examples:
      harness sweep                               every scenario of the suite
      harness sweep --cassette recordings/        cassettes, raw bodies, folders
      harness sweep disconnecting --limit 0       one family, every byte

    \b
    Exit codes:
      0 GO   1 NO-GO   2 usage or configuration   3 inconclusive
      4 invalid evidence   130 interrupted
    """  # noqa: D301 - \b is click's
    what = pick(ScenarioOptions, {**given, "suite": _SUITE, "faults": ()})
    against = pick(TargetOptions, given)
    where = pick(OutputOptions, given)
    config = read_config(against.config)
    targets = choose_targets(against, config)
    for target in targets:
        if target.relay is None:
            raise InputError(
                f"target {target.name!r} has no relay: a sweep plays in virtual time"
            )
    check_folder(where.output)
    scenarios, suite = choose_scenarios(what)
    settings = RunSettings(
        seed=seed,
        modes=(Mode.VIRTUAL,),
        repeats=1,
        speed=1.0,
        suite=suite,
        cassettes=tuple(map(str, what.cassettes)),
        policy=choose_policy(config.policy, against.policy),
        sweep=("--limit", str(limit)),
        files=what.files,
    )
    jobs_of_streams = [
        SweepJob(
            scenario=scenario,
            settings=settings,
            baseline=targets[0],
            candidate=targets[1],
            limit=limit,
        )
        for scenario in scenarios
    ]
    words = repeated_words(what, against)
    run, facts, volatile = _sweep(
        jobs_of_streams, targets, jobs=jobs, quiet=where.quiet, words=words
    )
    reporter = ConsoleReporter(quiet=where.quiet)
    conclude(run, volatile, words=words, reporter=reporter, where=where, sweep=facts)


def _sweep(
    work: Sequence[SweepJob],
    targets: tuple[Target, Target],
    *,
    jobs: int | None,
    quiet: bool,
    words: Sequence[str],
) -> tuple[RunRecord, dict[str, Any], dict[str, Any]]:
    """Sweep every stream, and play an example of everything that was found.

    Returns:
        The run, whose records are the examples; the facts of the sweep; and what
        differs between two equal runs.

    Raises:
        InputError: No stream can be swept.
    """
    started, start_ns = datetime.now(UTC), time.monotonic_ns()
    count = jobs or max(1, min(default_jobs(), len(work)))
    swept = map_with_progress(sweep_stream, work, count, quiet=quiet)
    taken_ns = time.monotonic_ns() - start_ns
    if all(one.why_not for one in swept):
        why = swept[0].why_not if swept else "there is none"
        raise InputError(f"no stream can be swept: {why}")
    settings = work[0].settings
    records = []
    examples = {}
    for cell, (index, offset) in _examples(swept).items():
        record = play_example(work[index], cell, offset)
        records.append(record)
        examples[cell_of(SweepKind(cell.kind), record)] = record
    skipped = tuple(f"{one.id}: {one.why_not}" for one in swept if one.why_not)
    variants = sum(found.variants for one in swept for found in one.cells.values())
    volatile = {
        "run": run_name(started, settings.seed),
        "started_at": started.isoformat(timespec="seconds"),
        "duration_s": round((time.monotonic_ns() - start_ns) / NS_PER_S, 3),
        "machine": environment(),
        "targets": {},
        "sweep": {
            "jobs": count,
            "variants_per_s": round(variants / (taken_ns / NS_PER_S)),
        },
    }
    run = finish_run(settings, targets, records, skipped=skipped)
    if run.decision is Decision.GO:
        said = f"{variants:,} variants, and the candidate is not worse anywhere"
        run = replace(run, reasons=(said,))
    return run, sweep_facts(swept, run, examples, words), volatile


def _examples(swept: Sequence[Swept]) -> dict[Cell, tuple[int, int]]:
    """Return for every cell the first stream and byte that showed it."""
    examples: dict[Cell, tuple[int, int]] = {}
    for index, one in enumerate(swept):
        for cell, found in one.cells.items():
            examples.setdefault(cell, (index, found.offset))
    return dict(sorted(examples.items()))

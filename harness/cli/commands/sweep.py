"""``harness compare --sweep``: every byte of every stream as a cut and as a border."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.cli.progress import map_with_progress
from harness.config import Target
from harness.errors import InputError
from harness.judge.run import RunRecord, RunSettings
from harness.judge.verdict import Decision
from harness.play.runner import finish_run
from harness.play.workers import default_jobs
from harness.reporting.environment import environment
from harness.reporting.files import run_name
from harness.scenario.model import Mode, Scenario
from harness.sweep.facts import sweep_facts
from harness.sweep.model import Cell, SweepKind, Swept, cell_of
from harness.sweep.sweep import SweepJob, play_example, sweep_stream
from harness.units import NS_PER_S

__all__ = ["DEFAULT_LIMIT", "run_sweep"]

DEFAULT_LIMIT = 500
"""Bytes of a stream that are taken where nobody says how many."""


def run_sweep(  # noqa: PLR0913 - each is a choice of its own
    scenarios: Sequence[Scenario],
    settings: RunSettings,
    baseline: Target,
    candidate: Target,
    *,
    limit: int,
    jobs: int | None,
    quiet: bool,
    options: Sequence[str] | None,
) -> tuple[RunRecord, dict[str, Any], dict[str, Any]]:
    """Sweep every scenario, and play an example of everything that was found.

    Args:
        scenarios: The streams.
        settings: The run's.
        baseline: The baseline.
        candidate: The candidate.
        limit: At most so many bytes of each stream; 0: every byte.
        jobs: Processes; None: one a processor.
        quiet: Whether to show no progress.
        options: Of the command line, for the lines that repeat a finding; see
            `harness.reporting.document.build.build_report`.

    Returns:
        The run, whose records are the examples; what the report says of the sweep; and
        what differs between two equal runs.

    Raises:
        InputError: A target has no relay, or no scenario can be swept.
    """
    for target in (baseline, candidate):
        if target.relay is None:
            raise InputError(
                f"target {target.name!r} has no relay: a sweep plays in virtual time",
                key="--sweep",
            )
    settings = replace(
        settings,
        modes=(Mode.VIRTUAL,),
        sweep=("--sweep", "--sweep-limit", str(limit)),
    )
    started, start_ns = datetime.now(UTC), time.monotonic_ns()
    work = [
        SweepJob(
            scenario=scenario,
            settings=settings,
            baseline=baseline,
            candidate=candidate,
            limit=limit,
        )
        for scenario in scenarios
    ]
    count = jobs or max(1, min(default_jobs(), len(work)))
    swept = map_with_progress(sweep_stream, work, count, quiet=quiet)
    taken_ns = time.monotonic_ns() - start_ns
    if all(one.why_not for one in swept):
        why = swept[0].why_not if swept else "there is none"
        raise InputError(f"no stream can be swept: {why}", key="--sweep")
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
    run = finish_run(settings, (baseline, candidate), records, skipped=skipped)
    if run.decision is Decision.GO:
        said = f"{variants:,} variants, and the candidate is nowhere the worse one"
        run = replace(run, reasons=(said,))
    return run, sweep_facts(swept, run, examples, options), volatile


def _examples(swept: Sequence[Swept]) -> dict[Cell, tuple[int, int]]:
    """Return for every cell the first stream and byte that showed it."""
    examples: dict[Cell, tuple[int, int]] = {}
    for index, one in enumerate(swept):
        for cell, found in one.cells.items():
            examples.setdefault(cell, (index, found.offset))
    return dict(sorted(examples.items()))

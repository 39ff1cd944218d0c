"""The end of a comparison: its report is written, a summary printed, and it exits."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from harness.judge.run import RunRecord
from harness.judge.verdict import EXIT_CODES
from harness.printable import printable
from harness.reporting.document.build import build_report
from harness.reporting.files import write_report
from harness.reporting.render.console import ConsoleReporter

__all__ = ["OutputOptions", "conclude"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """The folder of all reports, and whether only the decision is printed."""

    output: Path
    quiet: bool


def conclude(  # noqa: PLR0913 - each is a part of the report or its place
    record: RunRecord,
    volatile: Mapping[str, Any],
    *,
    words: Sequence[str],
    reporter: ConsoleReporter,
    where: OutputOptions,
    sweep: Mapping[str, Any] | None = None,
) -> NoReturn:
    """Write the report, print the summary, and exit with the code of the decision.

    Args:
        record: The run.
        volatile: What differs between two equal runs.
        words: Options for each line that repeats a finding (`repeated_words`).
        reporter: Prints the summary.
        where: Folder and amount of output.
        sweep: The facts of a sweep; None: it was a comparison.
    """
    report = build_report(record, volatile, options=words, sweep=sweep)
    path = write_report(report, where.output / str(volatile["run"]))
    if where.quiet:
        click.echo(printable("; ".join((record.decision, *record.reasons))))
    else:
        reporter.print_summary(report, path)
    sys.exit(EXIT_CODES[record.decision])

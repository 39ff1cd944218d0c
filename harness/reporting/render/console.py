"""Shows a run on a terminal: its progress and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from harness.judge.run import (
    RunEvent,
    RunFinished,
    RunStarted,
    ScenarioJudged,
    ScenarioPlayed,
    ScenarioRecord,
    TargetReady,
)
from harness.judge.verdict import Gate
from harness.printable import printable
from harness.reporting.render.summary import summary_lines

__all__ = ["ConsoleReporter"]

_WIDTH = 80

_LINE_EVERY = 20
"""Live scenarios between two lines of progress, if no terminal shows a bar."""


class ConsoleReporter:
    """Shows run events: a progress bar on a terminal, plain lines elsewhere.

    Progress goes to ``err``, the summary to ``out``, so either can be kept by itself.
    There are no colours if the output is not a terminal or ``NO_COLOR`` is set.

    Args:
        out: Takes the summary; None: standard output.
        err: Takes the progress; None: standard error.
        quiet: Show no progress.
    """

    def __init__(
        self,
        *,
        out: TextIO | None = None,
        err: TextIO | None = None,
        quiet: bool = False,
    ) -> None:
        self._out = _console(out, stderr=False)
        self._err = _console(err, stderr=True)
        self._quiet = quiet
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._total = 0
        self._judged = 0
        self._failed = 0

    def start(self, event: RunStarted) -> None:
        """Take the first event of a run."""
        self._total = event.total
        if self._quiet:
            return
        modes = " and ".join(event.settings.modes)
        self._say(
            f"{event.total} to judge, {modes}, suite {event.settings.suite}, "
            f"seed {event.settings.seed}"
        )
        if self._err.is_terminal:
            self._progress = Progress(
                TextColumn("  "),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                # Names are untrusted text: no markup is read in them.
                TextColumn("{task.description}", markup=False),
                console=self._err,
                transient=True,
            )
            self._task = self._progress.add_task("", total=event.total)
            self._progress.start()

    def handle(self, event: RunEvent) -> None:
        """Take any event of a run, in order."""
        if isinstance(event, RunStarted):
            self.start(event)
        elif isinstance(event, TargetReady):
            served = f", served by {event.served_by}" if event.served_by else ""
            self._say(
                f"target {event.name} is ready at {event.url} "
                f"(streams identified by {event.routing}{served})"
            )
        elif isinstance(event, ScenarioPlayed):
            self._play(event)
        elif isinstance(event, ScenarioJudged):
            self._judge(event.record)
        elif isinstance(event, RunFinished):
            self.close()

    def close(self) -> None:
        """Remove the progress bar; needed if a run ends early."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def print_summary(
        self, report: Mapping[str, Any], path: Path | str | None = None
    ) -> None:
        """Print a report for a person, the decision last.

        Args:
            report: From `harness.reporting.document.build.build_report`.
            path: Of its file, shown to the user.
        """
        self.close()
        shown = None if path is None else str(path)
        for style, line in summary_lines(report, shown, _WIDTH):
            # Text, not markup; never cut, wrapped or coloured by what it says.
            self._out.print(
                Text(line, style=style), soft_wrap=True, highlight=False, emoji=False
            )

    def _play(self, event: ScenarioPlayed) -> None:
        """Show that live streams are played; judging begins when all are played."""
        if self._progress is not None and self._task is not None:
            words = f"played {event.played} of {event.total} live  {event.id}"
            self._progress.update(
                self._task, description=printable(words)[: _WIDTH - 44]
            )
        elif event.played % _LINE_EVERY == 0:
            self._say(f"played {event.played} of {event.total} live")

    def _judge(self, record: ScenarioRecord) -> None:
        self._judged += 1
        gates = record.result.gate is not Gate.PASS
        self._failed += gates
        name = f"{record.scenario.id} ({record.mode})"
        verdict = record.result.verdict
        if self._progress is not None and self._task is not None:
            failed = f"{self._failed} gate  " if self._failed else ""
            self._progress.update(
                self._task,
                completed=self._judged,
                description=printable(f"{failed}{name}")[: _WIDTH - 44],
            )
            if gates:
                self._say(f"{verdict:<20} {name}", style="red")
            return
        digits = len(str(self._total))
        self._say(f"{self._judged:>{digits}}/{self._total} {verdict:<20} {name}")

    def _say(self, text: str, style: str = "") -> None:
        if not self._quiet:
            self._err.print(
                Text(printable(text), style=style), soft_wrap=True, highlight=False
            )


def _console(file: TextIO | None, *, stderr: bool) -> Console:
    # A pipe has no width; progress and rules fit 80 columns.
    console = Console(file=file, stderr=stderr, highlight=False)
    return (
        console
        if console.is_terminal
        else Console(file=file, stderr=stderr, highlight=False, width=_WIDTH)
    )

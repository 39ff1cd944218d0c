from __future__ import annotations

import io

import pytest

from harness.judge.run import (
    RunFinished,
    RunStarted,
    ScenarioJudged,
    TargetReady,
)
from harness.reporting.document.build import build_report
from harness.reporting.render.console import ConsoleReporter


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def play(run, **options):
    """Show a run, and return what went to out and err."""
    out, err = io.StringIO(), options.pop("err", io.StringIO())
    reporter = ConsoleReporter(out=out, err=err, **options)
    reporter.handle(RunStarted(settings=run.settings, total=len(run.records)))
    reporter.handle(
        TargetReady(
            name="v1", url="http://127.0.0.1:1", routing="header", served_by="v1"
        )
    )
    for record in run.records:
        reporter.handle(ScenarioJudged(record=record))
    reporter.handle(RunFinished(run=run))
    reporter.print_summary(build_report(run, {}), "reports/x/report.json")
    return out.getvalue(), err.getvalue()


def test_hostile_text_cannot_steer_the_terminal(
    make_scenario, make_stream, make_record, make_run
):
    """Escapes, markup and control characters are shown, never obeyed."""
    evil = "\x1b[2J\x1b]0;owned\x07[bold red]x[/] \u202e\r\n\x9b31m:boom:"
    wanted = make_scenario(
        f"hostile/{evil}", response=make_stream(evil, evil, " more"), why=evil
    )
    for swapped in (True, False):
        run = make_run(make_record(wanted, swapped=swapped))
        report = build_report(run, {})
        # A report of others is not ours to trust.
        report["decision"]["reasons"] = [evil]
        report["scenarios"][0]["notes"] = [evil]
        out, err = io.StringIO(), io.StringIO()
        reporter = ConsoleReporter(out=out, err=err)
        reporter.handle(RunStarted(settings=run.settings, total=1))
        reporter.handle(ScenarioJudged(record=run.records[0]))
        reporter.print_summary(report, evil)
        shown = out.getvalue() + err.getvalue()
        assert [char for char in shown if not char.isprintable() and char != "\n"] == []
        assert "[bold red]x[/]" in shown
        assert ":boom:" in shown


def test_progress_is_plain_lines_where_there_is_no_terminal(virtual_run):
    """One line a judgement, without colour, on the error stream."""
    out, err = play(virtual_run)
    lines = err.splitlines()
    assert lines[0] == "7 to judge, virtual, suite pr, seed 7"
    assert lines[1].startswith("target v1 is ready at http://127.0.0.1:1")
    assert lines[2] == "1/7 IMPROVED             clean/short-answer (virtual)"
    assert len(lines) == 2 + 7
    assert "\x1b" not in out + err


def test_quiet_means_no_progress_and_still_a_summary(virtual_run):
    """Quiet silences what happens, not what was found."""
    out, err = play(virtual_run, quiet=True)
    assert err == ""
    assert "GO for the rollout" in out


def test_a_terminal_gets_a_bar_that_goes_away(worse_run):
    """On a terminal findings that gate are lines and the rest is a bar."""
    _, err = play(worse_run, err=Terminal())
    assert "REGRESSION           status/429 (virtual)" in err
    assert "7/7" in err
    assert "\x1b[" in err


def test_no_color_is_respected(virtual_run, worse_run, monkeypatch):
    """With NO_COLOR a terminal gets no colour."""

    def shown():
        out = Terminal()
        ConsoleReporter(out=out).print_summary(build_report(worse_run, {}))
        return out.getvalue()

    assert "31m" in shown()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in shown()

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len

from harness.judge.harness_lag import Lag
from harness.judge.run import (
    RunFinished,
    RunStarted,
    ScenarioJudged,
    TargetReady,
)
from harness.judge.verdict import Gate, Result, Verdict
from harness.reporting.document.build import build_report
from harness.reporting.render.console import ConsoleReporter
from harness.reporting.render.summary import summary_lines
from harness.scenario.model import Mode

REPEAT = "  $ "


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


def lines_of(report, **options):
    """Return the summary's lines without their styles."""
    return [line for _, line in summary_lines(report, **options)]


def test_every_line_fits_into_80_columns(worse_run, both_modes_run):
    """Only the lines that are there to be copied may be wider."""
    for run in (worse_run, both_modes_run):
        lines = lines_of(build_report(run, {}))
        wide = [line for line in lines if cell_len(line) > 80]
        assert [line for line in wide if not line.startswith(REPEAT)] == []


def test_wide_characters_count_twice(make_scenario, make_stream, make_record, make_run):
    """Chinese text is wrapped by the columns it takes, not by characters."""
    wanted = make_scenario("wide/text", why="流式传输" * 30)
    record = make_record(wanted, swapped=True)
    lines = lines_of(build_report(make_run(record), {}))
    assert max(cell_len(line) for line in lines) <= 80


def test_a_regression_is_told_in_full(worse_run):
    """Expected, what each target did, the first difference and how to repeat it."""
    text = "\n".join(lines_of(build_report(worse_run, {})))
    start = text.index("REGRESSION  stuttering/first-chunk-twice  (virtual)")
    told = text[start : text.index(REPEAT, start)]
    assert "expected  a complete answer (the upstream sends [DONE])" in told
    assert "v1        right: a complete answer" in told
    assert "v2        WRONG: a complete answer" in told
    assert 'expected "The quick brown fox jumps."' in told
    assert "TheThe quick brown fox" in " ".join(told.split())
    assert "first differing event: 2 (counting events with data, from 0)" in told
    assert (
        "  $ harness compare stuttering/first-chunk-twice --seed 7 --virtual"
        in text.splitlines()
    )


def test_an_answer_that_ended_before_is_told(make_record, make_run, scenarios):
    """Beside an event that only one target sent stands that the other had ended."""
    record = make_record(scenarios[0], swapped=True)
    short = replace(
        record.candidate[0],
        reading=replace(record.candidate[0].reading, events=()),
    )
    record = replace(record, candidate=(short,))
    lines = lines_of(build_report(make_run(record), {}))
    assert "  v2        (already ended)" in lines


def test_improvements_are_short_and_told_once(both_modes_run):
    """What both modes found is one entry; what is alike is told together."""
    text = "\n".join(lines_of(build_report(both_modes_run, {})))
    assert text.count("text_added  stuttering/first-chunk-twice") == 1
    assert "stuttering/first-chunk-twice  (live and virtual)" in text
    assert text.count("no event without data") == 1


def test_the_last_lines_are_the_decision(virtual_run, worse_run):
    """Decision, reasons, seed, file and exit code end the summary."""
    for run, words, code in (
        (virtual_run, "GO for the rollout from 0 % to 10 %", 0),
        (worse_run, "NO-GO for the rollout from 0 % to 10 %", 1),
    ):
        last = lines_of(build_report(run, {}), path="reports/x/report.json")[-6:]
        assert last[0] == words
        assert last[1] == "  7 scenarios were judged"
        assert "seed 7" in last[2]
        assert last[4] == "  report    reports/x/report.json"
        assert last[5].startswith(f"  exit code {code}: ")


def test_the_tables_say_verdicts_and_hold(make_record, make_run, scenarios):
    """Rows are families by mode and targets by mode; only what occurs is a column."""
    record = make_record(scenarios[1], Mode.LIVE, lag_ns=2_000_000)
    same = replace(record, baseline=record.candidate)
    lag = Lag(count=1, p50_ns=40_000, p99_ns=1_200_000, max_ns=2_000_000)
    lines = lines_of(build_report(make_run(same, lag=lag), {}))
    assert lines[0].split() == ["family", "mode", "IMPROVED"]
    assert lines[2].split() == ["stuttering", "live", "1"]
    assert lines[3].split() == ["total", "1"]
    rows = [line.split() for line in lines if line.startswith("live ")]
    assert [row[-5:] for row in rows] == [["1", "8", "2.000", "2.000", "2.000"]] * 2
    assert any("live timing is degraded" in line for line in lines)


def test_too_many_verdicts_for_a_table_are_listed(make_record, make_run, scenarios):
    """No table is wider than the screen."""
    record = make_record(scenarios[1])
    results = [
        Result(verdict=verdict, gate=Gate.PASS, reason="x", differences=())
        for verdict in Verdict
    ]
    run = make_run(*(replace(record, result=result) for result in results))
    lines = lines_of(build_report(run, {}))
    assert lines[0].startswith("stuttering (virtual): 1 ")
    assert max(len(line) for line in lines if not line.startswith(REPEAT)) <= 80


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


def test_what_was_found_twice_is_named_once(both_modes_run):
    """Live a target may be wrong in one more way than in virtual time."""
    report = build_report(both_modes_run, {})
    name = "truncation/cut-in-an-event"
    live = next(
        scenario
        for scenario in report["scenarios"]
        if (scenario["id"], scenario["mode"]) == (name, "live")
    )
    [answer] = live["baseline"]["answers"]
    answer["violations"].append({**answer["violations"][-1], "kind": "held"})
    told = [line for line in lines_of(report) if name in line and "$" not in line]
    assert [line.count(name) for line in told] == [1]
    assert not any("more" in line for line in told)

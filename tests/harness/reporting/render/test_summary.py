"""A report in 80 columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from rich.cells import cell_len

from harness.judge.harness_lag import Lag
from harness.judge.verdict import Decision, Gate, Result, Verdict
from harness.reporting.document.build import build_report
from harness.reporting.render.summary import summary_lines
from harness.scenario.model import (
    Abort,
    AbortHow,
    ClientPlan,
    Mode,
    Pause,
    ReadPlan,
    Waiver,
)

REPEAT = "  $ "


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
    """The target that did not send the first differing event had already ended."""
    record = make_record(scenarios[0], swapped=True)
    short = replace(
        record.candidate[0],
        reading=replace(record.candidate[0].reading, events=()),
    )
    record = replace(record, candidate=(short,))
    lines = lines_of(build_report(make_run(record), {}))
    assert "  v2        (already ended)" in lines


def test_improvements_are_short_and_told_once(both_modes_run):
    """Findings of both modes are one entry; equal ones are grouped."""
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


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (
            ClientPlan(read=ReadPlan(bytes_per_s=64)),
            "the client read 64 bytes a second",
        ),
        (
            ClientPlan(read=ReadPlan(pause=Pause(after_bytes=10, for_ms=2.5))),
            "the client paused for 2.5 ms after 10 bytes",
        ),
        (
            ClientPlan(read=ReadPlan(pause=Pause(after_bytes=10, for_ms=None))),
            "the client stopped reading after 10 bytes",
        ),
        (
            ClientPlan(abort=Abort(before_head=True, how=AbortHow.FIN)),
            "the client left by FIN before the head",
        ),
        (
            ClientPlan(abort=Abort(after_events=2, how=AbortHow.RST)),
            "the client left by RST after 2 event(s)",
        ),
        (
            ClientPlan(abort=Abort(after_bytes=7, how=AbortHow.HALF_CLOSE)),
            "the client closed its sending side after 7 bytes",
        ),
        (
            ClientPlan(abort=Abort(after_ms=1.5, how=AbortHow.FIN)),
            "the client left by FIN after 1.5 ms",
        ),
    ],
)
def test_the_client_is_described(worse_run, plan, expected):
    """How it read, and how it left."""
    record = worse_run.records[1]
    exchange = replace(record.scenario.exchange, client=plan)
    record = replace(record, scenario=replace(record.scenario, exchange=exchange))
    report = build_report(replace(worse_run, records=(record,)), {})
    report["scenarios"][0]["notes"] = []
    assert f"  played    {expected}" in lines_of(report)


def test_more_than_three_violations_are_counted(worse_run):
    """The rest is named by its kinds."""
    report = build_report(replace(worse_run, records=worse_run.records[1:2]), {})
    [answer] = report["scenarios"][0]["candidate"]["answers"]
    wrong = answer["violations"][0]
    kinds = ("one", "two", "three", "four", "five")
    answer["violations"] = [{**wrong, "kind": kind} for kind in kinds]
    lines = lines_of(report)
    assert "            and 2 more: four, five" in lines
    assert any(line.strip().startswith("three, ") for line in lines)
    assert not any(line.strip().startswith("four, ") for line in lines)
    answer["violations"] = answer["violations"][:3]
    assert not any(" more: " in line for line in lines_of(report))


def test_debt_of_both_is_shown_once(make_record, make_run, scenarios):
    """A difference is shown for each target."""
    record = make_record(scenarios[1], swapped=True)
    wrong = record.candidate

    def shown(verdict, baseline):
        result = Result(verdict=verdict, gate=Gate.PASS, reason="x", differences=())
        found = replace(record, baseline=baseline, candidate=wrong, result=result)
        return lines_of(build_report(make_run(found), {}))

    same = shown(Verdict.BOTH_WRONG_SAME, wrong)
    assert "Known debt: v1 and v2 are both wrong (1)" in same
    assert 1 == sum(line.startswith("  both ") for line in same)
    assert not any(line.startswith("  v1  ") for line in same)
    differ = shown(Verdict.BOTH_WRONG_DIFFERENT, wrong)
    assert "  verdict   x" in differ
    assert not any(line.startswith("  both ") for line in differ)
    for name in ("v1", "v2"):
        assert any(line.startswith(f"  {name}        text_added") for line in differ)


def test_an_accepted_difference_has_its_waiver(make_record, make_run, make_scenario):
    """With the reason, the owner and the last day."""
    waiver = Waiver(level="bytes", reason="r", owner="me", expires=date(2030, 1, 2))
    record = make_record(make_scenario("a/b", allow=(waiver,)))
    result = Result(
        verdict=Verdict.EXPECTED_DIVERGENCE,
        gate=Gate.PASS,
        reason="waived",
        differences=(),
    )
    lines = lines_of(build_report(make_run(replace(record, result=result)), {}))
    assert (
        "Accepted: both are right, and a reason is given for the difference (1)"
        in lines
    )
    at = lines.index("a/b  (virtual)")
    assert ["  why       waived", "  waiver    bytes, me, to 2030-01-02"] == (
        lines[at + 1 : at + 3]
    )


def test_expectations_that_differ_are_told_by_target(worse_run):
    """Two contracts may demand different answers."""
    report = build_report(replace(worse_run, records=worse_run.records[:1]), {})
    oracle = report["scenarios"][0]["oracle"]
    oracle["baseline"] = {**oracle["baseline"], "ending": "error", "reasons": []}
    lines = lines_of(report)
    assert "  expected  of v1: a failure is reported to the client" in lines
    assert any(line.startswith("  expected  of v2: a complete") for line in lines)


def test_twelve_names_are_shown_of_many(make_record, make_run, make_scenario):
    """The others are counted."""
    first = make_record(make_scenario("a/00"))

    def named(number):
        scenario = replace(first.scenario, id=f"a/{number:02}")
        return replace(first, scenario=scenario)

    def shown(count):
        run = make_run(*map(named, range(count)))
        return " ".join(" ".join(lines_of(build_report(run, {}))).split())

    assert "a/00 (virtual) and 12 more" in shown(13)
    assert "a/12 $ harness" in shown(13)
    assert "a/12 and 1 more $ harness" in shown(14)


def test_classes_with_violations_are_listed_up_to_twelve(tagged, make_run):
    """More are only counted."""

    def shown(count):
        tags = [f"class-{number:02}" for number in range(1, count + 1)]
        faults = (("close_at", {"at": {"event": 3}}),)
        report = build_report(make_run(*tagged("a/cut", *tags, faults=faults)), {})
        return " ".join(" ".join(lines_of(report)).split())

    assert "wrong in some of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 v2" in shown(12)
    assert "wrong in some of" not in shown(13)
    assert "v1 right in all scenarios of 0 classes v2 right in" in shown(13)


def test_a_decision_without_evidence_says_what_to_do(virtual_run):
    """The exit code has its meaning."""
    run = replace(virtual_run, records=(), decision=Decision.INVALID, reasons=())
    lines = lines_of(build_report(run, {}))
    assert (
        "  exit code 4: no valid evidence: fix the run, not the candidate" == lines[-1]
    )

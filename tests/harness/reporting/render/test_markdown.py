from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from harness.judge.harness_lag import Lag
from harness.judge.verdict import Decision, Gate, Result, Verdict
from harness.reporting.document.build import build_report
from harness.reporting.render.markdown import render_markdown
from harness.scenario.model import Waiver


@pytest.fixture(name="go")
def _go(both_modes_run, volatile):
    return render_markdown(build_report(both_modes_run, volatile))


def test_the_first_screen_decides(go):
    """Decision, step, meaning and reasons come first."""
    lines = go.splitlines()
    assert lines[0] == "# GO: v2 for the rollout from 0 % to 10 %"
    assert lines[2] == "Nothing that was tested speaks against the next step."
    assert lines[4] == "- 14 scenarios were judged"
    assert "`NEW_STREAMING_ROLLOUT_PERCENTAGE=10`" in lines[6]


def test_switches_of_the_reference_proxy_are_its_own(virtual_run):
    """Another proxy has other ways on and back, and none of its log lines."""
    target = replace(virtual_run.candidate, name="nginx", relay=None, proof=None)
    text = render_markdown(build_report(replace(virtual_run, candidate=target), {}))
    assert "**Next:** send 10 % of the traffic to nginx" in text
    assert "Send all traffic to v1 again." in text
    for word in ("NEW_STREAMING", "State transition", "stutter decisions"):
        assert word not in text


@pytest.mark.parametrize(
    ("current", "words"),
    [
        (0, "from 0 % to 10 %"),
        (25, "from 25 % to 50 %"),
        (100, "at 100 %, with no step left"),
    ],
)
def test_the_current_percentage_chooses_the_step(virtual_run, current, words):
    """The step is the next one after the current percentage."""
    report = build_report(virtual_run, {})
    title = render_markdown(report, current_percent=current).splitlines()[0]
    assert title == f"# GO: v2 for the rollout {words}"


def test_the_run_may_know_where_the_rollout_stands(virtual_run):
    """Without an option the report's own step is shown."""
    report = build_report(virtual_run, {}, current_percent=10)
    assert "from 10 % to 25 %" in render_markdown(report).splitlines()[0]


def test_a_regression_is_told_in_full(worse_run):
    """Expected, what each did, the first difference and how to repeat it."""
    text = render_markdown(build_report(worse_run, {}))
    start = text.index("### REGRESSION: `stuttering/first-chunk-twice`")
    told = text[start : text.index("\n###", start + 5)]
    assert "- Expected: a complete answer (the upstream sends \\[DONE\\])" in told
    assert "- v1 is right: a complete answer" in told
    assert "- v2 is wrong: a complete answer" in told
    assert 'expected `"The quick brown fox jumps."`,' in told
    assert "First differing event: 2 (counting events with data, from 0)." in told
    assert (
        "```sh\nharness compare stuttering/first-chunk-twice "
        "--seed 7 --virtual\n```" in told
    )
    assert "stay at 0 %" in text


def test_every_part_is_there(go):
    """Gate, findings, hold, gaps, rollback, reproduction and environment."""
    headings = re.findall(r"^## (.+)$", go, re.MULTILINE)
    assert headings == [
        "Gate",
        "Gating findings",
        "Classes of failure",
        "Hold",
        "What was not tested",
        "How to roll back",
        "Improvements",
        "How to reproduce",
        "Environment",
    ]
    assert "`ENABLE_NEW_STREAMING_ARCHITECTURE=false`" in go
    assert "`Circuit breaker opened due to X failures`" in go
    assert "2 core(s), load average 0.5, 0.4, 0.3" in go


def test_debt_and_accepted_differences_are_told(make_scenario, make_record, make_run):
    """Known debt and waivers have their own parts."""
    waiver = Waiver(
        level="events", reason="as agreed", owner="ana", expires=date(2027, 6, 30)
    )
    record = make_record(make_scenario("a/b", allow=(waiver,)))
    run = make_run(
        *(
            replace(
                record,
                result=Result(
                    verdict=verdict, gate=Gate.PASS, reason="said so", differences=()
                ),
            )
            for verdict in (Verdict.BOTH_WRONG_SAME, Verdict.EXPECTED_DIVERGENCE)
        )
    )
    text = render_markdown(build_report(run, {}))
    assert "## Known debt" in text
    assert "## Accepted differences" in text
    assert "Waiver for `events` by ana, to 2027-06-30." in text


@pytest.mark.parametrize("decision", list(Decision))
def test_every_decision_has_its_next_act(virtual_run, decision):
    """Every decision has a next action."""
    report = build_report(replace(virtual_run, decision=decision), {})
    text = render_markdown(report)
    assert text.startswith(f"# {decision}: v2")
    assert "**Next:** " in text


def test_lateness_of_the_harness_is_told(virtual_run):
    """Degraded live timing is named with the figures."""
    lag = Lag(count=1, p50_ns=1, p99_ns=1_200_000, max_ns=1_300_000)
    text = render_markdown(build_report(replace(virtual_run, lag=lag), {}))
    assert "live timing is degraded" in text


def test_hostile_text_stays_text(make_scenario, make_stream, make_record, make_run):
    """No HTML, link, mention, heading, fence or control character of others."""
    evil = "<img src=x onerror=a> @team #1 [x](http://e) **b**\n# h\n```\x1b[0m | y"
    wanted = make_scenario(
        f"hostile/{evil}", response=make_stream(evil, evil, " more"), why=evil
    )
    for swapped in (True, False):
        run = make_run(make_record(wanted, swapped=swapped))
        report = build_report(run, {"run": evil})
        report["decision"]["reasons"] = [evil]
        report["targets"]["candidate"]["name"] = evil
        report["scenarios"][0]["notes"] = [evil]
        text = render_markdown(report)
        bare = without_code(text)
        assert "\x1b" not in text
        assert not re.search(r"(?<!\\)<", bare)
        assert "@" not in bare
        assert not re.search(r"(?<!\\)\[", bare)
        assert not re.search(r"(?<!\\)\*\*b", bare)
        assert "\n# h" not in text


def without_code(text):
    """Return Markdown without its code blocks and code spans."""
    text = re.sub(r"^```sh\n.*?\n```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<![`\\])(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def test_it_reads_well_as_text(go):
    """No raw HTML, no runs of blank lines, one line end last."""
    assert "\n\n\n" not in go
    assert go.endswith("\n")
    assert not go.endswith("\n\n")
    assert not re.search(r"<[a-z/!]", without_code(go))
    assert not any(line != line.rstrip() for line in go.splitlines())

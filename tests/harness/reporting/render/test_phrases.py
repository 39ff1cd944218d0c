"""The report's values in plain words."""

from __future__ import annotations

import pytest

from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.outcome import Outcome
from harness.judge.oracle.policy import Policy
from harness.judge.verdict import Decision
from harness.reporting.render import phrases
from harness.reporting.render.phrases import (
    DECISIONS,
    contrast_of,
    describe_answer,
    describe_lag,
    describe_measured,
    describe_oracle,
    describe_policy,
    describe_step,
    hold_rows,
    table,
    verdict_rows,
)
from harness.scenario.model import ExpectedEnding


def answer(**changes):
    """Return a right answer of a report."""
    return {
        "invalid": None,
        "outcome": "complete",
        "end": "complete",
        "status": 200,
        "events": 1,
        "text": [{"choice": 0, "characters": 1}],
        "streams": None,
        "upstream_requests": 1,
    } | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "a complete answer, a clean end, status 200, 1 event, 1 character",
        ),
        (
            {"events": 2, "text": [{"characters": 3}, {"characters": 4}]},
            "a complete answer, a clean end, status 200, 2 events, 7 characters",
        ),
        (
            {"status": None, "events": None, "text": None, "end": "refused"},
            "a complete answer, connection refused, no head",
        ),
        (
            {"outcome": "aborted", "events": None, "text": None},
            "the client left, status 200",
        ),
        ({"invalid": "no proof"}, "no evidence: no proof"),
        (
            {"upstream_requests": 3, "events": None, "text": None},
            "a complete answer, a clean end, status 200, 3 upstream requests",
        ),
        (
            {"upstream_requests": 0, "events": None, "text": None},
            "a complete answer, a clean end, status 200, 0 upstream requests",
        ),
    ],
)
def test_an_answer(changes, expected):
    """One upstream request is not worth a word."""
    assert expected == describe_answer(answer(**changes))


def test_an_answer_of_several_streams():
    """Three outcomes are described, the others counted."""

    def group(*names, outcome="complete", status=200):
        return {"streams": names, "outcome": outcome, "status": status}

    streams = [
        group("1", "2"),
        group("3", outcome="error", status=502),
        group("4", outcome="hang", status=None),
        group("5", outcome="unfinished"),
        group("6", outcome="aborted"),
    ]
    words = describe_answer(answer(streams=streams))
    assert words.startswith(
        "the worst of 2 x a complete answer (status 200); 1 x a failure reported to the"
        " client (status 502); 1 x no end within the client's time limit (status none)"
        " and 2 other outcomes, a complete answer, "
    )
    assert "other outcomes" not in describe_answer(answer(streams=streams[:3]))


def test_an_oracle():
    """With its reasons, if there are any."""
    assert "a complete answer (a; b)" == describe_oracle(
        {"ending": "complete", "reasons": ["a", "b"]}
    )
    assert "an answer that does not look finished" == describe_oracle(
        {"ending": "unfinished", "reasons": []}
    )
    assert "unknown: the scenario could not be played" == describe_oracle(None)


def test_every_value_has_its_words():
    """None is left to be shown raw."""
    assert set(Decision) == set(DECISIONS)
    assert set(Outcome) == set(phrases._OUTCOMES)
    assert set(ClientEnd) == set(phrases._ENDS)
    for ending in ExpectedEnding:
        assert describe_oracle({"ending": ending, "reasons": []})


def violations(**figures):
    """Return an answer with a hold of these figures."""
    wrong = {"kind": "held", "measured": figures}
    return {"violations": [{"kind": "other", "measured": {"x": 1}}, wrong]}


def test_figures_of_a_violation_are_exact_or_live():
    """Live ones are in the volatile part; a run may lack them."""
    live = {"id": "a/b", "candidate": [violations(b_ms=2.5, a_ms=1.0)]}
    report = {"volatile": {"live": [{"id": "a/a"}, live]}}
    scenario = {"id": "a/b", "candidate": {"answers": [violations(max_ms=3.0)]}}

    def described(mode, name="a/b"):
        one = {**scenario, "mode": mode, "id": name}
        return describe_measured(report, one, "candidate", "held")

    assert "max_ms 3" == described("virtual")
    assert "a_ms 1, b_ms 2.5" == described("live")
    assert "" == described("live", "a/c")


def test_a_contrast_is_volatile_if_live_timing_decided_it():
    """Otherwise it is with the scenario."""
    report = {"volatile": {"live": [{"id": "a/b", "contrast": {"x": 1}}]}}
    scenario = {"id": "a/b", "mode": "live"}
    assert {"x": 1} == contrast_of(report, scenario)
    virtual = {**scenario, "mode": "virtual"}
    assert virtual is contrast_of(report, virtual)
    report["volatile"]["live"][0]["contrast"] = None
    assert scenario is contrast_of(report, scenario)


def test_switches_that_differ_from_their_default():
    """The others are not named."""
    default = Policy().switches
    assert "" == describe_policy({"policy": dict(default)})
    changed = {**default, "hold_ms": 2.50, "new": "x"}
    assert ", policy hold_ms=2.5, new=x" == describe_policy({"policy": changed})


def test_steps():
    """The last one has no next."""
    assert "from 10 % to 25 %" == describe_step({"from": 10.0, "to": 25})
    assert "from 2.5 % to 10 %" == describe_step({"from": 2.5, "to": 10})
    assert "at 100 %, with no step left" == describe_step({"from": 100, "to": None})


def test_lag():
    """Degraded timing is said; a virtual run has none."""

    def lag(**changes):
        figures = {"p50_ns": 40_000, "p99_ns": 1_000_000, "max_ns": 2_000_000}
        return describe_lag(
            {"volatile": {"lag": {**figures, "degraded": False, **changes}}}
        )

    words = "the harness itself was late by 0.040 ms (median), 1.000 ms (p99)"
    assert f"{words}, 2.000 ms (longest)" == lag()
    assert lag(degraded=True).startswith(f"{words}, 2.000 ms (longest); above 1 ms")
    assert describe_lag({"volatile": {"lag": None}}) is None


def test_verdicts_in_a_table():
    """Only columns that occur, good ones first, zeros as dots, a total."""
    report = {
        "families": [
            {"family": "a", "mode": "live", "verdicts": {"REGRESSION": 2}},
            {"family": "b", "mode": "virtual", "verdicts": {"IDENTICAL": 3}},
        ],
        "totals": {"IDENTICAL": 3, "REGRESSION": 2},
    }
    headers, rows = verdict_rows(report)
    assert ["family", "mode", "IDENTICAL", "REGRESSION"] == headers
    assert [
        ["a", "live", ".", "2"],
        ["b", "virtual", "3", "."],
        ["total", "", "3", "2"],
    ] == rows


def test_holds_in_a_table():
    """A target without streams has no row; equal scopes are shown once."""

    def hold(streams):
        figures = {"count": 9, "median_ns": 0, "p95_ns": 500, "max_ns": 1_500_000}
        return {"streams": streams, "hold": figures if streams else None}

    def sides(baseline, candidate):
        return {"baseline": hold(baseline), "candidate": hold(candidate)}

    report = {
        "targets": {"baseline": {"name": "v1"}, "candidate": {"name": "v2"}},
        "hold": {"virtual": {"shared": sides(1, 1), "own": sides(1, 1)}},
        "volatile": {"hold": {"live": {"shared": sides(0, 0), "own": sides(0, 2)}}},
    }
    headers, rows = hold_rows(report)
    assert ["mode", "streams where", "target"] == headers[:3]
    assert [
        ["virtual", "both right", "v1", "1", "9", "0.000", "0.001", "1.500"],
        ["virtual", "both right", "v2", "1", "9", "0.000", "0.001", "1.500"],
        ["live", "it is right", "v2", "2", "9", "0.000", "0.001", "1.500"],
    ] == rows


def test_a_table_aligns_numbers_and_keeps_them_as_given():
    """Words are on the left; headers are split at underscores, but not in Markdown."""
    rows = [["a", "1.50"], ["b\x07", "12"]]
    assert [
        ["mode", "ONE"],
        ["TWO"],
        ["a", "1.50"],
        ["b\\u0007", "12"],
    ] == [
        line.split()
        for line in table(["mode", "ONE_TWO"], rows, style="simple").splitlines()
        if "--" not in line
    ]
    lines = table(["x", "ONE_TWO"], rows, style="github", left=["x"]).splitlines()
    assert ["| x       |   ONE_TWO |", "| a       |      1.50 |"] == lines[::2][:2]
    lines = table(["x", "ONE_TWO"], rows, style="github").splitlines()
    assert "|       a |      1.50 |" == lines[2]


def test_a_table_without_rows_is_its_headers():
    """No alignment is needed."""
    assert "mode" in table(["mode"], [], style="simple")

from __future__ import annotations

from dataclasses import replace

from harness.judge.verdict import Gate, Result, Verdict
from harness.reporting.document.build import build_report
from harness.reporting.render.findings import FindingGroup, findings, improvements
from harness.scenario.model import Mode


def with_verdict(record, verdict, gate=Gate.PASS):
    """Return a record with another verdict."""
    result = Result(verdict=verdict, gate=gate, reason="said so", differences=())
    return replace(record, result=result)


def test_findings_are_grouped_by_what_they_mean(make_record, make_run, scenarios):
    """The gate decides what gates; the verdict sorts the rest."""
    record = make_record(scenarios[1])
    run = make_run(
        with_verdict(record, Verdict.IDENTICAL),
        with_verdict(record, Verdict.EQUIVALENT),
        with_verdict(record, Verdict.BOTH_WRONG_SAME),
        with_verdict(record, Verdict.BOTH_WRONG_DIFFERENT),
        with_verdict(record, Verdict.BOTH_WRONG_DIFFERENT, Gate.FAIL),
        with_verdict(record, Verdict.EXPECTED_DIVERGENCE),
        with_verdict(record, Verdict.INVALID, Gate.INVALID),
        with_verdict(record, Verdict.REGRESSION, Gate.FAIL),
        record,
    )
    found = findings(build_report(run, {}))
    told = {
        group: sorted(finding.scenario["verdict"] for finding in group_found)
        for group, group_found in found.items()
    }
    assert told == {
        FindingGroup.GATING: ["BOTH_WRONG_DIFFERENT", "INVALID", "REGRESSION"],
        FindingGroup.DEBT: ["BOTH_WRONG_DIFFERENT", "BOTH_WRONG_SAME"],
        FindingGroup.IMPROVED: ["IMPROVED"],
        FindingGroup.ACCEPTED: ["EXPECTED_DIVERGENCE"],
    }
    assert found[FindingGroup.GATING][0].scenario["verdict"] == "REGRESSION"


def test_what_both_modes_found_is_told_once(make_record, make_run, scenarios):
    """The entry is the virtual one, whose figures are exact."""
    run = make_run(*(make_record(scenarios[1], mode) for mode in Mode))
    (finding,) = findings(build_report(run, {}))[FindingGroup.IMPROVED]
    assert finding.in_modes == "live and virtual"
    assert finding.scenario["mode"] == "virtual"


def test_modes_that_found_different_things_are_told_apart(
    make_record, make_run, scenarios
):
    """A regression that shows live only is not hidden behind the other mode."""
    run = make_run(
        make_record(scenarios[1]),
        with_verdict(
            make_record(scenarios[1], Mode.LIVE), Verdict.REGRESSION, Gate.FAIL
        ),
    )
    found = findings(build_report(run, {}))
    assert [finding.in_modes for finding in found[FindingGroup.GATING]] == ["live"]
    assert [finding.in_modes for finding in found[FindingGroup.IMPROVED]] == ["virtual"]


def test_the_same_wrong_in_many_scenarios_is_told_once(virtual_run):
    """Improvements are grouped by what the baseline did, the worst first."""
    found = findings(build_report(virtual_run, {}))[FindingGroup.IMPROVED]
    told = improvements(found)
    severities = [improvement.violation["severity"] for improvement in told]
    assert severities == sorted(severities, reverse=True)
    assert sum(len(improvement.findings) for improvement in told) == len(found)
    keys = [
        (improvement.violation["kind"], improvement.violation["got"])
        for improvement in told
    ]
    assert len(set(keys)) == len(keys)


def test_the_worse_of_two_regressions_is_first(worse_run):
    """Severity decides, not the id."""
    report = build_report(worse_run, {})
    told = [entry for entry in report["scenarios"] if entry["verdict"] == "REGRESSION"]
    report["scenarios"] = told[:2]
    for severity, scenario in zip((10, 20), told, strict=False):
        scenario["candidate"]["answers"][0]["violations"] = [
            {"kind": "x", "where": "", "severity": severity}
        ]
    gating = findings(report)[FindingGroup.GATING]
    assert [told[1]["id"], told[0]["id"]] == [finding.id for finding in gating]

"""The results of each target per class of failure."""

from __future__ import annotations

from dataclasses import replace

from harness.reporting.document.build import build_report
from harness.scenario.model import Mode

CUT = (("close_at", {"at": {"event": 3}}),)


def entry(report, number):
    """Return the entry of a class."""
    return report["classes"][number - 1]


def test_a_class_tells_what_each_target_did(tagged, make_run):
    """Right, wrong, and the kinds of all that was wrong."""
    records = tagged("a/cut", "class-01", "class-03", faults=CUT)
    report = build_report(make_run(*records), {})
    told = entry(report, 1)
    assert told["candidate"] == {"right": 1, "wrong": 0, "unknown": 0, "kinds": {}}
    assert told["baseline"]["wrong"] == 1
    assert told["baseline"]["kinds"] == {"cut_not_told": 1, "empty_event": 1}
    assert told["scenarios"] == [
        {"id": "a/cut", "baseline": ["cut_not_told", "empty_event"], "candidate": []}
    ]
    assert entry(report, 3)["scenarios"] == told["scenarios"]
    assert entry(report, 2)["scenarios"] == []


def test_a_scenario_of_two_modes_counts_once(tagged, make_run):
    """And is right only where it was so in both."""
    records = tagged("a/cut", "class-01", faults=CUT, modes=tuple(Mode))
    report = build_report(make_run(*records), {})
    assert entry(report, 1)["candidate"]["right"] == 1
    wrong = replace(
        records[0], candidate=records[0].baseline, baseline=records[0].candidate
    )
    report = build_report(make_run(wrong, records[1]), {})
    for side in ("baseline", "candidate"):
        assert entry(report, 1)[side]["wrong"] == 1
        assert entry(report, 1)[side]["right"] == 0


def test_no_evidence_is_not_right(tagged, make_run):
    """A target that was not run, or whose run is invalid, is unknown."""

    def unproven(judgement):
        seen = replace(judgement.observation, invalid="no proof")
        return replace(judgement, observation=seen)

    records = [
        *tagged("a/cut", "class-01", faults=CUT, change=unproven),
        replace(*tagged("a/other", "class-01", faults=CUT), candidate=()),
    ]
    report = build_report(make_run(*records), {})
    told = entry(report, 1)["candidate"]
    assert told == {"right": 0, "wrong": 0, "unknown": 2, "kinds": {}}


def test_a_repeat_without_evidence_makes_a_target_unknown(tagged, make_run):
    """Unless another repeat was wrong."""
    [record] = tagged("a/cut", "class-01", faults=CUT)

    def told(answers):
        report = build_report(make_run(replace(record, candidate=answers)), {})
        return entry(report, 1)["scenarios"][0]["candidate"]

    right, wrong = record.candidate[0], record.baseline[0]
    seen = replace(right.observation, invalid="no proof")
    unproven = replace(right, observation=seen)
    assert [] == told((right, right))
    assert ["unknown"] == told((right, unproven))
    assert "cut_not_told" in told((wrong, unproven))

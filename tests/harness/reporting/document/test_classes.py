from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults.classes import CLASSES, class_numbers
from harness.reporting.document.build import build_report
from harness.reporting.document.classes import class_rows, untested_words
from harness.reporting.render.markdown import render_classes, render_markdown
from harness.reporting.render.summary import summary_lines
from harness.scenario.model import Mode


def test_the_classes_are_the_43_of_the_taxonomy():
    """By number without a gap; tiers fall with the rank; no name comes twice."""
    assert [entry.number for entry in CLASSES] == list(range(1, 44))
    tiers = "".join(entry.tier for entry in CLASSES)
    assert tiers == "S" * 9 + "A" * 11 + "B" * 11 + "C" * 7 + "D" * 5
    assert len({entry.name for entry in CLASSES}) == 43


def test_tags_name_classes():
    """What is no class is passed over; the order is the scenario's."""
    tags = ["clean", "tier-a", "class-16", "class-02", "class-44", "impact-none", "pr"]
    assert class_numbers(tags) == [16, 2]


@pytest.fixture(name="tagged")
def _tagged(make_scenario, make_call, make_record):
    """Play scenarios of given names, faults and tags."""

    def play(name, *tags, faults=(), modes=(Mode.VIRTUAL,), change=None):
        wanted = make_scenario(name, *(make_call(n, **given) for n, given in faults))
        wanted = replace(wanted, tags=tags)
        return [make_record(wanted, mode, change=change) for mode in modes]

    return play


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
    assert "gave no evidence" in render_classes(report)
    assert ". (2 without evidence)" in class_rows(report)[1][0]


def test_what_has_no_scenario_is_named(tagged, make_run):
    """A class that nobody played was not tested."""
    report = build_report(make_run(*tagged("a/cut", "class-01", faults=CUT)), {})
    words = untested_words(report)
    assert words.startswith("2 (whole-stream or burst buffering), 3 (truncation ")
    assert "43 (header injection (CR, LF in values))" in words
    all_tags = (entry.tag for entry in CLASSES)
    report = build_report(make_run(*tagged("a/cut", *all_tags, faults=CUT)), {})
    assert untested_words(report) is None


def test_every_page_shows_the_matrix(tagged, make_run):
    """The report has the table, the page the scenarios too, the console a few lines."""
    report = build_report(make_run(*tagged("a/cut", "class-01", faults=CUT)), {})
    row = "premature close mid-stream"
    for text in (render_markdown(report), render_classes(report)):
        assert row in text
        assert r"1: cut\_not\_told 1, empty\_event 1" in text
    line = r"- `a/cut`: v1 cut\_not\_told, empty\_event; v2 right"
    assert line in render_classes(report).splitlines()
    shown = "\n".join(line for _, line in summary_lines(report))
    assert "Classes of failure: scenarios of 1 of 43" in shown
    assert "right in all scenarios of 0 classes, wrong in some of 1\n" in shown


def test_a_run_without_classes_says_so(virtual_run):
    """Scenarios of others need not name any; the console stays silent."""
    report = build_report(virtual_run, {})
    assert "No scenario of this run names a class." in render_markdown(report)
    assert "No scenario of this run names a class." in render_classes(report)
    assert not any("Classes" in line for _, line in summary_lines(report))

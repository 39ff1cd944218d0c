"""The matrix of classes, as table and on every page."""

from __future__ import annotations

from dataclasses import replace

from harness.faults.classes import CLASSES
from harness.reporting.document.build import build_report
from harness.reporting.render.class_matrix import class_rows, untested_classes
from harness.reporting.render.markdown import render_classes, render_markdown
from harness.reporting.render.summary import summary_lines

CUT = (("close_at", {"at": {"event": 3}}),)


def test_no_evidence_is_shown(tagged, make_run):
    """A target that was not run has neither right nor wrong."""
    records = [
        replace(record, candidate=())
        for name in ("a/cut", "a/other")
        for record in tagged(name, "class-01", faults=CUT)
    ]
    report = build_report(make_run(*records), {})
    assert "gave no evidence" in render_classes(report)
    assert ". (2 without evidence)" in class_rows(report)[1][0]


def test_what_has_no_scenario_is_named(tagged, make_run):
    """A class that nobody played was not tested."""
    report = build_report(make_run(*tagged("a/cut", "class-01", faults=CUT)), {})
    words = untested_classes(report)
    assert words.startswith("2 (whole-stream or burst buffering), 3 (truncation ")
    assert "43 (header injection (CR, LF in values))" in words
    all_tags = (entry.tag for entry in CLASSES)
    report = build_report(make_run(*tagged("a/cut", *all_tags, faults=CUT)), {})
    assert untested_classes(report) is None


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

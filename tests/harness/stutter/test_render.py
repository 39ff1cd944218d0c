"""The stutter report for people."""

from __future__ import annotations

import pytest

from harness.play.virtual.relays import RelayUnderTest
from harness.stutter.gate import Thresholds
from harness.stutter.render import stutter_lines, stutter_markdown
from harness.stutter.report import build_stutter_report
from harness.stutter.score import ScoredStream, StreamScore
from harness.stutter.sets import SETS


@pytest.fixture
def report():
    """Two targets over one stream that fits every set; the second is always wrong."""
    names = ("old", "n|ew\x1b")
    relays = [RelayUnderTest(name=one, path="a:b", settings=()) for one in names]
    scores = tuple(
        StreamScore(right=right, lost=0, added=0, first_hold_ns=None, holds_ns=())
        for right in (True, False)
    )
    scored = [
        ScoredStream(
            name="one", scores={kind.name: scores for kind in SETS}, why_not=None
        ),
        ScoredStream(name="two", scores={}, why_not="no event stream"),
    ]
    run = {"seed": 1, "sources": ["x"], "times_invented": 0}
    return build_stutter_report(scored, relays, Thresholds(), run=run, volatile={})


def test_the_document_counts_streams_and_sets(report):
    """What is in no set is left out, and said so."""
    assert report["streams"] == {
        "found": 2,
        "scored": 1,
        "left_out": {"no event stream": 1},
    }
    assert [one["name"] for one in report["sets"]] == [kind.name for kind in SETS]


def test_the_lines_end_in_the_decision(report):
    """A candidate that recognises nothing is a NO-GO, and every target has a line."""
    lines = stutter_lines(report)

    assert any(line.startswith("NO-GO") for line in lines)
    assert any(line.startswith("old: recall 100.0 %") for line in lines)


def test_names_of_others_stay_text(report):
    """A terminal obeys nothing, and a table keeps its cells."""
    assert all(line.isprintable() for line in stutter_lines(report))
    page = stutter_markdown(report)
    assert "n\\|ew\\\\u001b" in page
    assert page.startswith("# Stutter detection\n")

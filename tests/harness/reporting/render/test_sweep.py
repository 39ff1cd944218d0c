"""A sweep on a terminal."""

from __future__ import annotations

from harness.reporting.render.sweep import sweep_lines


def finding(**changes):
    """Return a finding of a sweep."""
    return {
        "kind": "fin",
        "verdict": "REGRESSION",
        "gate": "fail",
        "baseline": [],
        "candidate": ["text_lost", "held"],
        "variants": 1234,
        "streams": 2,
        "reproduce": "harness compare a/b",
    } | changes


def report(*findings, speed=None, **changes):
    """Return a report with a sweep."""
    sweep = {
        "streams": 3,
        "variants": 12345,
        "offsets": 100,
        "bytes": 97,
        "judged": 1000,
        "checked": 20,
        "unbranched": [],
        "left_out": {},
        "kinds": [],
        "findings": findings,
    } | changes
    return {
        "targets": {"baseline": {"name": "v1"}, "candidate": {"name": "v2"}},
        "sweep": sweep,
        "volatile": {} if speed is None else {"sweep": {"variants_per_s": speed}},
    }


def lines(*args, **changes):
    """Return the lines without their styles."""
    return [line for _, line in sweep_lines(report(*args, **changes))]


def test_the_size_of_a_sweep_comes_first():
    """Variants, streams, and how they were judged."""
    assert [
        "Sweep: 12,345 variants, 2,000 a second",
        "  3 streams, every byte",
        "  1,000 judged, the others ended like one of these; 20 rechecked",
        "",
    ] == lines(speed=2000)[:4]
    assert "Sweep: 12,345 variants" == lines()[0]


def test_a_limit_is_named():
    """Every byte means also the end of each stream."""
    assert (
        "  3 streams, 99 of 100 bytes (--limit 0 takes every one)"
        == (lines(offsets=99)[1])
    )


def test_exceptions_are_named():
    """Targets that cannot be forked, and streams that were left out."""
    found = lines(unbranched=["v1"], left_out={"no events": 2})
    assert "  v1 cannot be forked: each play began at the start" in found
    assert "  2 left out: no events" in found


def test_verdicts_are_counted_by_kind():
    """A kind without variants has no row, a verdict without any no column."""
    kinds = [
        {"kind": "fin", "verdicts": {"IDENTICAL": 1200, "BOTH_WRONG_SAME": 5}},
        {"kind": "rst", "verdicts": {"IDENTICAL": 7}},
        {"kind": "stall", "verdicts": {}},
    ]
    rows = [line.split() for line in lines(kinds=kinds)]
    assert ["fin", "5", "1,200"] in rows
    assert ["rst", "0", "7"] in rows
    assert not [row for row in rows if row[:1] == ["stall"]]


def test_a_finding_has_its_violations_and_its_command():
    """A gating one is red."""
    shown = list(sweep_lines(report(finding())))[-4:]
    assert [
        ("bold red", "REGRESSION fin: 1,234 variants, 2 streams"),
        ("", "  v1: right"),
        ("", "  v2: text_lost, held"),
        ("dim", "  $ harness compare a/b"),
    ] == shown


def test_a_finding_that_passes_is_not_red():
    """It is debt or an improvement."""
    shown = list(sweep_lines(report(finding(verdict="IMPROVED", gate="pass"))))
    assert ("", "IMPROVED fin: 1,234 variants, 2 streams") in shown


def test_equal_answers_are_no_findings():
    """They are only counted."""
    quiet = [finding(verdict=one, gate="pass") for one in ("IDENTICAL", "EQUIVALENT")]
    assert not any("$" in line for line in lines(*quiet))

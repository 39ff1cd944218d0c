"""Hold over all streams of a run."""

from __future__ import annotations

from dataclasses import replace

from harness.judge.checks.hold import Hold
from harness.reporting.document.build import build_report
from harness.reporting.document.timing import hold_facts, hold_totals
from harness.scenario.model import Mode


def test_a_hold_is_nanoseconds():
    """No samples: no hold."""
    hold = Hold(count=3, median_ns=1, p95_ns=2, max_ns=4)
    assert {"count": 3, "max_ns": 4, "median_ns": 1, "p95_ns": 2} == hold_facts(hold)
    assert hold_facts(None) is None


def test_hold_compares_only_what_both_delivered(make_record, make_run, scenarios):
    """A stream that one target got wrong is in no comparison."""
    right = make_record(scenarios[1])
    same = replace(right, baseline=right.candidate)
    report = build_report(make_run(right, same), {})
    totals = report["hold"]["virtual"]
    assert totals["shared"]["baseline"]["streams"] == 1
    assert totals["shared"]["candidate"]["streams"] == 1
    assert totals["own"]["candidate"]["streams"] == 2
    assert totals["own"]["candidate"]["hold"]["max_ns"] == 0


def test_holds_of_one_mode_are_summed_over_its_streams(
    make_record, make_run, scenarios
):
    """The other mode's are left out; every repeat is a stream."""
    record = make_record(scenarios[0], Mode.LIVE)
    held = replace(record.candidate[0], holds_ns=(1, 5))
    wrong = replace(record.baseline[0], holds_ns=())
    both = replace(record, baseline=(held,), candidate=(held, held))
    alone = replace(record, baseline=(wrong,), candidate=(held,))
    totals = hold_totals([both, alone, make_record(scenarios[0])], Mode.LIVE)
    counts = {
        (scope, side): (of["streams"], of["hold"] and of["hold"]["count"])
        for scope, sides in totals.items()
        for side, of in sides.items()
    }
    assert {
        ("own", "baseline"): (1, 2),
        ("own", "candidate"): (3, 6),
        ("shared", "baseline"): (1, 2),
        ("shared", "candidate"): (2, 4),
    } == counts


def test_without_streams_there_is_no_hold():
    """The counts are zero."""
    none = {"streams": 0, "hold": None}
    sides = {"baseline": none, "candidate": none}
    assert {"own": sides, "shared": sides} == hold_totals([], Mode.LIVE)

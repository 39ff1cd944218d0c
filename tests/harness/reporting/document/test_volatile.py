"""The part of a report that differs between equal runs."""

from __future__ import annotations

from dataclasses import replace

from harness.judge.harness_lag import Lag
from harness.reporting.document.build import build_report
from harness.reporting.document.volatile import volatile_facts
from harness.scenario.model import Abort, Mode


def test_figures_of_a_live_violation_are_volatile(scenarios, make_record, make_run):
    """The words of a live finding stand with it, its figures apart."""

    def report_of(lag_ns):
        return build_report(
            make_run(make_record(scenarios[0], Mode.LIVE, lag_ns=lag_ns)), {}
        )

    one, two = report_of(50_000_000), report_of(60_000_000)
    held = one["volatile"]["live"][0]["candidate"][0]["violations"][0]
    assert held == {"kind": "held", "measured": {"max_hold_ms": 50.0}}
    wrong = one["scenarios"][0]["candidate"]["answers"][0]["violations"][0]
    assert (wrong["kind"], wrong["measured"]) == ("held", {})
    del one["volatile"], two["volatile"]
    assert one == two


def test_what_a_live_client_read_before_it_left_is_volatile(
    make_scenario, make_record, make_run
):
    """Neither counts nor differences of an aborted live stream claim to repeat."""
    wanted = make_scenario("client/leaves", abort=Abort(after_events=2))
    report = build_report(make_run(make_record(wanted, Mode.LIVE)), {})
    scenario = report["scenarios"][0]
    answer = scenario["candidate"]["answers"][0]
    assert (answer["events"], answer["text"]) == (None, None)
    assert (scenario["differences"], scenario["first_difference"]) == ([], None)
    contrast = report["volatile"]["live"][0]["contrast"]
    assert contrast["first_difference"]["index"] == 1


def test_facts_of_the_caller_are_kept(virtual_run, volatile):
    """Each may be missing; a sweep's are there only if there was one."""
    facts = volatile_facts(virtual_run, {**volatile, "sweep": {"variants_per_s": 9}})
    assert volatile["machine"] == facts["machine"]
    assert {"variants_per_s": 9} == facts["sweep"]
    facts = volatile_facts(virtual_run, {})
    assert (None, {}) == (facts["run"], facts["targets"])
    assert "sweep" not in facts


def test_only_live_records_are_listed_by_id(make_record, make_run, scenarios):
    """With the time of the head and of the end, and whether the harness was late."""
    late = replace(make_record(scenarios[1], Mode.LIVE), degraded=True)
    run = make_run(
        late, make_record(scenarios[0], Mode.LIVE), make_record(scenarios[2])
    )
    first, second = volatile_facts(run, {})["live"]
    assert [scenarios[0].id, scenarios[1].id] == [first["id"], second["id"]]
    assert (False, True) == (first["degraded"], second["degraded"])
    seen = late.candidate[0].observation
    [answer] = second["candidate"]
    assert (seen.head_at_ns, seen.end_at_ns) == (
        answer["head_at_ns"],
        answer["end_at_ns"],
    )
    assert first["contrast"] is None


def test_the_lag_of_the_harness(virtual_run):
    """A virtual run has none."""
    assert volatile_facts(virtual_run, {})["lag"] is None
    lag = Lag(count=9, p50_ns=1, p99_ns=1_000_001, max_ns=2_000_000)
    facts = volatile_facts(replace(virtual_run, lag=lag), {})["lag"]
    expected = {"count": 9, "p50_ns": 1, "p99_ns": 1_000_001, "max_ns": 2_000_000}
    assert {**expected, "degraded": True} == facts

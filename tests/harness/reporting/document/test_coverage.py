"""The gaps of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.verdict import Gate, Result, Verdict
from harness.reporting.document.build import build_report
from harness.reporting.document.coverage import not_tested
from harness.scenario.model import Mode


def gaps(run):
    """Return the gaps of a run as a dict."""
    return {gap["what"]: gap["detail"] for gap in not_tested(run)}


def test_what_was_not_tested_is_found_from_the_run(
    make_record, make_run, make_scenario, make_call, both_modes_run
):
    """Faults, features, ways of leaving and modes that no scenario has are named."""
    few = make_run(make_record(make_scenario("a/b", make_call("sse_bom"))))
    told = {gap["what"]: gap["detail"] for gap in build_report(few, {})["not_tested"]}
    assert "live" in told
    assert "a client that leaves by RST" in told
    assert "tool calls" in told["features of the protocol"]
    unused = next(detail for what, detail in told.items() if what.endswith(" faults"))
    assert "sse_eol" in unused
    assert "sse_bom" not in unused
    more = build_report(both_modes_run, {})["not_tested"]
    names = {gap["what"] for gap in more}
    assert not names & {"live", "virtual", "a client that leaves by RST"}


def test_scenarios_of_one_mode_only_are_named(make_record, make_run, scenarios):
    """Where a suite runs part of its scenarios live, the report says which it left."""
    run = make_run(
        make_record(scenarios[0]),
        make_record(scenarios[0], Mode.LIVE),
        make_record(scenarios[1]),
    )
    gaps = {gap["what"]: gap["detail"] for gap in build_report(run, {})["not_tested"]}
    assert gaps["1 scenario(s) live"] == (
        "they ran virtual only: stuttering/first-chunk-twice"
    )


def test_a_live_run_that_leaves_nothing_out(both_modes_run):
    """Repeats, pace and the deployment are named only if they were not tested."""
    found = gaps(both_modes_run)
    assert "repeats" in found
    assert "recorded pace" not in found
    assert "the deployment" in found
    settings = replace(both_modes_run.settings, repeats=2, speed=2.5)
    target = replace(both_modes_run.baseline, kind="url")
    found = gaps(replace(both_modes_run, settings=settings, baseline=target))
    assert "repeats" not in found
    assert found["recorded pace"].startswith("all pauses were divided by 2.5: ")
    assert "the deployment" not in found


def test_a_virtual_run_has_no_gaps_of_sockets_only(virtual_run):
    """Repeats, proof and the deployment do not matter there."""
    proofless = replace(virtual_run.candidate, proof=None)
    found = gaps(replace(virtual_run, candidate=proofless))
    assert "live" in found
    assert not {"repeats", "the deployment", "what served a stream in v2"} & set(found)


def test_targets_that_give_less_evidence_are_named(both_modes_run):
    """No relay, no proof, and streams that ran one at a time."""
    target = replace(both_modes_run.candidate, relay=None, proof=None)
    run = replace(both_modes_run, candidate=target, routing={"v2": "turn"})
    found = set(gaps(run))
    assert {
        "v2 in virtual time",
        "what served a stream in v2",
        "streams side by side in v2",
    } <= found
    assert not [what for what in found if what.endswith(" v1")]


@pytest.mark.parametrize("verdict", [Verdict.INVALID, Verdict.UNSTABLE_BASELINE])
def test_scenarios_without_evidence_are_counted(virtual_run, verdict):
    """At most four are named."""
    result = Result(verdict=verdict, gate=Gate.INVALID, reason="x", differences=())
    records = [replace(record, result=result) for record in virtual_run.records]
    detail = gaps(replace(virtual_run, records=tuple(records)))[
        f"7 scenario(s) {verdict}"
    ]
    assert detail.endswith(
        "clean/short-answer, client/leaves-by-reset, errors/in-band, status/429"
        " and 3 more"
    )


def test_handmade_streams_only_are_a_gap(virtual_run):
    """One recorded stream is enough."""

    def handmade(record):
        plan = record.scenario.exchange
        answers = (replace(plan.answers[0], recorded=False),)
        exchange = replace(plan, answers=answers)
        return replace(record, scenario=replace(record.scenario, exchange=exchange))

    first, *others = virtual_run.records
    records = tuple(map(handmade, virtual_run.records))
    assert "recordings" in gaps(replace(virtual_run, records=records))
    assert "recordings" not in gaps(
        replace(virtual_run, records=(first, *map(handmade, others)))
    )


def test_features_that_no_stream_carried_are_named(make_record, make_run, scenarios):
    """A stream of plain text carries few."""
    run = make_run(make_record(scenarios[0]))
    expected = (
        "no stream carried: tool calls, reasoning, refusal, several choices, usage,"
        " comments, an error in band, an error status, text beyond ASCII,"
        " a body framed by its length, a body framed by the end of the connection"
    )
    assert expected == gaps(run)["features of the protocol"]


def test_scenarios_that_could_not_be_played_come_first(virtual_run):
    """With their reason."""
    run = replace(virtual_run, skipped=("a/b: no such cassette",))
    first = not_tested(run)[0]
    assert {"what": "could not be played", "detail": "a/b: no such cassette"} == first


def test_an_error_status_begins_at_400(make_record, make_run, scenarios):
    """Redirects are none."""

    def missing(status):
        record = make_record(scenarios[0])
        attempts = (replace(record.script.attempts[0], status=status),)
        record = replace(record, script=replace(record.script, attempts=attempts))
        return "an error status" in gaps(make_run(record))["features of the protocol"]

    assert [True, False] == [missing(399), missing(400)]


def test_a_list_of_names_is_cut_only_if_it_is_too_long(virtual_run):
    """Four are named, and every unused fault."""
    result = Result(
        verdict=Verdict.INVALID, gate=Gate.INVALID, reason="x", differences=()
    )
    records = tuple(
        replace(record, result=result) for record in virtual_run.records[:4]
    )
    found = gaps(replace(virtual_run, records=records))
    assert found["4 scenario(s) INVALID"].endswith("truncation/no-done")
    assert not [detail for detail in found.values() if "and 0 more" in detail]

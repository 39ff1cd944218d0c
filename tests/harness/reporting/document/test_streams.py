"""The part of a report about a scenario with several streams."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.reporting.document.streams import (
    group_notes,
    stream_facts,
    streams_differ_by_time,
)
from harness.scenario.model import Abort, ClientPlan, Mode, Phase, Streams


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (Streams(count=3), "3 clients together"),
        (Streams(count=3, every_ms=2.5), "3 clients 2.5 ms apart"),
        (
            Streams(count=3, every_ms=2.5, one_connection=True),
            "3 clients one after another on one connection",
        ),
        (
            Streams(count=5, canary=True, abort_ratio=0.4),
            (
                "5 clients together, each stream with its own marker,"
                " 2 of them leave mid-stream"
            ),
        ),
    ],
)
def test_many_clients_are_described(make_scenario, streams, expected):
    """Their number, their starts, and what is special about them."""
    scenario = replace(make_scenario("a/b"), streams=streams)
    assert [expected] == list(group_notes(scenario))


def test_exchanges_outages_and_settings_are_described(make_scenario, make_call):
    """One note each."""
    plain = make_scenario("a/b")
    broken = make_scenario("a/b", make_call("sse_bom"), make_call("sse_eol", eol="cr"))
    scenario = replace(
        plain,
        sequence=(plain.exchange, broken.exchange),
        outage=(Phase(from_ms=100, answer=503),),
        settings={"A": "1", "B": "2"},
    )
    assert [
        "exchange 1: no fault",
        "exchange 2: sse_bom, sse_eol",
        "from 100 ms on the upstream answers 503",
        "with A=1, B=2",
    ] == list(group_notes(scenario))


def test_a_single_stream_has_no_notes(make_scenario):
    """Nor facts by stream."""
    assert [] == list(group_notes(make_scenario("a/b")))


def test_time_decides_only_live(make_record, make_scenario):
    """If clients leave, one by one or some of many, or the upstream is out."""
    record = make_record(make_scenario("a/b"), Mode.LIVE)
    assert not streams_differ_by_time(record)
    leaves = replace(
        record.scenario.exchange, client=ClientPlan(abort=Abort(after_events=1))
    )
    for change in (
        {"streams": Streams(count=4, abort_ratio=0.5)},
        {"sequence": (record.scenario.exchange, leaves)},
        {"outage": (Phase(from_ms=1, answer="reset"),)},
    ):
        scenario = replace(record.scenario, **change)
        assert streams_differ_by_time(replace(record, scenario=scenario))
        assert not streams_differ_by_time(
            replace(record, scenario=scenario, mode=Mode.VIRTUAL)
        )
    many = replace(record.scenario, streams=Streams(count=4))
    assert not streams_differ_by_time(replace(record, scenario=many))


def test_equal_streams_are_grouped(make_record, scenarios):
    """By outcome, status, requests, connection and kinds; their names are listed."""
    record = make_record(scenarios[1])
    right, wrong = record.candidate[0], record.baseline[0]
    assert stream_facts(record, right) is None
    whole = replace(
        wrong,
        parts=(
            replace(right, name="1"),
            replace(wrong, name="2"),
            replace(right, name="3"),
        ),
    )
    first, second = stream_facts(record, whole)
    assert (["1", "3"], True, []) == (
        first["streams"],
        first["correct"],
        first["kinds"],
    )
    assert (["2"], False) == (second["streams"], second["correct"])
    assert sorted({item.kind for item in wrong.violations}) == second["kinds"]
    live = replace(
        record,
        mode=Mode.LIVE,
        scenario=replace(record.scenario, outage=(Phase(from_ms=1, answer="reset"),)),
    )
    assert [["2"]] == [group["streams"] for group in stream_facts(live, whole)]


def test_a_kept_connection_makes_a_group(make_record, scenarios):
    """Streams that differ in nothing else are two groups."""
    record = make_record(scenarios[0])
    one = replace(record.candidate[0], name="1")
    kept = replace(one, name="2", observation=replace(one.observation, reused=True))
    groups = stream_facts(record, replace(one, parts=(one, kept)))
    assert [(["1"], False), (["2"], True)] == [
        (group["streams"], group["kept_connection"]) for group in groups
    ]

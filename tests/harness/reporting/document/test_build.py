from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from jsonschema import Draft202012Validator

from harness.judge.harness_lag import Lag
from harness.judge.verdict import Gate, Result, Verdict
from harness.reporting.document.build import build_report, report_schema
from harness.reporting.files import encode_report
from harness.scenario.model import Mode


def errors_of(report):
    """Return what a report breaks of its schema."""
    validator = Draft202012Validator(report_schema())
    return [
        (list(error.path), error.message) for error in validator.iter_errors(report)
    ]


def entry(report, name, mode="virtual"):
    """Return the entry of a scenario."""
    return next(
        scenario
        for scenario in report["scenarios"]
        if (scenario["id"], scenario["mode"]) == (name, mode)
    )


def test_the_schema_is_one():
    """The schema itself is valid."""
    Draft202012Validator.check_schema(report_schema())


def test_every_object_of_the_schema_is_closed():
    """No object takes keys that the schema does not name, but for maps."""

    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "object" and "properties" in node:
                assert node["additionalProperties"] is False
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(report_schema())


@pytest.mark.parametrize("name", ["virtual_run", "worse_run", "both_modes_run"])
def test_a_report_fits_its_schema(request, name, volatile):
    """Reports of good, bad and mixed runs are valid."""
    run = request.getfixturevalue(name)
    assert errors_of(build_report(run, volatile)) == []


def test_a_report_without_what_its_caller_knows_fits_too(virtual_run):
    """All that a caller adds may be missing."""
    assert errors_of(build_report(virtual_run, {})) == []


def test_scenarios_are_sorted_and_hold_the_facts(virtual_run, volatile):
    """The entry of a scenario says what was played, expected and found."""
    report = build_report(virtual_run, volatile)
    ids = [scenario["id"] for scenario in report["scenarios"]]
    assert ids == sorted(ids)
    cut = entry(report, "truncation/cut-in-an-event")
    assert cut["family"] == "truncation"
    assert cut["verdict"] == "IMPROVED"
    assert cut["faults"] == [
        {
            "name": "close_at",
            "parameters": {"at": {"event": 3, "offset": 40}, "how": "fin"},
        }
    ]
    assert cut["notes"] == ["closed by FIN at {event: 3, offset: 40} (byte 532)"]
    assert cut["oracle"]["candidate"]["ending"] == "error"
    kinds = [wrong["kind"] for wrong in cut["baseline"]["answers"][0]["violations"]]
    assert "cut_not_told" in kinds
    assert cut["candidate"]["answers"][0]["correct"] is True
    assert cut["reproduce"] == (
        "harness compare truncation/cut-in-an-event --seed 7 --virtual"
    )


def test_totals_are_the_sum_of_the_families(both_modes_run, volatile):
    """Every record is counted once."""
    report = build_report(both_modes_run, volatile)
    counted = sum(
        count for row in report["families"] for count in row["verdicts"].values()
    )
    assert counted == sum(report["totals"].values()) == len(report["scenarios"])


def test_two_equal_virtual_runs_are_equal_to_the_byte(
    scenarios, make_record, make_run, volatile
):
    """The part of a virtual run that is not volatile repeats byte for byte."""

    def encoded(started_at, records):
        run = make_run(*(make_record(wanted) for wanted in records))
        report = build_report(run, {**volatile, "started_at": started_at})
        del report["volatile"]
        return encode_report(report)

    assert encoded("one", scenarios) == encoded("two", scenarios[::-1])


def test_live_times_are_volatile_only(scenarios, make_record, make_run, volatile):
    """Live runs that differ in time, lag and place differ nowhere else."""

    def report_of(lag_ns, p99_ns, port):
        records = [
            make_record(wanted, mode, lag_ns=lag_ns)
            for wanted in scenarios
            for mode in Mode
        ]
        # A harness that was late marks its records, and that repeats in no run.
        records = [replace(record, degraded=p99_ns > 1_000_000) for record in records]
        lag = Lag(count=9, p50_ns=1, p99_ns=p99_ns, max_ns=p99_ns)
        targets = {"v1": {"url": f"http://127.0.0.1:{port}"}}
        return build_report(
            make_run(*records, lag=lag), {**volatile, "targets": targets}
        )

    one, two = report_of(1_000, 500, 4001), report_of(2_000_000, 2_000_000, 4002)
    assert one != two
    assert one.pop("volatile") != two.pop("volatile")
    assert encode_report(one) == encode_report(two)


def test_a_scenario_that_could_not_be_played_is_reported(
    make_record, make_run, scenarios
):
    """No answers and no oracle are still a valid entry."""
    invalid = Result(
        verdict=Verdict.INVALID,
        gate=Gate.INVALID,
        reason="a target was not run",
        differences=(),
    )
    record = replace(
        make_record(scenarios[0]),
        expected=None,
        baseline=(),
        candidate=(),
        result=invalid,
    )
    report = build_report(make_run(record), {})
    assert errors_of(report) == []
    assert report["decision"]["result"] == "INVALID"
    told = [gap["what"] for gap in report["not_tested"]]
    assert "1 scenario(s) INVALID" in told


def test_hostile_text_is_printable_in_the_report(
    make_scenario, make_stream, make_record, make_run
):
    """No control character reaches the report, whoever wrote it."""
    wanted = make_scenario(
        "hostile/\x1b[2J",
        response=make_stream("\x1b]0;x\x07", "\u202e", "\x9b"),
        why="one\ntwo \x1b[31m",
    )
    report = build_report(make_run(make_record(wanted)), {"run": "a\x07"})

    def texts(node):
        if isinstance(node, dict):
            for key, value in node.items():
                yield key
                yield from texts(value)
        elif isinstance(node, list):
            for value in node:
                yield from texts(value)
        elif isinstance(node, str):
            yield node

    assert [text for text in texts(report) if not text.isprintable()] == []
    assert report["scenarios"][0]["why"] == "one two \\u001b[31m"


def test_other_targets_are_named_where_a_finding_is_repeated(virtual_run):
    """The line that reproduces a finding is complete, and safe in a shell."""
    other = replace(virtual_run.candidate, name="my gateway")
    run = replace(virtual_run, candidate=other)
    line = build_report(run, {})["scenarios"][0]["reproduce"]
    assert line.endswith("--virtual --candidate 'my gateway'")


def test_the_report_is_canonical_json(virtual_run, volatile):
    """Keys are sorted, and reading and writing it again changes no byte."""
    data = encode_report(build_report(virtual_run, volatile))
    assert data.endswith(b"}\n")
    assert encode_report(orjson.loads(data)) == data
    assert list(orjson.loads(data)) == sorted(orjson.loads(data))

"""The part of a report about one scenario in one mode."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from harness.judge.verdict import Gate, Result, Verdict
from harness.reporting.document.build import build_report
from harness.reporting.document.scenarios import contrast, left_early, scenario_facts
from harness.scenario.model import (
    Abort,
    ClientPlan,
    Mode,
    Pause,
    ReadPlan,
    Streams,
    Waiver,
)


def facts(run):
    """Return the facts about the only scenario of a run."""
    return scenario_facts(run, run.records[0])


def with_client(scenario, **plan):
    """Return a scenario with another client."""
    exchange = replace(scenario.exchange, client=ClientPlan(**plan))
    return replace(scenario, exchange=exchange)


def test_an_answer_that_does_not_repeat_is_told_whole(make_record, make_run, scenarios):
    """Under RACE_SUSPECT every different answer is in the report, each once."""
    record = make_record(scenarios[1])
    race = Result(
        verdict=Verdict.RACE_SUSPECT, gate=Gate.FAIL, reason="x", differences=()
    )
    record = replace(
        record,
        candidate=(record.candidate[0], record.baseline[0], record.candidate[0]),
        result=race,
    )
    side = build_report(make_run(record), {})["scenarios"][0]["candidate"]
    assert side["repeats"] == 3
    assert [answer["correct"] for answer in side["answers"]] == [True, False]


def test_the_first_difference_is_cut_to_its_place(
    make_scenario, make_stream, make_record
):
    """Events can be long: 40 characters before it, 160 in all."""
    record = make_record(make_scenario("a/b", response=make_stream("x" * 300, " y")))
    one = record.candidate[0]
    events = one.reading.events
    assert contrast(replace(record, baseline=(one,)))["first_difference"] is None

    def changed(event):
        reading = replace(one.reading, events=(events[0], event, *events[2:]))
        return replace(record, baseline=(replace(one, reading=reading),))

    at = events[1].data.index("xxx") + 200
    data = f"{events[1].data[:at]}Y{events[1].data[at + 1 :]}"
    first = contrast(changed(replace(events[1], data=data)))["first_difference"]
    assert 1 == first["index"]
    assert first["baseline"].startswith(f'"…{"x" * 40}Yxxx')
    assert first["candidate"].startswith(f'"…{"x" * 41}xxx')
    first = contrast(changed(replace(events[1], type="other")))["first_difference"]
    assert first["baseline"].startswith('event "other", data "{')


def test_a_missing_answer_has_no_differences(make_record, scenarios):
    """Nothing can be compared."""
    record = replace(make_record(scenarios[1]), candidate=())
    assert {"differences": [], "first_difference": None} == contrast(record)


def test_differences_of_a_live_client_that_leaves_are_volatile(
    make_record, make_scenario
):
    """In virtual time they repeat, and so does a live stream that is read whole."""
    leaving = make_scenario("a/leaves", abort=Abort(after_events=2))
    staying = make_scenario("a/stays")
    assert left_early(make_record(leaving, Mode.LIVE))
    assert not left_early(make_record(leaving))
    assert not left_early(make_record(staying, Mode.LIVE))


def test_the_plan_of_the_client(make_run, make_record, make_scenario):
    """Nothing is said about a client that reads everything immediately."""
    plain = make_scenario("a/b")
    assert facts(make_run(make_record(plain)))["client"] is None
    slow = with_client(
        plain,
        read=ReadPlan(bytes_per_s=100, pause=Pause(after_bytes=5, for_ms=2)),
        receive_buffer=4096,
    )
    told = facts(make_run(make_record(slow)))["client"]
    assert 100 == told["reads_bytes_per_s"]
    assert {"after_bytes": 5, "for_ms": 2} == told["pause"]
    assert (4096, None, False) == (
        told["receive_buffer"],
        told["how"],
        told["before_head"],
    )


def test_waivers_and_their_reasons_are_on_one_line(
    make_run, make_record, make_scenario
):
    """Level, owner and last day are in the report."""
    waiver = Waiver(
        level="bytes", reason="one\n two", owner="me", expires=date(2030, 1, 2)
    )
    told = facts(make_run(make_record(make_scenario("a/b", allow=(waiver,)))))
    assert [
        {
            "level": "bytes",
            "reason": "one two",
            "owner": "me",
            "expires": "2030-01-02",
        }
    ] == told["allow"]


def test_notes_name_the_attempt_if_there_are_several(
    make_run, make_record, make_scenario, make_call
):
    """An attempt without a fault is named too."""
    record = make_record(make_scenario("a/b", make_call("sse_bom")))
    [note] = facts(make_run(record))["notes"]
    wire = record.script.attempts[0]
    script = replace(record.script, attempts=(wire, replace(wire, notes=())))
    told = facts(make_run(replace(record, script=script)))["notes"]
    assert [f"attempt 1: {note}", "attempt 2: no fault"] == told


def test_requests_that_the_oracle_allows(make_run, make_record, scenarios):
    """A number, or one and more by retries."""
    record = make_record(scenarios[0])

    def told(**duty):
        one = record.expected[1]
        one = replace(one, duty=replace(one.duty, **duty))
        run = make_run(replace(record, expected=(one, one)))
        return facts(run)["oracle"]["candidate"]["upstream_requests"]

    assert "3" == told(upstream_requests=3)
    assert "1, and more by retries" == told(upstream_requests=None, may_be_retried=True)
    assert "1" == told(upstream_requests=None, may_be_retried=False)


def test_a_scenario_that_was_not_played(make_run, make_record, scenarios):
    """There is no oracle and no answer."""
    invalid = Result(
        verdict=Verdict.INVALID, gate=Gate.INVALID, reason="x", differences=()
    )
    record = replace(
        make_record(scenarios[0]),
        expected=None,
        baseline=(),
        candidate=(),
        result=invalid,
    )
    told = facts(make_run(record))
    assert {"baseline": None, "candidate": None} == told["oracle"]
    assert {"repeats": 0, "answers": []} == told["candidate"]


def test_streams_that_time_decides_have_no_counts(make_run, make_record, scenarios):
    """Live, if some of many clients leave."""
    record = make_record(scenarios[0], Mode.LIVE)
    many = replace(record.scenario, streams=Streams(count=4, abort_ratio=0.5))
    told = facts(make_run(replace(record, scenario=many)))
    [answer] = told["candidate"]["answers"]
    assert (None, None, {}, {}) == (
        answer["events"],
        answer["upstream_requests"],
        answer["clients"],
        answer["liberties"],
    )


def test_an_answer_that_repeats_is_told_once(make_run, make_record, scenarios):
    """The number of repeats is in the report too."""
    record = make_record(scenarios[0])
    right = record.candidate[0]
    other = replace(right, liberties={"x": "did"})
    told = facts(make_run(replace(record, candidate=(right, other))))["candidate"]
    assert (2, 1) == (told["repeats"], len(told["answers"]))

"""The runner: run events, the order of records, the decision and its reasons."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harness.judge.evidence.observation import ClientEnd
from harness.judge.run import (
    RunFinished,
    RunStarted,
    ScenarioJudged,
)
from harness.judge.verdict import Decision, Gate, Result, Verdict
from harness.play import runner
from harness.play.live_run import PlayedScenario
from harness.play.plan import make_plan
from harness.play.runner import finish_run, run
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import Mode
from tests.harness.play.test_plan import SETTINGS, V1, V2, scenario

VIRTUAL = replace(SETTINGS, modes=(Mode.VIRTUAL,))


def played(plan):
    """Run a plan; return its record and the run events."""
    events = []
    return asyncio.run(run(plan, events.append)), events


def test_a_run_is_reported_as_it_happens():
    """What will be played, each judgement, and the end; records are in order."""
    plan = make_plan([scenario("b"), scenario("a")], VIRTUAL, (V2, V2))
    record, events = played(plan)

    assert [RunStarted, ScenarioJudged, ScenarioJudged, RunFinished] == [
        type(event) for event in events
    ]
    assert 2 == events[0].total
    assert ["b", "a"] == [event.record.scenario.id for event in events[1:3]]
    assert ["a", "b"] == [one.scenario.id for one in record.records]
    assert (Decision.GO, None) == (record.decision, record.lag)
    assert ("2 results, and the candidate is not worse anywhere",) == record.reasons


def test_a_plan_for_virtual_time_needs_relays():
    """A plan made by hand may lack them."""
    plan = make_plan([scenario()], VIRTUAL, (V1, V2))
    with pytest.raises(ValueError, match="two relays"):
        played(replace(plan, relays=None))


def test_nothing_played_is_no_evidence():
    """An empty run must not be green."""
    record, _ = played(make_plan([], VIRTUAL, (V1, V2)))
    assert Decision.INVALID is record.decision
    assert ("nothing was played: no evidence",) == record.reasons


def lived(lateness_ns=0, *, second_is_cut=False):
    """Return a stand-in for live play; what it saw is that of virtual time.

    The second repeat may be cut, through both targets.
    """

    async def play_live(scenarios, targets, repeats, emit):
        found = []
        for planned in scenarios:
            sides = []
            for target in targets:
                seen = play_virtual(
                    target.name, load_relay(target.relay), planned.script, {}
                )
                [asked] = seen.upstream
                late = tuple(lateness_ns for _ in asked.sent)
                seen = replace(
                    seen,
                    virtual=False,
                    upstream=(replace(asked, lateness_ns=late),),
                )
                cut = replace(seen, end=ClientEnd.TRUNCATED)
                other = cut if second_is_cut else seen
                sides.append(((seen,), (other,))[:repeats])
            found.append(PlayedScenario(planned=planned, repeats=tuple(sides)))
        return found, {"v1": "header"}

    return play_live


@pytest.mark.parametrize(
    ("late_ns", "degraded"), [(1_000_000, False), (1_000_001, True)]
)
def test_a_late_harness_is_noted(monkeypatch, late_ns, degraded):
    """More than 1 ms: the scenario says so, and the run has the figures."""
    monkeypatch.setattr(runner, "play_live", lived(late_ns))
    settings = replace(SETTINGS, modes=(Mode.LIVE,), repeats=2)
    record, _ = played(make_plan([scenario()], settings, (V2, V2)))

    [one] = record.records
    assert (Mode.LIVE, degraded) == (one.mode, one.degraded)
    assert (2, 2) == (len(one.baseline), len(one.candidate))
    assert late_ns == record.lag.max_ns
    assert {"v1": "header"} == record.routing


def test_the_judged_repeat_comes_first(monkeypatch):
    """The best of the baseline, the worst of the candidate: the rest follow."""
    monkeypatch.setattr(runner, "play_live", lived(second_is_cut=True))
    settings = replace(SETTINGS, modes=(Mode.LIVE,), repeats=2)
    [one] = played(make_plan([scenario()], settings, (V2, V2)))[0].records
    ends = [
        [repeat.observation.end for repeat in side]
        for side in (one.baseline, one.candidate)
    ]
    assert [
        [ClientEnd.COMPLETE, ClientEnd.TRUNCATED],
        [ClientEnd.TRUNCATED, ClientEnd.COMPLETE],
    ] == ends


def test_both_modes_are_sorted_by_scenario_and_mode(monkeypatch):
    """Live runs first, but the record does not show it."""
    monkeypatch.setattr(runner, "play_live", lived())
    record, _ = played(make_plan([scenario("b"), scenario("a")], SETTINGS, (V2, V2)))
    assert [("a", "live"), ("a", "virtual"), ("b", "live"), ("b", "virtual")] == [
        (one.scenario.id, str(one.mode)) for one in record.records
    ]


def result(verdict: Verdict, gate: Gate, reason: str) -> Result:
    """A result with a reason."""
    return Result(verdict=verdict, gate=gate, reason=reason, differences=())


def decided(*results: Result):
    """Decide over results; everything else of their records is the same."""
    plan = make_plan([scenario()], VIRTUAL, (V2, V2))
    [record] = played(plan)[0].records
    records = [replace(record, result=result) for result in results]
    return finish_run(VIRTUAL, (V2, V2), records)


def test_reasons_are_counted_and_at_most_three_are_shown():
    """Only those that made the decision; equal ones are one line."""
    fails = [
        result(Verdict.REGRESSION, Gate.FAIL, reason)
        for reason in ("a", "b", "a", "c", "d", "e")
    ]
    passed = result(Verdict.IDENTICAL, Gate.PASS, "same")
    four, run = decided(*fails[:-1]), decided(passed, *fails)
    assert (4, "and 1 other cause") == (len(four.reasons), four.reasons[-1])

    assert Decision.NO_GO is run.decision
    assert (
        "2 x REGRESSION: a",
        "1 x REGRESSION: b",
        "1 x REGRESSION: c",
        "and 2 other causes",
    ) == run.reasons


def test_one_good_result_is_no_plural():
    """It is a sentence for people."""
    passed = result(Verdict.IDENTICAL, Gate.PASS, "same")
    assert ("1 result, and the candidate is not worse anywhere",) == decided(
        passed
    ).reasons

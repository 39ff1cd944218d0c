"""The plan of a run: modes, what is skipped and why, expectations, speed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import Ending, EndingKind, Request, Response, Segment
from harness.config import Proof, Target
from harness.errors import InputError
from harness.faults.registry import FaultCall, FaultError
from harness.judge.oracle.oracle import Contract
from harness.judge.run import RunSettings
from harness.play.plan import make_plan, plan_scenario, target_facts
from harness.scenario.model import (
    Answer,
    ExchangePlan,
    Mode,
    Phase,
    Scenario,
    Streams,
)

MS = 1_000_000
TEXT = b'{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}'
V1 = Target(
    name="v1",
    contract=Contract.TRANSPARENT,
    command=("x",),
    relay="proxy.v1:make_relay",
)
V2 = replace(V1, name="v2", contract=Contract.REPAIRING, relay="proxy.v2:make_relay")
SETTINGS = RunSettings(
    seed=1, modes=(Mode.LIVE, Mode.VIRTUAL), repeats=1, speed=1.0, suite="pr"
)


def scenario(name="s/one", *faults, **changes) -> Scenario:
    """A whole answer of two events, 100 ms apart."""
    segments = (
        Segment(at_ns=100 * MS, data=b"data: %b\n\n" % TEXT),
        Segment(at_ns=200 * MS, data=b"data: [DONE]\n\n"),
    )
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(
            ("content-type", "text/event-stream"),
            ("transfer-encoding", "chunked"),
        ),
        segments=segments,
        ending=Ending(at_ns=300 * MS, kind=EndingKind.COMPLETE),
    )
    request = Request(method="POST", path="/v1/x", headers=(), body=b"{}")
    answer = Answer(response=response, recorded=False, faults=faults)
    whole = Scenario(
        id=name,
        why="planned",
        tags=(),
        exchange=ExchangePlan(request=request, answers=(answer,)),
    )
    return replace(whole, **changes)


FRESH = scenario(
    "s/fresh",
    streams=Streams(count=3, every_ms=100),
    outage=(Phase(from_ms=0, answer="refuse"), Phase(from_ms=400, answer="ok")),
)
TOO_FAR = FaultCall(name="close_at", parameters={"at": {"event": 9}})


def ids(planned) -> list[str]:
    """The scenarios of a plan."""
    return [one.scenario.id for one in planned]


def test_a_scenario_is_planned_for_its_modes():
    """Live, virtual, or both, as far as the run has these modes."""
    scenarios = [
        scenario("both"),
        scenario("live", modes=(Mode.LIVE,)),
        scenario("virtual", modes=(Mode.VIRTUAL,)),
    ]
    plan = make_plan(scenarios, SETTINGS, (V1, V2))
    assert (["both", "live"], ["both", "virtual"]) == (
        ids(plan.live),
        ids(plan.virtual),
    )
    only = make_plan(scenarios, replace(SETTINGS, modes=(Mode.VIRTUAL,)), (V1, V2))
    assert ([], ["both", "virtual"]) == (ids(only.live), ids(only.virtual))


def test_without_two_relays_there_is_no_virtual_time():
    """The settings of the run then say so, and nothing is planned for it."""
    plan = make_plan([scenario()], SETTINGS, (V1, replace(V2, relay=None)))
    assert ((Mode.LIVE,), None, ()) == (plan.settings.modes, plan.relays, plan.virtual)


def test_relays_are_not_loaded_for_a_live_run():
    """A wrong path does no harm there, and is an error where it is needed."""
    wrong = replace(V2, relay="nowhere:make_relay")
    live = replace(SETTINGS, modes=(Mode.LIVE,))
    assert make_plan([scenario()], live, (V1, wrong)).relays is None
    with pytest.raises(InputError, match="nowhere"):
        make_plan([scenario()], SETTINGS, (V1, wrong))


def test_a_tag_limits_what_runs_live():
    """Virtual time plays all of them."""
    scenarios = [scenario("a", tags=("pr", "x")), scenario("b", tags=("x",))]
    plan = make_plan(scenarios, SETTINGS, (V1, V2), live_tag="pr")
    assert (["a"], ["a", "b"]) == (ids(plan.live), ids(plan.virtual))


def test_a_fault_that_cannot_apply_stops_the_plan_unless_it_is_skipped():
    """One fault over many recordings does not fit all of them."""
    scenarios = [scenario("a", TOO_FAR), scenario("b")]
    with pytest.raises(FaultError):
        make_plan(scenarios, SETTINGS, (V1, V2))
    plan = make_plan(scenarios, SETTINGS, (V1, V2), skip_inapplicable=True)
    assert ["b"] == ids(plan.virtual)
    [skipped] = plan.skipped
    assert skipped.startswith("a: ")
    assert "9" in skipped


def test_a_target_that_was_not_started_here_cannot_play_an_outage_live():
    """Neither its settings nor what an outage leaves behind can be undone."""
    running = replace(V2, command=None, url="http://127.0.0.1:9")
    plan = make_plan([FRESH, scenario("a")], SETTINGS, (V1, running))
    assert (["a"], ["s/fresh", "a"]) == (ids(plan.live), ids(plan.virtual))
    expected = (
        "s/fresh: to run live it needs new processes, but v2 was not started by the "
        "harness"
    )
    assert (expected,) == plan.skipped
    own = make_plan([FRESH, scenario("a")], SETTINGS, (V1, V2))
    assert (["s/fresh", "a"], ()) == (ids(own.live), own.skipped)


def test_what_is_expected_follows_the_contract_of_each_target():
    """The oracle may demand of a repairing proxy what a transparent one must not do."""
    cut = FaultCall(name="close_at", parameters={"at": {"event": 1}})
    both = plan_scenario(scenario("s/cut", cut), SETTINGS, (V1, V2)).expected
    same = plan_scenario(scenario("s/cut", cut), SETTINGS, (V1, V1)).expected
    assert both[0] != both[1]
    assert same[0] == same[1] == both[0]


def test_streams_with_one_script_share_their_expectation():
    """Forty clients that ask the same need one computation."""
    planned = plan_scenario(scenario(streams=Streams(count=3)), SETTINGS, (V1, V2))
    one, *others = planned.expected[0]
    assert all(other is one for other in others)
    assert 2 == len(others)


def test_speed_divides_every_time():
    """Of writes, of starts, and of the phases of an outage."""
    fast = plan_scenario(FRESH, replace(SETTINGS, speed=2.0), (V1, V2)).program
    slow = plan_scenario(FRESH, SETTINGS, (V1, V2)).program
    assert [0, 50 * MS, 100 * MS] == [part.start_ns for part in fast.streams]
    assert [0, 200] == [phase.from_ms for phase in fast.phases]
    fast_ends, slow_ends = (
        [wire.end_at_ns for wire in program.streams[0].script.drafts]
        for program in (fast, slow)
    )
    assert [at_ns // 2 for at_ns in slow_ends] == fast_ends
    assert [(at_ns // 2, n) for at_ns, n in slow.streams[0].script.outage] == list(
        fast.streams[0].script.outage
    )


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        (None, None),
        (Proof(header=("x-arm", "v1")), "header x-arm: v1"),
        (Proof(log="served by"), "log: served by"),
    ],
)
def test_the_report_says_how_a_target_proves_itself(proof, words):
    """In words, together with the kind of target."""
    facts = target_facts(replace(V1, proof=proof))
    assert ("v1", "command", words) == (facts.name, facts.kind, facts.proof)
    assert "url" == target_facts(replace(V1, command=None, url="http://x")).kind

"""Many streams of one scenario: what only all together show, with planted relays."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.group import GroupExpectation, judge_group
from harness.judge.judgement import Judgement
from harness.judge.limits import virtual_limits
from harness.judge.oracle.oracle import Contract
from harness.judge.verdict import Decision, Verdict, decide, verdict_of
from harness.scenario.model import Bounds, Expect, Phase, Streams

WORDS = ("Once", " upon", " a", " time", " there", " was", " an", " end", ".")
RELAYS = "tests.planted.relays"
OUTAGE = (Phase(from_ms=0, answer=503), Phase(from_ms=2_500, answer="ok"))
PATIENT = Expect(status=(200, 503), max_probes=1, recovers_within_ms=1_500)


def many(bench, count=12, **streams):
    """Clients that ask the same, each with a marker."""
    return replace(
        bench.scenario(bench.answer(*WORDS)),
        streams=Streams(count=count, canary=True, **streams),
    )


def storm(bench, expect=PATIENT, phases=OUTAGE, **streams):
    """A client every 50 ms, and an upstream that fails for a while."""
    plan = Streams(count=100, every_ms=50, **streams)
    return replace(
        bench.scenario(bench.answer(*WORDS), expect=expect), streams=plan, outage=phases
    )


@pytest.mark.parametrize("relay", [f"{RELAYS}:passing", "proxy.v2:make_relay"])
@pytest.mark.parametrize("every_ms", [0, 7])
def test_streams_side_by_side_stay_apart(bench, relay, every_ms):
    """Each has its own text and nothing of another."""
    seen = bench.play_group(relay, many(bench, every_ms=every_ms, abort_ratio=0.3))

    assert [] == bench.kinds(seen)
    assert 12 == len(seen.parts)
    assert 4 == sum(part.outcome == "aborted" for part in seen.parts)


@pytest.mark.parametrize(
    ("relay", "where"), [("cross_talk", "body"), ("cross_talk_head", "head")]
)
def test_text_of_another_stream_is_found_and_named(bench, relay, where):
    """In the body and in the head."""
    wanted = many(bench)
    wrong = bench.play_group(f"{RELAYS}:{relay}", wanted)
    result = verdict_of([bench.play_group(f"{RELAYS}:passing", wanted)], [wrong])
    talk = next(item for item in wrong.violations if item.kind == "cross_talk")

    assert where in talk.where
    assert "stream" in talk.got
    assert Decision.NO_GO is decide([result])
    assert "cross_talk" in result.reason


def test_unchanged_streams_are_identical(bench):
    """Pair by pair."""
    wanted = many(bench)
    result = verdict_of(
        [bench.play_group("proxy.v2:make_relay", wanted)],
        [bench.play_group("proxy.v2:make_relay", wanted)],
    )

    assert Verdict.IDENTICAL is result.verdict


@cache
def in_storm(bench, relay) -> Judgement:
    """How a planted relay fares in the storm; played once for all tests."""
    return bench.play_group(f"{RELAYS}:{relay}", storm(bench))


def test_circuit_that_opens_and_closes_is_right(bench):
    """An open circuit need not serve clients; one request at a time probes."""
    seen = in_storm(bench, "circuit")
    asked = [part for part in seen.parts if part.observation.upstream]

    assert [] == bench.kinds(seen)
    assert 0 < len(asked) < 100


def test_circuit_beside_none_is_expected(bench):
    """It is allowed, not demanded."""
    without = in_storm(bench, "passing")
    result = verdict_of([without], [in_storm(bench, "circuit")])

    assert [] == bench.kinds(without)
    assert Verdict.EXPECTED_DIVERGENCE is result.verdict
    assert "circuit breaker is allowed, not demanded" in result.reason


def test_a_scenario_may_demand_the_circuit(bench):
    """By the number of requests while the upstream is down."""
    phases = (replace(OUTAGE[0], upstream_requests=Bounds(at_most=10)), OUTAGE[1])
    wanted = storm(bench, phases=phases)

    without = bench.play_group(f"{RELAYS}:passing", wanted)
    assert "upstream_requests" in bench.kinds(without)
    assert [] == bench.kinds(bench.play_group(f"{RELAYS}:circuit", wanted))


@pytest.mark.parametrize(
    ("relay", "kind"),
    [("circuit_herd", "probe_herd"), ("circuit_wedge", "breaker_wedged")],
)
def test_planted_circuits_turn_the_gate_red_and_are_named(bench, relay, kind):
    """A herd of simultaneous probes, a circuit that stays open."""
    right = in_storm(bench, "circuit")
    wrong = in_storm(bench, relay)
    result = verdict_of([right], [wrong])

    assert [] == bench.kinds(right)
    assert kind in bench.kinds(wrong)
    assert Decision.NO_GO is decide([result])
    assert kind in result.reason


def test_circuit_that_counts_leaving_clients_is_a_misfire(bench):
    """The upstream is well, but after three clients left the next is rejected."""
    wanted = many(bench, count=20, every_ms=200, abort_ratio=0.6)
    right = bench.play_group(f"{RELAYS}:circuit", wanted)
    wrong = bench.play_group(f"{RELAYS}:circuit_misfire", wanted)
    result = verdict_of([right], [wrong])

    assert [] == bench.kinds(right)
    assert "breaker_misfire" in bench.kinds(wrong)
    assert Decision.NO_GO is decide([result])


def test_requests_are_counted_over_all_streams(bench):
    """A number for the scenario, not for each stream."""
    exact = Expect(upstream_requests=Bounds(at_least=12, at_most=12))
    wanted = many(bench)
    wanted = replace(wanted, exchange=replace(wanted.exchange, expect=exact))

    assert [] == bench.kinds(bench.play_group(f"{RELAYS}:passing", wanted))
    doubled = bench.play_group(f"{RELAYS}:two_requests", wanted)
    assert "upstream_requests" in bench.kinds(doubled)


def test_exchanges_follow_one_another_in_virtual_time(bench):
    """The second begins when the first is over, on the same clock."""
    first = bench.scenario(bench.answer(*WORDS))
    cut = bench.scenario(
        bench.answer(*WORDS), ("close_at", {"at": {"frac": 0.5}, "how": "rst"})
    )
    seen = bench.play_group(
        "proxy.v2:make_relay",
        replace(first, sequence=(first.exchange, cut.exchange, first.exchange)),
    )
    starts = [part.observation.started_ns for part in seen.parts]
    ends = [part.observation.end_at_ns for part in seen.parts]

    assert [] == bench.kinds(seen)
    assert ["complete", "error", "complete"] == [part.outcome for part in seen.parts]
    assert starts[1] == ends[0]
    assert starts[2] == starts[1] + ends[1]


def test_all_streams_repeat_to_the_bit(bench):
    """Races are exact in virtual time."""
    wanted = storm(bench)
    again = [bench.play_group(f"{RELAYS}:circuit", wanted) for _ in range(2)]
    plays = [in_storm(bench, "circuit"), *again]

    assert 1 == len({repr([part.observation for part in one.parts]) for one in plays})


MS = 1_000_000
FAILS = ("status", {"code": 503})


def answered_alone(bench, at_ms) -> Observation:
    """A client that the target answered with 503 without asking the upstream."""
    seen = bench.observed([], status=503, headers=(), upstream=(), end_at_ns=2 * MS)
    return replace(seen, started_ns=at_ms * MS)


def asked(bench, at_ms, for_ms) -> Observation:
    """A client whose request occupied the upstream that long; its answer is at 1 ms."""
    seen = bench.observed([], status=503, headers=())
    [request] = seen.upstream
    request = replace(request, sent=((1 * MS, 1),), closed_at_ns=for_ms * MS)
    return replace(seen, upstream=(request,), started_ns=at_ms * MS)


def herds(bench, failing, healthy=(), most=1) -> list[float]:
    """The herds that a circuit lets through which opened at 2 ms."""
    scenarios = [bench.scenario(bench.answer(*WORDS), FAILS)] * (1 + len(failing))
    scenarios += [bench.scenario(bench.answer(*WORDS))] * len(healthy)
    seen = [answered_alone(bench, at_ms=0)]
    seen += [asked(bench, at_ms, for_ms) for at_ms, for_ms in (*failing, *healthy)]
    expected = [
        bench.expectation(bench.script(one, seed=1), Contract.REPAIRING, Expect())
        for one in scenarios
    ]
    names = tuple(f"stream {number}" for number in range(len(seen)))
    group = GroupExpectation(
        names=names, markers=(None,) * len(names), expect=Expect(max_probes=most)
    )
    found = judge_group(expected, seen, virtual_limits(), group).violations
    return [one.measured["requests"] for one in found if one.kind == "probe_herd"]


@pytest.mark.parametrize(
    ("failing", "most", "found"),
    [
        ([(10, 5)], 1, []),
        ([(10, 5), (16, 5)], 1, []),
        ([(10, 5), (15, 5)], 1, [2]),
        ([(10, 50), (20, 5), (40, 5)], 1, [2]),
        ([(10, 50), (20, 50)], 2, []),
        ([(10, 50), (20, 50), (30, 50)], 2, [3]),
        ([(1, 50), (10, 5)], 1, []),
    ],
)
def test_one_probe_too_many_is_a_herd(bench, failing, most, found):
    """Only requests that overlap count, and only after the circuit opened."""
    assert found == herds(bench, failing, most=most)


def test_after_a_success_any_number_may_ask(bench):
    """The circuit closes with its first byte; until then it is a probe too."""
    assert [] == herds(bench, [(30, 50), (40, 50)], healthy=[(20, 5)])
    assert [3] == herds(bench, [(10, 50), (15, 50)], healthy=[(20, 5)])


def test_request_before_the_first_failure_is_demanded(bench):
    """A circuit may open for a failure only; before it an answer alone is a misfire."""
    scenarios = [bench.scenario(bench.answer(*WORDS), FAILS)] * 2
    expected = [
        bench.expectation(bench.script(one, seed=1), Contract.REPAIRING, Expect())
        for one in scenarios
    ]
    group = GroupExpectation(names=("one", "two"), markers=(None, None))

    def misfires(at_ms: int) -> list[str]:
        seen = [answered_alone(bench, at_ms=0), asked(bench, at_ms, 5)]
        found = judge_group(expected, seen, virtual_limits(), group).violations
        return [one.where for one in found if one.kind == "breaker_misfire"]

    assert [] == misfires(at_ms=2)
    assert ["one, upstream"] == misfires(at_ms=3)


def group_of(bench, scenarios, seen, **more):
    """The judgement of those streams as one group."""
    expected = [
        bench.expectation(
            bench.script(one, seed=1), Contract.REPAIRING, one.exchange.expect
        )
        for one in scenarios
    ]
    names = ("one", "two", "three")[: len(seen)]
    group = GroupExpectation(names=names, markers=(None,) * len(names), **more)
    return judge_group(expected, seen, virtual_limits(), group)


def test_success_before_the_circuit_opened_closes_nothing(bench):
    """Its first byte was at 1 ms, the circuit opened at 2 ms."""
    assert [2] == herds(bench, [(10, 50), (15, 50)], healthy=[(0, 5)])


@pytest.mark.parametrize(("at_ms", "wedged"), [(149, False), (150, True)])
def test_circuit_has_closed_when_recovery_is_due(bench, at_ms, wedged):
    """50 ms, when the upstream is back, and 100 ms more."""
    seen = group_of(
        bench,
        [bench.scenario(bench.answer(*WORDS))],
        [answered_alone(bench, at_ms=at_ms)],
        phases=(Phase(from_ms=0, answer=503), Phase(from_ms=50, answer="ok")),
        expect=Expect(recovers_within_ms=100),
    )

    assert wedged is ("breaker_wedged" in bench.kinds(seen))


def test_requests_of_a_single_stream_are_counted_once(bench):
    """By the stream's own check."""
    expect = Expect(upstream_requests=Bounds(at_least=2))
    wanted = bench.scenario(bench.answer(*WORDS), expect=expect)
    seen = group_of(
        bench, [wanted], [bench.observed(bench.answer(*WORDS))], expect=expect
    )

    assert ["one, upstream"] == [one.where for one in seen.violations]


def test_no_answer_at_all_is_no_open_circuit(bench):
    """Where the upstream was asked and answered, its status is due."""
    lost = replace(asked(bench, 0, 5), status=None, end=ClientEnd.RESET)
    wanted = bench.scenario(bench.answer(*WORDS), FAILS)

    assert "status_changed" in bench.kinds(group_of(bench, [wanted], [lost]))


def test_the_same_wrong_in_two_streams_is_reported_once(bench):
    """With the first stream, and the number of all."""
    wanted = [bench.scenario(bench.answer(*WORDS))] * 3
    right, wrong = (
        bench.observed(events)
        for events in (bench.answer(*WORDS), bench.answer("Once", *WORDS[2:]))
    )
    seen = group_of(bench, wanted, [right, wrong, wrong])

    [lost] = [one for one in seen.violations if one.kind == "text_lost"]
    assert ("two, choice 0 content", 2) == (lost.where, lost.measured["streams"])
    assert () == seen.holds_ns


def test_choice_of_one_stream_is_the_groups(bench):
    """However many made none."""
    events = bench.answer(*WORDS)
    wanted = [bench.scenario(events[:-1])] * 2
    seen = group_of(bench, wanted, [bench.observed(e) for e in (events[:-1], events)])

    assert "to add [DONE]" == seen.liberties["done_synthesis"]

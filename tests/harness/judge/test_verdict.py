from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from harness.judge.check import Judgement
from harness.judge.compare import Level, compare, first_difference
from harness.judge.observation import ClientEnd
from harness.judge.verdict import (
    EXIT_CODES,
    Decision,
    Gate,
    Result,
    Verdict,
    decide,
    verdict_of,
)
from harness.judge.violation import Kind, Violation
from harness.scenario.model import Waiver

WORDS = ("Once", " upon", " a", " time", ".")


def violation(kind: Kind, got: str = "x") -> Violation:
    """A violation of that kind."""
    return Violation(kind=kind, where="somewhere", expected="y", got=got)


@pytest.fixture
def right(bench) -> Judgement:
    """A right answer."""
    return bench.play("proxy.v2:make_relay", bench.scenario(bench.answer(*WORDS)))


def wrong(judgement: Judgement, *kinds: Kind) -> Judgement:
    """The same answer, judged wrong in those ways."""
    return replace(judgement, violations=tuple(violation(kind) for kind in kinds))


def with_observation(judgement: Judgement, **changes) -> Judgement:
    """The same judgement of a changed observation."""
    return replace(judgement, observation=replace(judgement.observation, **changes))


def test_same_bytes_and_right_is_identical(right):
    """Nothing differs."""
    assert Verdict.IDENTICAL is verdict_of([right], [right]).verdict


def test_other_borders_and_right_is_equivalent(right):
    """The same message in other bytes is no difference that a client notices."""
    body = right.observation.body.replace(b"data: ", b"data:")
    other = with_observation(right, reads=((1, body),))

    assert Verdict.EQUIVALENT is verdict_of([right], [other]).verdict


@pytest.mark.parametrize(
    ("one", "two", "verdict", "gate"),
    [
        ((), (Kind.TEXT_LOST,), Verdict.REGRESSION, Gate.FAIL),
        ((Kind.TEXT_LOST,), (), Verdict.IMPROVED, Gate.PASS),
        ((Kind.TEXT_LOST,), (Kind.TEXT_LOST,), Verdict.BOTH_WRONG_SAME, Gate.PASS),
        (
            # A smaller wrong is still a new one: the baseline's must not hide it.
            (Kind.SILENT_TRUNCATION,),
            (Kind.FALSE_FAILURE,),
            Verdict.BOTH_WRONG_DIFFERENT,
            Gate.FAIL,
        ),
        (
            (Kind.COMMENT_LOST,),
            (Kind.HANG,),
            Verdict.BOTH_WRONG_DIFFERENT,
            Gate.FAIL,
        ),
        (
            (Kind.TEXT_LOST, Kind.COMMENT_LOST),
            (Kind.TEXT_LOST,),
            Verdict.BOTH_WRONG_DIFFERENT,
            Gate.PASS,
        ),
        (
            (Kind.TEXT_LOST,),
            (Kind.TEXT_ADDED,),
            Verdict.BOTH_WRONG_DIFFERENT,
            Gate.FAIL,
        ),
    ],
)
def test_wrongs_decide_the_verdict(right, one, two, verdict, gate):
    """The oracle says who is wrong; severity says who is worse."""
    found = verdict_of([wrong(right, *one)], [wrong(right, *two)])

    assert (verdict, gate) == (found.verdict, found.gate)


def test_difference_that_nothing_explains_fails(right):
    """Two right answers that differ in a header are unexplained, and fail closed."""
    other = with_observation(
        right, headers=(*right.observation.headers, (b"x-new", b"1"))
    )
    found = verdict_of([right], [other])

    assert (Verdict.UNEXPLAINED, Gate.FAIL) == (found.verdict, found.gate)
    assert "transport" in found.reason


def test_waiver_covers_its_level_and_no_wrong(right):
    """A waiver accepts a difference between right answers; a wrong cannot be waived."""
    waiver = Waiver(
        level="transport", reason="known", owner="us", expires=date(2099, 1, 1)
    )
    other = with_observation(
        right, headers=(*right.observation.headers, (b"x-new", b"1"))
    )

    accepted = verdict_of([right], [other], [waiver])
    assert (Verdict.EXPECTED_DIVERGENCE, Gate.PASS) == (accepted.verdict, accepted.gate)
    refused = verdict_of([right], [wrong(other, Kind.TEXT_LOST)], [waiver])
    assert Verdict.REGRESSION is refused.verdict
    elsewhere = verdict_of([right], [other], [replace(waiver, level="message")])
    assert Verdict.UNEXPLAINED is elsewhere.verdict


def test_invalid_evidence_comes_first(right):
    """What proves nothing cannot be right or wrong."""
    invalid = with_observation(wrong(right, Kind.HANG), invalid="not reached")
    found = verdict_of([right], [invalid])

    assert (Verdict.INVALID, Gate.INVALID) == (found.verdict, found.gate)
    assert "not reached" == found.reason
    assert Verdict.INVALID is verdict_of([], [right]).verdict


def test_answers_that_do_not_repeat(bench, right):
    """A baseline that wavers proves nothing; a candidate that does is a suspect."""
    other = bench.play("proxy.v2:make_relay", bench.scenario(bench.answer("No", ".")))

    assert (
        Verdict.UNSTABLE_BASELINE is verdict_of([right, other], [right, right]).verdict
    )
    suspect = verdict_of([right, right], [right, other])
    assert (Verdict.RACE_SUSPECT, Gate.FAIL) == (suspect.verdict, suspect.gate)


def result(gate: Gate) -> Result:
    """A result with that gate."""
    return Result(
        verdict=Verdict.IDENTICAL, gate=gate, reason="because", differences=()
    )


@pytest.mark.parametrize(
    ("gates", "decision", "code"),
    [
        ([], Decision.INVALID, 4),
        ([Gate.PASS], Decision.GO, 0),
        ([Gate.PASS, Gate.INCONCLUSIVE], Decision.INCONCLUSIVE, 3),
        ([Gate.FAIL, Gate.INCONCLUSIVE], Decision.NO_GO, 1),
        ([Gate.FAIL, Gate.INVALID], Decision.INVALID, 4),
    ],
)
def test_worst_gate_decides(gates, decision, code):
    """INVALID, then NO-GO, then INCONCLUSIVE, then GO; no evidence is INVALID."""
    found = decide([result(gate) for gate in gates])

    assert (decision, code) == (found, EXIT_CODES[found])


def test_levels_that_differ_are_named(bench, right):
    """Every level of two answers is compared by itself."""
    other = bench.play("proxy.v2:make_relay", bench.scenario(bench.answer("No", ".")))
    cut = with_observation(other, end=ClientEnd.TRUNCATED, status=502)

    levels = {difference.level for difference in compare(right, cut)}

    assert {Level.TRANSPORT, Level.BYTES, Level.EVENTS, Level.MESSAGE} <= levels


def test_first_event_that_differs_passes_over_empty_ones(bench, right):
    """An empty event would move all others out of step."""
    v1 = bench.play(
        "proxy.v1:make_relay",
        bench.scenario([bench.chunk({"role": "assistant"}), *bench.answer(*WORDS)]),
    )
    same = bench.play(
        "proxy.v2:make_relay",
        bench.scenario([bench.chunk({"role": "assistant"}), *bench.answer(*WORDS)]),
    )

    assert "empty_event" in bench.kinds(v1)
    assert first_difference(v1, same) is None
    assert 0 == first_difference(right, same).index

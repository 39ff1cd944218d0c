from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from harness.judge.evidence.outcome import Outcome
from harness.judge.judgement import Judgement
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


def with_header(judgement: Judgement, value: bytes) -> Judgement:
    """The same answer with one header more."""
    headers = (*judgement.observation.headers, (b"x-new", value))
    return with_observation(judgement, headers=headers)


def test_header_of_its_own_is_harmless(right):
    """A proxy may add a header; what clients act on, the oracle demands."""
    found = verdict_of([right], [with_header(right, b"1")])

    assert Verdict.EQUIVALENT is found.verdict


def test_difference_that_nothing_explains_fails(right):
    """Two right answers that differ in a header are unexplained, and fail closed."""
    found = verdict_of([with_header(right, b"0")], [with_header(right, b"1")])

    assert (Verdict.UNEXPLAINED, Gate.FAIL) == (found.verdict, found.gate)
    assert "transport" in found.reason


def test_waiver_covers_its_level_and_no_wrong(right):
    """A waiver accepts a difference between right answers; a wrong cannot be waived."""
    waiver = Waiver(
        level="transport", reason="known", owner="us", expires=date(2099, 1, 1)
    )
    right, other = with_header(right, b"0"), with_header(right, b"1")

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


def test_worst_repeat_of_the_candidate_is_judged(right):
    """What is wrong in one repeat of five is wrong; a baseline may waver more."""
    late = wrong(right, Kind.HELD)
    found = verdict_of([right, late], [right, right, late])
    assert Verdict.REGRESSION is found.verdict

    once = wrong(right, Kind.AFTER_DONE)
    assert Verdict.RACE_SUSPECT is verdict_of([right], [right, once]).verdict


def test_delay_that_grows_is_worse(right):
    """More than 1.5 times as long, and 50 ms, is no known debt; less is noise."""

    def held(ms: float) -> Judgement:
        one = replace(violation(Kind.HELD), measured={"max_hold_ms": ms})
        return replace(right, violations=(one,))

    assert Verdict.BOTH_WRONG_SAME is verdict_of([held(200)], [held(350)]).verdict
    grown = verdict_of([held(200)], [held(350.5)])
    assert (Verdict.BOTH_WRONG_DIFFERENT, Gate.FAIL) == (grown.verdict, grown.gate)
    assert Gate.PASS is verdict_of([held(500)], [held(25)]).gate


def test_target_that_ends_a_stall_is_no_difference_to_fear(right):
    """Where a hang is allowed, ending it is better; the reverse is not."""
    hangs = replace(right, outcome=Outcome.HANG)
    told = replace(right, outcome=Outcome.ERROR)

    assert Gate.PASS is verdict_of([hangs], [told]).gate
    assert Verdict.UNEXPLAINED is verdict_of([told], [hangs]).verdict


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


@pytest.mark.parametrize(
    ("virtual", "outcome", "verdict"),
    [
        (False, Outcome.ABORTED, Verdict.EQUIVALENT),
        (True, Outcome.ABORTED, Verdict.UNEXPLAINED),
        (False, Outcome.COMPLETE, Verdict.UNEXPLAINED),
    ],
)
def test_how_far_a_client_came_before_it_left_is_chance(
    bench, right, virtual, outcome, verdict
):
    """Over a socket; in virtual time both read the same, or one of them held back."""
    shorter = bench.play(
        "proxy.v2:make_relay", bench.scenario(bench.answer(*WORDS[:3]))
    )
    one, two = (
        replace(with_observation(answer, virtual=virtual), outcome=outcome)
        for answer in (right, shorter)
    )
    assert verdict is verdict_of([one], [two]).verdict


def test_fewer_wrongs_of_the_same_kinds_pass(right):
    """Though the one that is left looks different."""
    one = (violation(Kind.TEXT_LOST), violation(Kind.COMMENT_LOST))
    two = (violation(Kind.TEXT_LOST, got="other words"),)
    pair = [replace(right, violations=found) for found in (one, two)]

    assert Gate.PASS is verdict_of(pair[:1], pair[1:]).gate
    assert Gate.FAIL is verdict_of(pair[1:], pair[:1]).gate


def test_figures_in_words_about_time_are_no_other_wrong(right):
    """In virtual time they are part of what was got."""
    one, two = (
        replace(right, violations=(violation(Kind.HELD, got=f"held {ms} ms"),))
        for ms in (200, 210)
    )

    assert Verdict.BOTH_WRONG_SAME is verdict_of([one], [two]).verdict

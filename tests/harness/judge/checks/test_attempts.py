"""A retry is allowed before the client has anything, and at no other time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.checks.attempts import check_requests
from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.reading import EMPTY_READING, read_stream
from harness.judge.oracle.oracle import Contract
from harness.judge.verdict import Decision, Verdict, decide, verdict_of
from harness.scenario.model import Bounds, Expect

FIRST = ("Once", " upon", " a", " time", " there", " was", " an", " end", ".")
SECOND = ("Quite", " another", " text", " than", " before", ".")
BUSY = ("status", {"code": 503})
BUSY_A_SECOND = ("status", {"code": 429, "headers": {"retry-after": "1"}})
NO_HEAD = ("close_before_head", {"how": "rst"})
CUT = ("close_at", {"at": {"frac": 0.6}, "how": "fin"})
RELAYS = "tests.planted.relays"


def scenario(bench, first, **more):
    """A first attempt that fails so, and a second one that is right."""
    takes = (
        bench.attempt(bench.answer(*FIRST), first),
        bench.attempt(bench.answer(*SECOND)),
    )
    return bench.scenario(bench.answer(*FIRST), attempts=takes, **more)


@pytest.mark.parametrize("fault", [BUSY, BUSY_A_SECOND, NO_HEAD])
def test_answer_of_the_attempt_that_was_played_last_is_right(bench, fault):
    """Who asks again delivers the second answer; who does not tells of the failure."""
    wanted = scenario(bench, fault)
    asked_again = bench.play(f"{RELAYS}:retrying", wanted)
    told = bench.play(f"{RELAYS}:passing", wanted)

    assert ([], []) == (bench.kinds(asked_again), bench.kinds(told))
    assert [1, 2] == [len(one.observation.upstream) for one in (told, asked_again)]
    assert "".join(SECOND) == asked_again.reading.message.choices[0].content


def test_retry_beside_none_is_expected(bench):
    """Both are right: a retry is allowed, not demanded, and no waiver is needed."""
    wanted = scenario(bench, NO_HEAD)
    result = verdict_of(
        [bench.play(f"{RELAYS}:passing", wanted)],
        [bench.play(f"{RELAYS}:retrying", wanted)],
    )

    assert Verdict.EXPECTED_DIVERGENCE is result.verdict
    assert "allowed, not demanded" in result.reason
    assert "baseline asked once, the candidate asked 2 times" in result.reason


def test_a_scenario_may_demand_the_retry(bench):
    """Then telling of the failure is wrong."""
    wanted = scenario(
        bench, NO_HEAD, expect=Expect(upstream_requests=Bounds(at_least=2))
    )
    told = bench.play(f"{RELAYS}:passing", wanted)

    assert "upstream_requests" in bench.kinds(told)
    assert "at least 2" in told.violations[0].expected
    assert [] == bench.kinds(bench.play(f"{RELAYS}:retrying", wanted))


@pytest.mark.parametrize(
    ("relay", "fault", "kind"),
    [
        ("retrying_late", CUT, "retried_late"),
        ("retrying_late", CUT, "attempts_mixed"),
        ("retrying_at_once", BUSY_A_SECOND, "retried_too_soon"),
        ("two_requests", NO_HEAD, "upstream_requests"),
    ],
)
def test_planted_retries_turn_the_gate_red_and_are_named(bench, relay, fault, kind):
    """Text of two attempts, a retry too late, too soon, or before the failure."""
    wanted = scenario(bench, fault)
    wrong = bench.play(f"{RELAYS}:{relay}", wanted)
    result = verdict_of([bench.play(f"{RELAYS}:passing", wanted)], [wrong])

    assert kind in bench.kinds(wrong)
    assert Decision.NO_GO is decide([result])
    assert kind in result.reason


def test_an_answer_on_its_way_is_asked_for_once(bench):
    """A healthy attempt that is dropped and asked for again is billed twice."""
    takes = (bench.attempt(bench.answer(*FIRST)), bench.attempt(bench.answer(*FIRST)))
    wanted = bench.scenario(bench.answer(*FIRST), attempts=takes)
    wrong = bench.play(f"{RELAYS}:two_requests", wanted)

    assert ["upstream_requests"] == bench.kinds(wrong)


def test_bad_request_is_not_asked_again(bench):
    """No other attempt fixes what the client did wrong."""
    wanted = scenario(bench, ("status", {"code": 400}))
    script = bench.script(wanted, seed=1)
    found = bench.expectation(script, "repairing", wanted.exchange.expect)

    assert not found.duty.may_be_retried
    assert not found.for_draft(1).duty.may_be_retried
    assert 400 == found.head.status


def test_the_last_attempt_repeats(bench):
    """Attempt three of two plays the second again."""
    takes = (
        bench.attempt(bench.answer(*FIRST), BUSY),
        bench.attempt(bench.answer(*FIRST), BUSY),
    )
    wanted = bench.scenario(bench.answer(*FIRST), attempts=takes)
    seen = bench.play(f"{RELAYS}:retrying", wanted)

    assert [0, 1, 1] == [one.played for one in seen.observation.upstream]
    assert [] == bench.kinds(seen)


def test_second_upstream_request_is_found(bench):
    """One question is asked once."""
    wanted = bench.scenario(bench.answer(*FIRST))
    seen = bench.observed(bench.answer(*FIRST), wanted=wanted)

    assert ["upstream_requests"] == bench.answer_kinds(
        bench.answer(*FIRST), wanted=wanted, upstream=seen.upstream * 2
    )


MS = 1_000_000


def requests(bench, takes, *played, at_ms=None, reading=EMPTY_READING, **changes):
    """The kinds of violation of requests that got those drafts, at those times."""
    wanted = bench.scenario(bench.answer(*FIRST), attempts=takes)
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.exchange.expect
    )
    seen = bench.observed([], **changes)
    upstream = tuple(
        replace(seen.upstream[0], played=draft, at_ns=round(at * MS))
        for draft, at in zip(
            played, at_ms or (1_000 * n for n in range(9)), strict=False
        )
    )
    seen = replace(seen, upstream=upstream)
    return [one.kind.value for one in check_requests(expected, seen, reading)]


@pytest.mark.parametrize(("drafts", "most"), [(1, 4), (2, 4), (5, 5)])
def test_four_requests_are_the_most_or_one_for_each_attempt(bench, drafts, most):
    """One more is a storm."""
    takes = (bench.attempt(bench.answer(*FIRST), BUSY),) * drafts
    played = [min(number, drafts - 1) for number in range(most + 1)]

    assert [] == requests(bench, takes, *played[:most])
    assert ["upstream_requests"] == requests(bench, takes, *played)


@pytest.mark.parametrize(
    ("after_ms", "kinds"), [(999, ["retried_too_soon"]), (1_000, [])]
)
def test_retry_after_is_waited_for_to_its_end(bench, after_ms, kinds):
    """From the head on that asked for it."""
    take = bench.attempt(bench.answer(*FIRST), BUSY_A_SECOND)
    head_ms = (
        bench.script(bench.scenario(bench.answer(*FIRST), attempts=(take,)), seed=1)
        .attempts[0]
        .head_at_ns
        / MS
    )

    assert kinds == requests(bench, (take,), 0, 0, at_ms=(0, head_ms + after_ms))


@pytest.mark.parametrize(("at_ms", "kinds"), [(10, []), (11, ["retried_late"])])
def test_nobody_is_asked_for_a_client_that_left(bench, at_ms, kinds):
    """A request on its way when it leaves is none of these."""
    take = bench.attempt(bench.answer(*FIRST), NO_HEAD)

    assert kinds == requests(
        bench,
        (take,),
        0,
        0,
        at_ms=(0, at_ms),
        end=ClientEnd.CLIENT_CLOSED,
        end_at_ns=10 * MS,
    )


@pytest.mark.parametrize(
    ("texts", "mixed"),
    [
        (("Once", *SECOND), True),
        (("Once", " than before."), True),
        (("Once", "ext"), False),
        (FIRST[:3], False),
        (SECOND[:3], False),
        (("Quite", "Once"), False),
    ],
)
def test_text_of_two_attempts_is_recognised(bench, texts, mixed):
    """By the whole beginning of the second, or eight characters of it and more."""
    takes = (
        bench.attempt(bench.answer(*FIRST), CUT),
        bench.attempt(bench.answer(*SECOND)),
    )
    body = b"".join(bench.sse([bench.chunk({"content": text}) for text in texts]))

    found = requests(bench, takes, 0, 1, reading=read_stream(body))
    assert mixed is ("attempts_mixed" in found)

"""Every switch changes what is right, and leaves both ways right where it says so."""

from __future__ import annotations

import pytest

from harness.errors import InputError
from harness.judge.oracle.oracle import Contract
from harness.judge.oracle.policy import POLICY_CHOICES, Policy, policy_with
from harness.judge.verdict import Verdict, verdict_of

WORDS = ("Once", " upon", " a", " time", ".")
V2 = "proxy.v2:make_relay"
PASSING = "tests.planted.relays:passing"
OPEN_END = ("done", {"mode": "no_blank"})
NO_FINISH = ("finish", {"mode": "omit"})
NO_DONE = ("done", {"mode": "omit"})
REPEATED = ("repeat_first", {"times": 2})


def test_default_is_the_first_word_of_each_switch():
    """So the documentation's table can be read in one way only."""
    default = Policy()

    assert {name: words[0] for name, words in POLICY_CHOICES.items()} == {
        name: getattr(default, name) for name in POLICY_CHOICES
    }
    assert {} == default.non_default


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("half_closed", "serve", "there is no policy.*'half_close'"),
        ("half_close", "served", "expected either, abort, serve, got served.*'serve'"),
        ("drain_after_abort_ms", "soon", "expected milliseconds, got soon"),
        ("drain_after_abort_ms", "-1", "expected milliseconds"),
        ("drain_after_abort_ms", "nan", "expected milliseconds"),
    ],
)
def test_a_wrong_switch_is_refused(name, value, words):
    """With what was expected and the nearest valid name."""
    with pytest.raises(InputError, match=words):
        policy_with(Policy(), name, value)


def test_a_switch_is_set():
    """And told where it differs."""
    policy = policy_with(Policy(), "drain_after_abort_ms", "250")
    policy = policy_with(policy, "half_close", "serve")

    assert {"drain_after_abort_ms": "250", "half_close": "serve"} == policy.non_default


@pytest.mark.parametrize(
    ("choice", "delivering", "discarding"),
    [
        ("contract", [], ["done_lost"]),
        ("deliver", [], ["done_lost"]),
        ("either", [], []),
    ],
)
def test_unterminated_event(bench, choice, delivering, discarding):
    """[DONE] without its blank line, at a clean end."""
    wanted = bench.scenario(bench.answer(*WORDS), OPEN_END)
    switch = {"unterminated_event": choice}

    assert delivering == bench.kinds(bench.play(V2, wanted, **switch))
    assert discarding == bench.kinds(bench.play(PASSING, wanted, **switch))


def test_what_either_allows_is_named_where_targets_differ(bench):
    """By the switch, and without a waiver."""
    finish = ("finish", {"mode": "omit"})
    wanted = bench.scenario(bench.answer(*WORDS), OPEN_END, finish)
    switch = {"unterminated_event": "either"}
    result = verdict_of(
        [bench.play(PASSING, wanted, **switch)], [bench.play(V2, wanted, **switch)]
    )

    assert Verdict.EXPECTED_DIVERGENCE is result.verdict
    assert "policy unterminated_event" in result.reason


def test_missing_finish(bench):
    """A clean end without finish_reason and [DONE] may, must or must not be told."""
    wanted = bench.scenario(bench.answer(*WORDS), NO_FINISH, NO_DONE)

    def kinds(relay, choice):
        return bench.kinds(bench.play(relay, wanted, missing_finish=choice))

    told = "tests.planted.relays:tells_of_every_end"
    assert ([], []) == (kinds(PASSING, "allowed"), kinds(told, "allowed"))
    assert (["cut_not_told"], []) == (
        kinds(PASSING, "required"),
        kinds(told, "required"),
    )
    assert ([], ["false_failure"]) == (
        kinds(PASSING, "forbidden"),
        kinds(told, "forbidden"),
    )
    result = verdict_of([bench.play(PASSING, wanted)], [bench.play(told, wanted)])
    assert Verdict.EXPECTED_DIVERGENCE is result.verdict
    assert "policy missing_finish" in result.reason


def test_done_synthesis(bench):
    """[DONE] may be added where every finish_reason came, or may not."""
    wanted = bench.scenario(bench.answer(*WORDS), NO_DONE)
    adding = "tests.planted.relays:adds_done"

    assert [] == bench.kinds(bench.play(adding, wanted))
    forbidden = {"done_synthesis": "forbidden"}
    assert ["done_invented"] == bench.kinds(bench.play(adding, wanted, **forbidden))
    assert [] == bench.kinds(bench.play(PASSING, wanted, **forbidden))


def test_cumulative(bench):
    """Repeats are reduced, or pass, whatever the contract says."""
    wanted = bench.scenario(bench.answer(*WORDS), REPEATED)

    assert [] == bench.kinds(bench.play(V2, wanted))
    assert ["text_lost"] == bench.kinds(bench.play(V2, wanted, cumulative="as_sent"))
    assert [] == bench.kinds(bench.play(PASSING, wanted, cumulative="as_sent"))
    transparent = bench.play(
        PASSING, wanted, Contract.TRANSPARENT, cumulative="original"
    )
    assert "text_added" in bench.kinds(transparent)


def test_invalid_utf8(bench):
    """Bytes that are not UTF-8 pass, are replaced, or are told of."""
    broken = ("unicode", {"mode": "invalid_byte"})
    wanted = bench.scenario(bench.answer(*WORDS), broken)

    def kinds(relay, choice):
        return bench.kinds(bench.play(relay, wanted, invalid_utf8=choice))

    assert ([], []) == (kinds(PASSING, "either"), kinds(V2, "either"))
    assert ([], ["body_changed"]) == (kinds(PASSING, "pass"), kinds(V2, "pass"))
    assert (["malformed_forwarded"], []) == (
        kinds(PASSING, "replace"),
        kinds(V2, "replace"),
    )
    assert "loss_not_told" in kinds(V2, "error")


def test_half_close(bench):
    """To be served, to be taken for leaving, or either."""
    from harness.scenario.model import Abort, AbortHow, ClientPlan

    plan = ClientPlan(abort=Abort(after_events=2, how=AbortHow.HALF_CLOSE))
    wanted = bench.scenario(bench.answer(*WORDS), client=plan)
    script = bench.script(wanted, seed=1)

    def expected(choice):
        policy = Policy(half_close=choice)
        return bench.expectation(
            script, Contract.REPAIRING, wanted.exchange.expect, policy
        )

    assert ["abort"] == [other.choice for other in expected("either").alternatives]
    assert (False, ()) == (
        expected("serve").content.prefix_only,
        expected("serve").alternatives,
    )
    assert (True, ()) == (
        expected("abort").content.prefix_only,
        expected("abort").alternatives,
    )

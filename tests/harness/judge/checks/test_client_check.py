"""What modelled clients make of an answer, compared with the upstream's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.checks.client_check import check_clients, client_views
from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.sdk_models import SdkModel
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import Kind

WORDS = ("Once", " upon", " a", " time", ".")
CUT = ("close_at", {"at": {"event": 3, "offset": 0}, "how": "fin"})
TOLD = '{"error":{"message":"the upstream broke off"}}'


def worse(bench, events, *faults, given=None, dropped=frozenset(), **changes):
    """The clients that do worse with those events than directly, and their words."""
    wanted = bench.scenario(given or bench.answer(*WORDS), *faults)
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.exchange.expect
    )
    seen = bench.observed(events, wanted=wanted, **changes)
    found = list(check_clients(expected, client_views(expected, seen), dropped))
    assert {Kind.CLIENT_WORSE} >= {one.kind for one in found}
    return {one.where.removesuffix(" client"): one.got for one in found}


def test_every_client_reads_every_stream(bench):
    """In the order of the models."""
    wanted = bench.scenario(bench.answer(*WORDS))
    expected = bench.expectation(
        bench.script(wanted, seed=1), Contract.REPAIRING, wanted.exchange.expect
    )
    seen = bench.observed(bench.answer(*WORDS))

    views = client_views(expected, seen)

    assert ["Once upon a time."] * len(SdkModel) == [view.text for view in views]
    assert () == client_views(replace(expected, stream=False), seen)
    left = replace(seen, end=ClientEnd.CLIENT_CLOSED)
    assert () == client_views(expected, left)


def test_the_upstreams_own_answer_is_not_worse(bench):
    """Nor is the same text in other events."""
    role, *rest = bench.answer(*WORDS)
    joined = [role, bench.chunk({"content": " upon a time"}), *rest[3:]]

    assert {} == worse(bench, bench.answer(*WORDS))
    assert {} == worse(bench, joined)


def test_an_error_in_place_of_success_is_worse(bench):
    """Each client says what it got."""
    found = worse(bench, [*bench.answer(*WORDS)[:2], TOLD])

    assert {"python", "node"} == found.keys()
    assert all(words.startswith("an error (") for words in found.values())
    assert all(words.endswith("after 9 characters") for words in found.values())


def test_success_with_another_text_is_worse(bench):
    """A lost delta, and the finish_reason that hides it."""
    found = worse(bench, bench.answer("Once", *WORDS[2:]))

    words = 'success with 12 characters, finish_reason "stop"'
    assert {"python": words, "node": words} == found


def test_only_the_client_that_sees_the_wire_minds_its_end(bench):
    """openai-python stops at [DONE]; openai-node needs the framing completed."""
    found = worse(bench, bench.answer(*WORDS), end=ClientEnd.RESET)

    assert {"node"} == found.keys()


def test_after_a_cut_an_error_is_right_and_success_is_worse(bench):
    """Directly both clients raise."""
    events = bench.answer(*WORDS)

    assert {} == worse(bench, [*events[:3], TOLD], CUT)
    invented = [*events[:3], bench.chunk({}, finish="stop"), "[DONE]"]
    assert {"python", "node"} == worse(bench, invented, CUT).keys()


def test_an_answer_that_just_stops_is_not_compared(bench):
    """A client that raises there by chance is no better off."""
    given = bench.answer(*WORDS)[:3]

    assert {} == worse(bench, [*given, TOLD], given=given)


def test_quirk_that_hurts_the_client_directly_too_is_not_the_targets(bench):
    """An event without data makes both clients raise already without a target."""
    given = [*bench.answer(*WORDS)[:2], "", *bench.answer(*WORDS)[2:]]

    assert {} == worse(bench, [*given[:2], TOLD], given=given)


@pytest.mark.parametrize(
    ("dropped", "hurt"), [(frozenset({(0, "content")}), False), (frozenset(), True)]
)
def test_text_without_the_repeat_at_its_opening_is_right(bench, dropped, hurt):
    """Where the judge found it dropped, or the oracle knows that reading."""
    given = bench.answer("Once", " upon", ".")
    blank = bench.answer(" Once", " upon", ".")

    assert hurt is bool(worse(bench, blank, given=given, dropped=dropped))
    laughs = bench.answer("ha", "ha", "!")
    assert {} == worse(bench, bench.answer("ha", "!"), given=laughs)

from __future__ import annotations

import pytest

from harness.cassette.model import EndingKind
from harness.judge.oracle.expectation import Content
from harness.judge.oracle.oracle import Contract, unasked
from harness.scenario.model import Abort, ClientPlan, Expect, ExpectedEnding, Reading

WORDS = ("Once", " upon", " a", " time", ".")


def expected(bench, wanted, contract=Contract.REPAIRING):
    """What the oracle says of a scenario."""
    return bench.expectation(
        bench.script(wanted, seed=1), contract, wanted.exchange.expect
    )


def text(expectation, index=0):
    """The text of a choice that must arrive."""
    return {
        choice.index: choice.content
        for choice in expectation.content.reading.message.choices
    }[index]


@pytest.mark.parametrize("contract", list(Contract))
def test_whole_stream_must_arrive_and_look_complete(bench, contract):
    """A right stream must come through as it was."""
    found = expected(bench, bench.scenario(bench.answer(*WORDS)), contract)

    assert "Once upon a time." == text(found)
    assert ExpectedEnding.COMPLETE is found.ending.kind
    assert 200 == found.head.status


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (Contract.REPAIRING, "Once upon a time."),
        (Contract.TRANSPARENT, "OnceOnce upon a time."),
    ],
)
def test_repeated_opening_is_reduced_or_passed_by_contract(bench, contract, words):
    """Who repairs reduces the repeat; who is transparent forwards it."""
    wanted = bench.scenario(bench.answer(*WORDS), ("repeat_first", {"times": 2}))

    assert words == text(expected(bench, wanted, contract))


def test_scenario_can_demand_the_other_reading(bench):
    """``expect: {text: as_sent}`` overrides the contract."""
    wanted = bench.scenario(
        bench.answer(*WORDS),
        ("repeat_first", {"times": 2}),
        expect=Expect(text=Reading.AS_SENT),
    )

    assert "OnceOnce upon a time." == text(expected(bench, wanted))


def test_cumulative_stream_means_its_last_text(bench):
    """A cumulative stream is meant once."""
    wanted = bench.scenario(bench.answer(*WORDS), ("cumulative", {"mode": "prefix"}))

    assert "Once upon a time." == text(expected(bench, wanted))


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_cut_stream_must_be_told(bench, how):
    """What was whole before the cut must arrive, and the client must be told."""
    cut = ("close_at", {"at": {"event": 3, "offset": 5}, "how": how})
    found = expected(bench, bench.scenario(bench.answer(*WORDS), cut))

    assert "Once upon a" == text(found)
    assert ExpectedEnding.ERROR is found.ending.kind


def test_cut_of_a_close_delimited_stream_looks_like_its_end(bench):
    """Nobody can tell such a cut from an end: it must only not look finished."""
    given = bench.response(
        bench.answer(*WORDS), headers=(("Content-Type", "text/event-stream"),)
    )
    cut = ("close_at", {"at": {"event": 3, "offset": 0}, "how": "fin"})

    found = expected(bench, bench.scenario(given, cut))

    assert ExpectedEnding.UNFINISHED is found.ending.kind


@pytest.mark.parametrize(
    ("contract", "hang_allowed"),
    [(Contract.REPAIRING, False), (Contract.TRANSPARENT, True)],
)
def test_stalled_stream_must_be_told_by_who_repairs(bench, contract, hang_allowed):
    """A stall must end in an error; a transparent proxy may stay open with it."""
    given = bench.response(bench.answer(*WORDS)[:4], ending=EndingKind.RECORDER_STOPPED)
    found = expected(bench, bench.scenario(given), contract)

    assert ExpectedEnding.ERROR is found.ending.kind
    assert hang_allowed is found.ending.hang_allowed


def test_error_in_band_must_arrive(bench):
    """An error event of the upstream is what the client must be told."""
    events = [*bench.answer(*WORDS)[:3], '{"error":{"message":"overloaded"}}']
    found = expected(bench, bench.scenario(events))

    assert ExpectedEnding.ERROR is found.ending.kind
    assert [{"error": {"message": "overloaded"}}] == [
        item.payload.value for item in found.content.reading.errors
    ]


def test_broken_json_is_lost_and_must_be_told(bench):
    """An event cut in its JSON may have held text: the client must be told."""
    events = bench.answer(*WORDS)
    events[2] = events[2][:40]
    found = expected(bench, bench.scenario(events))

    assert "Once upon time." == text(found)
    assert ExpectedEnding.ERROR is found.ending.kind


def test_noise_that_is_no_object_is_dropped_silently(bench):
    """Plain words among the data lose nothing."""
    events = bench.answer(*WORDS)
    events.insert(2, "keep-alive")
    found = expected(bench, bench.scenario(events))

    assert "Once upon a time." == text(found)
    assert ExpectedEnding.COMPLETE is found.ending.kind


def test_clean_end_without_finish_and_done_is_unfinished(bench):
    """Nothing may be invented where the upstream said nothing."""
    found = expected(bench, bench.scenario(bench.answer(*WORDS)[:4]))

    assert ExpectedEnding.UNFINISHED is found.ending.kind


def test_finish_reason_and_clean_end_are_complete(bench):
    """A provider that never sends [DONE] is complete with its finish_reason."""
    found = expected(bench, bench.scenario(bench.answer(*WORDS)[:-1]))

    assert ExpectedEnding.COMPLETE is found.ending.kind
    assert not found.ending.done_sent


def test_event_that_the_clean_end_completes_counts(bench):
    """A clean end dispatches a pending event for who repairs, not by WHATWG."""
    given = bench.response(bench.answer(*WORDS))
    last = given.segments[-1]
    pending = bench.response(bench.answer(*WORDS)[:-1])
    segments = (
        *pending.segments,
        type(last)(at_ns=last.at_ns, data=b"data: [DONE]"),
    )
    given = type(given)(
        status=200,
        http_version="HTTP/1.1",
        headers=given.headers,
        segments=segments,
        ending=given.ending,
    )

    assert expected(bench, bench.scenario(given)).ending.done_sent
    assert not expected(
        bench, bench.scenario(given), Contract.TRANSPARENT
    ).ending.done_sent


def test_error_status_passes_as_it_is(bench):
    """An answer that is no event stream must arrive byte for byte."""
    body = ("status", {"code": 429, "body": "json_error"})
    found = expected(bench, bench.scenario(bench.answer(*WORDS), body))

    assert 429 == found.head.status
    assert not found.stream
    assert found.content.body
    assert ExpectedEnding.ERROR is found.ending.kind


def test_client_that_leaves_expects_nothing_of_the_end(bench):
    """After an abort only a beginning is expected, and a freed upstream."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=1))
    )

    assert ExpectedEnding.ABORTED is expected(bench, wanted).ending.kind


def test_demands_of_the_scenario_override(bench):
    """What ``expect`` says holds."""
    wanted = bench.scenario(
        bench.answer(*WORDS),
        expect=Expect(ending=ExpectedEnding.ERROR, status=(502,), max_hold_ms=5.0),
    )
    found = expected(bench, wanted)

    assert (ExpectedEnding.ERROR, 502, 5.0) == (
        found.ending.kind,
        found.head.status,
        found.duty.max_hold_ms,
    )


def test_a_cumulative_delta_that_is_cut_says_nothing(bench):
    """Of a block that an end cuts, not even what it was meant to say is there."""
    grown = bench.scenario(
        bench.answer("Once", " upon", " a", " time"),
        ("cumulative", {"mode": "prefix"}),
        ("end_at", {"at": {"event": 3, "offset": 60}}),
    )
    expected = bench.expectation(
        bench.script(grown, seed=1), Contract.REPAIRING, grown.exchange.expect
    )

    [choice] = expected.content.reading.message.choices
    assert choice.content == "Once upon a"
    assert expected.ending.kind is ExpectedEnding.ERROR


def may(bench, *faults) -> bool:
    """Whether the oracle allows a target to ask again."""
    wanted = bench.scenario(bench.answer(*WORDS), *faults)
    script = bench.script(wanted, seed=1)
    return bench.expectation(
        script, Contract.REPAIRING, wanted.exchange.expect
    ).duty.may_be_retried


@pytest.mark.parametrize(
    "fault",
    [
        ("close_before_head", {"how": "rst"}),
        ("close_before_head", {"how": "fin"}),
        ("status", {"code": 503}),
        ("status", {"code": 429}),
        ("status", {"code": 500}),
    ],
)
def test_answer_that_never_began_may_be_asked_for_again(bench, fault):
    """Nothing can have reached the client."""
    assert may(bench, fault)


@pytest.mark.parametrize(
    "fault",
    [
        ("status", {"code": 400}),
        ("status", {"code": 404}),
        ("close_at", {"at": {"frac": 0.5}, "how": "rst"}),
        ("stall", {"at": {"event": 1}}),
    ],
)
def test_answer_that_began_is_asked_for_once(bench, fault):
    """A second answer would be paid for, and could follow the first."""
    assert not may(bench, fault)


def test_target_that_does_not_ask_owes_an_error_of_its_own(bench):
    """Nothing of the upstream's answer is due, nor may its own headers come."""
    own = ("headers", {"set": {"connection": "x-secret", "x-secret": "1"}})
    asked = expected(bench, bench.scenario(bench.answer(*WORDS), own))
    found = unasked(asked)

    assert not found.stream
    assert Content() == found.content
    assert (None, (), None) == (
        found.head.status,
        found.head.headers,
        found.head.at_ns,
    )
    assert asked.head.hop_by_hop == found.head.hop_by_hop != ()
    assert ExpectedEnding.ERROR is found.ending.kind


def test_client_that_left_may_have_got_nothing_from_a_target_that_did_not_ask(bench):
    """Nothing is due to it at all."""
    wanted = bench.scenario(
        bench.answer(*WORDS), client=ClientPlan(abort=Abort(after_events=1))
    )

    assert ExpectedEnding.ABORTED is unasked(expected(bench, wanted)).ending.kind

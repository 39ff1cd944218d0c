"""The first law: what did not finish must not look finished."""

from __future__ import annotations

import pytest

from harness.judge.evidence.observation import ClientEnd
from harness.judge.oracle.oracle import Contract
from harness.judge.violation import Kind

WORDS = ("Once", " upon", " a", " time", ".")
CUT = ("close_at", {"at": {"event": 3, "offset": 0}, "how": "fin"})
TOLD = '{"error":{"message":"the upstream broke off"}}'
MESSAGES = [
    '{"type":"message_start","message":{"role":"assistant"}}',
    '{"type":"content_block_delta","delta":{"text":"Once"}}',
    '{"type":"content_block_delta","delta":{"text":" upon"}}',
    '{"type":"message_stop"}',
]
"""A stream of another dialect: no choices, no [DONE]."""


@pytest.mark.parametrize(
    ("tail", "end", "found"),
    [
        ([TOLD], ClientEnd.TRUNCATED, []),
        ([], ClientEnd.TRUNCATED, []),
        ([], ClientEnd.RESET, []),
        ([TOLD], ClientEnd.COMPLETE, []),
        ([], ClientEnd.COMPLETE, [Kind.CUT_NOT_TOLD]),
        (["[DONE]"], ClientEnd.COMPLETE, [Kind.SILENT_TRUNCATION]),
        ([TOLD, "[DONE]"], ClientEnd.COMPLETE, [Kind.DONE_INVENTED]),
        ([], ClientEnd.TIMEOUT, [Kind.HANG]),
    ],
)
def test_first_law(bench, tail, end, found):
    """An upstream that did not finish must not look finished, however it is told."""
    wanted = bench.scenario(bench.answer(*WORDS), CUT)
    events = [*bench.answer(*WORDS)[:3], *tail]

    assert found == bench.answer_kinds(events, wanted=wanted, end=end)


def test_invented_finish_is_found(bench):
    """A finish_reason that the upstream never sent is the worst of lies."""
    wanted = bench.scenario(bench.answer(*WORDS), CUT)
    events = [*bench.answer(*WORDS)[:3], bench.chunk({}, finish="stop")]

    assert Kind.FINISH_INVENTED in bench.answer_kinds(events, wanted=wanted)


def test_broken_json_that_nobody_tells_of_is_a_loss(bench):
    """A dropped event that may have held text, then [DONE], is a silent loss."""
    broken = bench.answer(*WORDS)
    broken[2] = broken[2][:40]
    events = [*broken[:2], *broken[3:]]

    found = bench.answer_kinds(events, wanted=bench.scenario(broken))

    assert [Kind.LOSS_NOT_TOLD] == found


def test_the_end_of_a_message_is_an_end(bench):
    """Without ``message_stop`` the same answer is not finished."""
    wanted = bench.scenario(MESSAGES)
    cut = bench.scenario(MESSAGES[:-1])
    assert [] == bench.answer_kinds(MESSAGES[:-1], wanted=cut)
    assert Kind.DONE_INVENTED in bench.answer_kinds(MESSAGES, wanted=cut)
    assert Kind.EVENT_LOST in bench.answer_kinds(MESSAGES[:-1], wanted=wanted)


@pytest.mark.parametrize(
    ("contract", "kind"),
    [
        (Contract.REPAIRING, Kind.LOSS_NOT_TOLD),
        (Contract.TRANSPARENT, Kind.SILENT_TRUNCATION),
    ],
)
def test_error_that_is_swallowed_before_done(bench, contract, kind):
    """A repairing target hides a loss; a transparent one had nothing to decide."""
    events = [*bench.answer(*WORDS)[:3], TOLD, "[DONE]"]
    swallowed = [one for one in events if one != TOLD]
    found = bench.answer_kinds(
        swallowed, wanted=bench.scenario(events), contract=contract
    )

    assert [kind, Kind.ERROR_LOST] == sorted(found, key=[kind, Kind.ERROR_LOST].index)


def test_invented_error_in_place_of_done_is_one_wrong(bench):
    """The client is not also told that [DONE] is missing."""
    events = [*bench.answer(*WORDS)[:-1], TOLD]

    assert [Kind.ERROR_INVENTED] == bench.answer_kinds(events)

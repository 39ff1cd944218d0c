"""How an answer looks to a client that stops at ``[DONE]``."""

from __future__ import annotations

import pytest

from harness.judge.evidence.observation import ClientEnd
from harness.judge.evidence.outcome import Outcome, outcome_of
from harness.judge.evidence.reading import read_stream

TOLD = '{"error":{"message":"no"}}'
TEXT = '{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}'
FINISH = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'


@pytest.mark.parametrize(
    ("events", "end", "outcome"),
    [
        ([TEXT, "[DONE]"], ClientEnd.COMPLETE, Outcome.COMPLETE),
        ([TEXT, "[DONE]"], ClientEnd.TRUNCATED, Outcome.COMPLETE),
        ([TEXT, "[DONE]"], ClientEnd.TIMEOUT, Outcome.HANG),
        ([TEXT, FINISH], ClientEnd.COMPLETE, Outcome.COMPLETE),
        ([TEXT, FINISH], ClientEnd.RESET, Outcome.ERROR),
        ([TEXT], ClientEnd.COMPLETE, Outcome.UNFINISHED),
        ([TEXT], ClientEnd.PROTOCOL_ERROR, Outcome.ERROR),
        ([TEXT], ClientEnd.TIMEOUT, Outcome.HANG),
        ([TEXT, TOLD], ClientEnd.COMPLETE, Outcome.ERROR),
        ([TEXT, TOLD, "[DONE]"], ClientEnd.COMPLETE, Outcome.ERROR),
        ([TEXT, TOLD], ClientEnd.TIMEOUT, Outcome.HANG),
        ([TEXT, TOLD], ClientEnd.CLIENT_CLOSED, Outcome.ABORTED),
    ],
)
def test_outcome_of_a_stream(bench, events, end, outcome):
    """The last event that a client heeds decides, else the end on the wire."""
    seen = bench.observed(events, end=end)

    assert outcome is outcome_of(seen, read_stream(seen.body))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (None, Outcome.ERROR),
        (399, Outcome.COMPLETE),
        (400, Outcome.ERROR),
        (503, Outcome.ERROR),
    ],
)
def test_a_failure_status_is_an_error(bench, status, outcome):
    """Whatever the body says; and so is no head at all."""
    seen = bench.observed([TEXT, "[DONE]"], status=status)

    assert outcome is outcome_of(seen, read_stream(seen.body))

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.judge.evidence.reading import read_stream
from harness.judge.oracle.expectation import (
    Content,
    Contract,
    Ending,
    Expectation,
    Head,
)
from harness.scenario.model import ExpectedEnding

PLAIN = Expectation(
    contract=Contract.REPAIRING,
    stream=False,
    head=Head(status=503),
    content=Content(),
    ending=Ending(kind=ExpectedEnding.ERROR, reasons=("busy",)),
)


@pytest.mark.parametrize(
    ("headers", "wait_ns"),
    [
        ((), None),
        ((("retry-after", " 7 "),), 7_000_000_000),
        ((("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),), None),
        ((("x-request-id", "7"),), None),
    ],
)
def test_retry_after_is_read_in_seconds(headers, wait_ns):
    """A date is not: it says nothing in virtual time."""
    assert wait_ns == Head(status=503, headers=headers).retry_after_ns


def test_content_is_repaired_where_something_may_be_left_out():
    """An event that may be there besides, or another opening."""
    [event] = read_stream(b"data: {}\n\n").events

    assert not Content().repaired
    assert Content(optional=(event,)).repaired
    assert Content(reduced_openings={(0, "content"): ("ha",)}).repaired


def test_each_draft_has_its_own_expectation():
    """The first is the value itself."""
    later = replace(PLAIN, head=Head(status=200))
    expected = replace(PLAIN, later_drafts=(later,))

    assert expected is expected.for_draft(0)
    assert later is expected.for_draft(1)

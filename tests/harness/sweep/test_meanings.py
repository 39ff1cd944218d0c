"""What a cut means to the oracle: two with one meaning may share a judgement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import Meaning, StreamEnd
from harness.faults.draft.wire import BlockSpan, WireDraft, Write
from harness.judge.oracle.oracle import Contract
from harness.sweep.meanings import meanings_of, write_ends
from harness.sweep.model import SweepKind

FIRST, SECOND = b'data: {"a": 1}\n\n', b'data: {"b": 2}\n\n'
SIZE = len(FIRST)
WIRE = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(),
    framing=Framing.CHUNKED,
    head_at_ns=0,
    writes=(Write(1, FIRST), Write(2, SECOND)),
    spans=(
        BlockSpan(start=0, end=SIZE, meaning=Meaning.AS_SENT, meant=FIRST),
        BlockSpan(start=SIZE, end=2 * SIZE, meaning=Meaning.AS_SENT, meant=SECOND),
    ),
    end=StreamEnd.COMPLETE,
    end_at_ns=3,
)
REPAIRING = frozenset({Contract.REPAIRING})


def test_writes_end_where_the_next_begins():
    """All sizes up to each."""
    assert write_ends(WIRE) == [SIZE, 2 * SIZE]


@pytest.mark.parametrize("kind", [SweepKind.BORDER, SweepKind.HALVES])
def test_a_border_means_nothing(kind):
    """The whole stream comes, wherever reads end."""
    meaning = meanings_of(WIRE, kind, REPAIRING)

    assert {meaning(offset) for offset in range(2 * SIZE)} == {None}


def test_cuts_within_one_event_mean_the_same():
    """Up to the byte that makes it whole."""
    meaning = meanings_of(WIRE, SweepKind.FIN, REPAIRING)

    assert len({meaning(offset) for offset in range(1, SIZE - 1)}) == 1
    assert meaning(3) != meaning(SIZE)
    assert meaning(SIZE) != meaning(SIZE + 3)


def test_where_an_end_looks_clean_the_rest_of_an_event_counts():
    """A repairing proxy passes on what is whole except for its blank line."""
    clean = meanings_of(WIRE, SweepKind.CLEAN, REPAIRING)
    closed = meanings_of(replace(WIRE, framing=Framing.CLOSE), SweepKind.FIN, REPAIRING)
    other = meanings_of(WIRE, SweepKind.CLEAN, frozenset())

    for meaning in (clean, closed):
        assert meaning(SIZE - 2) != meaning(SIZE - 5)
    assert other(SIZE - 2) == other(SIZE - 5)

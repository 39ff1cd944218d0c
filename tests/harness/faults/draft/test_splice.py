from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults.draft.blocks import Meaning
from harness.faults.draft.splice import (
    SplicePoint,
    insert_at,
    insert_raw,
    insert_run,
    last_write_ns,
    next_write_ns,
    splice_point,
    truncate_at,
)

MS = 1_000_000


@pytest.mark.parametrize(
    ("at", "exact", "point"),
    [
        ({"event": 2}, False, (2, 0)),
        ({"event": 1, "offset": 4}, False, (1, 4)),
        ({"event": 1, "offset": 124}, False, (2, 0)),
        ({"byte": 1}, False, (1, 0)),
        ({"byte": 1}, True, (0, 1)),
        ({"frac": 1.0}, True, (8, 0)),
        ({"after": "done"}, True, (8, 0)),
    ],
)
def test_a_position_names_a_point_among_blocks(draft, at, exact, point):
    """A byte is the next border, unless that very byte is meant."""
    assert splice_point(draft, at, exact=exact) == SplicePoint(*point)


def test_a_point_lies_between_two_writes(draft):
    """Of one block, where it is within."""
    between, within = SplicePoint(1, 0), SplicePoint(1, 4)

    assert last_write_ns(draft, between) == 100 * MS
    assert next_write_ns(draft, between) == 110 * MS
    assert last_write_ns(draft, within) == next_write_ns(draft, within) == 110 * MS
    assert next_write_ns(draft, SplicePoint(8, 0)) == draft.end_at_ns


def test_bytes_between_blocks_are_a_block_and_within_one_part_of_it(draft, kit):
    """Each with a write of its own."""
    new = insert_at(draft, SplicePoint(1, 0), b":\n\n", at_ns=5, meaning=Meaning.LOST)
    assert (new.blocks[1].sent, new.blocks[1].meaning) == (b":\n\n", Meaning.LOST)
    inner = insert_at(draft, SplicePoint(1, 4), b"XX", at_ns=5)
    assert inner.blocks[1].sent == kit.HELLO[:4] + b"XX" + kit.HELLO[4:]
    assert len({part.segment for part in inner.blocks[1].parts}) == 2
    assert inner.next_segment == draft.next_segment + 1


@pytest.mark.parametrize(("sent", "blocks"), [(b":\n\n", 9), (b":\n", 8), (b"\n", 8)])
def test_raw_bytes_are_a_block_where_a_blank_line_ends_them(draft, sent, blocks):
    """Else they are the beginning of the next."""
    assert len(insert_raw(draft, SplicePoint(1, 0), sent, at_ns=5).blocks) == blocks


def test_a_block_that_reads_otherwise_than_it_was_meant_is_lost(draft):
    """A comment in it changes nothing."""
    block = replace(draft.blocks[1], meaning=Meaning.NOTHING)
    known = replace(draft, blocks=(draft.blocks[0], block, *draft.blocks[2:]))
    torn = insert_at(known, SplicePoint(1, 4), b"XX", at_ns=5)
    assert torn.blocks[1].meaning is Meaning.LOST
    end = block.size - 1
    noted = insert_at(known, SplicePoint(1, end), b": c\n", at_ns=5)
    assert noted.blocks[1].meaning is Meaning.NOTHING


@pytest.mark.parametrize("offset", [0, 4])
def test_a_run_of_writes_delays_all_that_follows(draft, offset):
    """The rest of the block that it stands in, too."""
    late = insert_run(
        draft, SplicePoint(1, offset), [(5, b":\n"), (6, b":\n")], delay_ns=9
    )
    assert late.end_at_ns == draft.end_at_ns + 9
    assert late.blocks[-1].at_ns == draft.blocks[-1].at_ns + 9
    assert late.blocks[0] == draft.blocks[0]
    assert len(late.blocks) == (8 if offset else 10)


def test_what_lies_behind_a_point_is_cut_off(draft, kit):
    """Between two blocks, or within one."""
    assert len(truncate_at(draft, SplicePoint(2, 0)).blocks) == 2
    assert truncate_at(draft, SplicePoint(1, 4)).blocks[1].sent == kit.HELLO[:4]

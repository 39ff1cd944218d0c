from __future__ import annotations

from dataclasses import replace

from harness.faults.draft.blocks import Block, BlockPart


def test_a_block_is_its_parts():
    """It exists for a reader when its last part is written."""
    block = Block(parts=(BlockPart(3, b"data:", 0), BlockPart(9, b" x\n\n", 1)))

    assert b"data: x\n\n" == block.sent
    assert 9 == block.size
    assert (3, 9) == (block.starts_ns, block.at_ns)


def test_the_time_around_a_block_is_that_of_its_neighbours(draft):
    """At the edges, that of the head and of the end."""
    draft = replace(draft, head_at_ns=5, end_at_ns=10**9)
    ms = 1_000_000

    assert (5, 100 * ms) == (draft.time_before(0), draft.time_before(1))
    assert (110 * ms, 10**9) == (draft.time_after(0), draft.time_after(7))
    assert 0 == replace(draft, head_at_ns=None).time_before(0)


def test_time_never_runs_backwards_after_a_block(draft):
    """A block that is late is the earliest time for what follows."""
    late = Block(parts=(BlockPart(10**9, b"x\n\n", 99),))
    delayed = replace(draft, blocks=(late, *draft.blocks[1:]))
    only = replace(draft, blocks=(late,), end_at_ns=5)

    assert 10**9 == delayed.time_after(0)
    assert 10**9 == only.time_after(0)

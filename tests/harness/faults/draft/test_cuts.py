from __future__ import annotations

from dataclasses import replace

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.cuts import cut_body, cut_writes, split_writes, without_head
from harness.faults.draft.delivery import ChunkStyle, Delivery
from harness.faults.draft.lowering import lower
from harness.faults.draft.wire import Write


def test_blocks_are_cut_into_more_writes(draft, kit):
    """All of them, or one; the times stay."""
    wire = lower(cut_writes(draft, lambda _: [10], only=1))
    assert [write.data for write in wire.writes][:4] == [
        kit.ROLE,
        kit.HELLO[:10],
        kit.HELLO[10:],
        kit.COMMA,
    ]
    assert kit.times(wire)[:4] == [100, 110, 110, 120]
    assert len(lower(cut_writes(draft, lambda _: [5, 10])).writes) == 24


def test_writes_are_split_at_a_byte_of_the_body():
    """Bytes past the framing are none of it; a border that is there stays."""
    writes = (Write(1, b"abc"), Write(2, b"zz", raw=True), Write(3, b"def"))

    assert split_writes(writes, 4) == (*writes[:2], Write(3, b"d"), Write(3, b"ef"))
    assert split_writes(writes, 3) == writes


def test_a_body_that_is_cut_still_promises_all_of_it(draft, kit):
    """Where its length is told; the block that is cut is partial."""
    wire = replace(
        lower(draft),
        framing=Framing.CONTENT_LENGTH,
        delivery=Delivery(chunks=ChunkStyle(missing=3), surplus=b"GHOST"),
    )
    cut = cut_body(wire, len(kit.ROLE) + 5)

    assert cut.body == kit.ROLE + kit.HELLO[:5]
    assert [(span.end, span.partial) for span in cut.spans] == [
        (len(kit.ROLE), False),
        (len(kit.ROLE) + 5, True),
    ]
    assert cut.promised_length == len(wire.body)
    assert cut.end_at_ns == 110_000_000
    assert cut.delivery == Delivery()


def test_without_a_head_nothing_is_sent(draft):
    """And the end comes when it is told to."""
    wire = without_head(lower(draft), StreamEnd.REFUSED, 5)

    assert (wire.head_at_ns, wire.writes, wire.spans) == (None, (), ())
    assert (wire.end, wire.end_at_ns) == (StreamEnd.REFUSED, 5)


def test_a_cut_at_the_end_of_a_block_makes_no_empty_write(draft, kit):
    """The border is already there."""
    whole = cut_writes(draft, lambda sent: [0, len(sent)], only=1)

    assert list(kit.STREAM) == [write.data for write in lower(whole).writes]
    assert 1 == len(whole.blocks[1].parts)

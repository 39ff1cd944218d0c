from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cassette.model import Ending, EndingKind
from harness.faults.draft.blocks import BlockPart, StreamEnd
from harness.faults.draft.lowering import draft_response, lower


def test_a_response_is_taken_apart_into_its_blocks(kit):
    """However its segments were cut; their borders and times stay within."""
    body = b"".join(kit.STREAM)
    cut = len(kit.ROLE) + 10
    draft = draft_response(kit.response((body[:cut], body[cut:])))

    assert [block.sent for block in draft.blocks] == list(kit.STREAM)
    assert draft.blocks[1].parts == (
        BlockPart(at_ns=100_000_000, data=kit.HELLO[:10], segment=0),
        BlockPart(at_ns=110_000_000, data=kit.HELLO[10:], segment=1),
    )
    assert [write.data for write in lower(draft).writes] == [body[:cut], body[cut:]]


def test_a_body_that_is_no_event_stream_is_a_block_for_each_segment(kit):
    """Blank lines part nothing there."""
    answer = kit.response((b"a\n\nb", b"c"), headers=(("content-type", "text/html"),))

    assert [block.sent for block in draft_response(answer).blocks] == [b"a\n\nb", b"c"]


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (EndingKind.COMPLETE, StreamEnd.COMPLETE),
        (EndingKind.TRUNCATED, StreamEnd.TRUNCATED),
        (EndingKind.RESET, StreamEnd.RESET),
        (EndingKind.TIMEOUT, StreamEnd.STALL),
        (EndingKind.CLIENT_CLOSED, StreamEnd.STALL),
        (EndingKind.RECORDER_STOPPED, StreamEnd.STALL),
    ],
)
def test_a_recording_that_stopped_is_replayed_as_a_stall(kit, kind, end):
    """Other endings are themselves."""
    answer = replace(kit.response(), ending=Ending(at_ns=9, kind=kind))

    assert draft_response(answer).end is end


def test_the_stream_does_not_end_before_its_last_write(draft):
    """Whatever a fault made of the times."""
    early = lower(replace(draft, end_at_ns=5))

    assert early.end_at_ns == early.writes[-1].at_ns


def test_parts_of_a_segment_share_a_write_until_something_parts_them(kit):
    """And no write overtakes the one before it."""
    [block] = draft_response(kit.response((kit.ROLE,))).blocks
    one, two = (replace(block.parts[0], at_ns=at_ns) for at_ns in (7, 3))
    late = BlockPart(at_ns=9, data=b":\n\n", segment=5)
    whole = draft_response(kit.response((kit.ROLE,)))

    def written(*parts):
        blocks = tuple(replace(block, parts=(part,)) for part in parts)
        writes = lower(replace(whole, blocks=blocks)).writes
        return [(write.at_ns, write.data) for write in writes]

    assert written(one, two) == [(7, kit.ROLE * 2)]
    assert written(one, late, two) == [(7, kit.ROLE), (9, b":\n\n"), (9, kit.ROLE)]

from __future__ import annotations

import pytest

from harness.faults.draft.decoded import (
    decode_block,
    decode_blocks,
    event_block,
    event_run,
    selected_chunks,
)
from harness.faults.errors import FaultError


def test_a_block_is_read_as_a_client_reads_it(kit):
    """A comment is no event, the sentinel no chunk."""
    comment, done = decode_block(b": hi\n\n"), decode_block(kit.DONE)
    hello = decode_block(kit.HELLO)

    assert (comment.is_event, comment.data) == (False, None)
    assert (done.is_event, done.is_chunk, done.is_done) == (True, False, True)
    assert hello.texts == [(0, "content", "Hello")]
    assert hello.is_text_only
    assert decode_block(kit.ROLE).has_role
    assert decode_block(kit.FINISH).has_finish
    assert decode_block(kit.USAGE).has_usage


def test_events_are_counted_without_comments(draft):
    """From the end with a negative number."""
    decoded = [decode_block(b": hi\n\n"), *decode_blocks(draft.blocks)]

    assert (event_block(decoded, 0), event_block(decoded, -1)) == (1, 8)
    assert event_run(decoded, 2, 3, key="n") == [2, 3, 4]
    with pytest.raises(FaultError, match="the stream has 8 event"):
        event_block(decoded, 8)
    with pytest.raises(FaultError, match="only 1 event"):
        event_run(decoded, 8, 2, key="n")


@pytest.mark.parametrize(
    ("select", "places"),
    [
        ("role", [0]),
        ("content", [1, 2, 3, 4]),
        ("first_content", [1]),
        ("last_content", [4]),
        ("finish", [5]),
        ("usage", [6]),
        ("empty_choices", [6]),
        ("all", [0, 1, 2, 3, 4, 5, 6]),
        ([-2, 1, 1], [1, 6]),
    ],
)
def test_chunks_are_selected_by_a_word_or_by_number(draft, select, places):
    """Each once, in order."""
    assert selected_chunks(decode_blocks(draft.blocks), select) == places


@pytest.mark.parametrize("select", ["tool", [7], []])
def test_a_selection_of_no_chunk_is_refused(draft, select):
    """A scenario with it would test nothing."""
    with pytest.raises(FaultError, match="chunk"):
        selected_chunks(decode_blocks(draft.blocks), select)


@pytest.mark.parametrize(
    ("delta", "more", "expected"),
    [
        ({"content": "x"}, {}, True),
        ({"content": "x"}, {"usage": {}}, False),
        ({"content": "x"}, {"finish": "stop"}, False),
        ({"content": "x", "role": "assistant"}, {}, False),
        ({"content": "x", "tool_calls": [{"index": 0}]}, {}, False),
        ({"content": ""}, {}, False),
    ],
)
def test_a_block_is_text_only_if_nothing_else_is_in_it(kit, delta, more, expected):
    """A fault that drops or repeats such a block moves nothing but text."""
    assert expected is decode_block(kit.chunk(delta, **more)).is_text_only

from __future__ import annotations

import pytest

from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.draft.position import (
    block_at,
    check_position,
    landmark_block,
    offset_at,
)
from harness.faults.errors import FaultError


@pytest.mark.parametrize(
    ("at", "block"),
    [
        ({"event": 0}, 0),
        ({"event": 3}, 3),
        ({"event": -1}, 7),
        ({"after": "headers"}, 0),
        ({"after": "role"}, 1),
        ({"after": "first_content"}, 2),
        ({"after": "finish"}, 6),
        ({"after": "usage"}, 7),
        ({"after": "done"}, 8),
        ({"byte": 0}, 0),
        ({"byte": 1}, 1),
        ({"frac": 0}, 0),
        ({"frac": 1.0}, 8),
    ],
)
def test_a_position_names_a_block_and_a_byte(draft, kit, at, block):
    """Among events it is a border; in the body it is a byte."""
    assert block_at(draft, at) == block
    if "byte" not in at:
        expected = sum(len(event) for event in kit.STREAM[:block])
        assert offset_at(lower(draft), at) == expected


def test_a_byte_position_is_exact_in_the_body(draft, kit):
    """Within an event, too."""
    wire = lower(draft)
    assert offset_at(wire, {"byte": 17}) == 17
    assert offset_at(wire, {"event": 1, "offset": 5}) == len(kit.ROLE) + 5
    assert offset_at(wire, {"frac": 0.5}) == len(wire.body) // 2


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"event": 8}, "the stream has 8 event"),
        ({"event": -9}, "the stream has 8 event"),
        ({"event": 1, "offset": 4000}, "the event has 124 bytes, got 4000"),
        ({"byte": 10_000}, "the body has"),
    ],
)
def test_a_place_that_the_stream_does_not_have_is_refused(draft, at, message):
    """It names what there is."""
    with pytest.raises(FaultError, match=message):
        offset_at(lower(draft), at)


def test_an_event_cannot_be_put_into_another(draft):
    """Only bytes can be cut within an event."""
    with pytest.raises(FaultError, match="within another"):
        block_at(draft, {"event": 1, "offset": 4})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "expected a position"),
        ({}, "got nothing"),
        ({"event": 1, "byte": 2}, "got event, byte"),
        ({"evnt": 1}, "evnt: unknown key.*did you mean 'event'"),
        ({"event": "1"}, "event: expected a whole number, got '1'"),
        ({"event": True}, "expected a whole number, got True"),
        ({"byte": -1}, "byte: expected at least 0"),
        ({"frac": 1.5}, "frac: expected 0 to 1"),
        ({"frac": "x"}, "frac: expected a number"),
        ({"after": "first_contents"}, "did you mean 'first_content'"),
    ],
)
def test_what_is_no_position_is_refused(value, message):
    """With the part that is wrong, and the nearest name."""
    with pytest.raises(FaultError, match=message):
        check_position(value)


@pytest.mark.parametrize(
    ("landmark", "place"), [("role", 0), ("finish", 3), ("usage", 5), ("done", 6)]
)
def test_a_landmark_that_is_repeated_is_the_first_or_the_last(kit, landmark, place):
    """The last finish and the last usage count, the first of all others."""
    blocks = (kit.ROLE, kit.ROLE, kit.FINISH, kit.FINISH, kit.USAGE, kit.USAGE)
    draft = draft_response(kit.response((*blocks, kit.DONE, kit.DONE)))

    assert place == landmark_block(decode_blocks(draft.blocks), landmark)

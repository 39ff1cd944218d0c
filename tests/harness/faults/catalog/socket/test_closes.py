from __future__ import annotations

import pytest

from harness.faults.draft.blocks import StreamEnd


def test_close_at_keeps_whole_spans_and_marks_the_partial_one(play, kit):
    """The oracle must tell an event that was sent from one that was begun."""
    wire = play({"close_at": {"at": {"event": 2, "offset": 40}, "how": "fin"}})
    assert wire.body == kit.ROLE + kit.HELLO + kit.COMMA[:40]
    assert [span.partial for span in wire.spans] == [False, False, True]
    assert wire.spans[2].end == len(wire.body)
    assert (wire.end, wire.end_at_ns) == (StreamEnd.TRUNCATED, 120_000_000)


def test_close_at_a_border_leaves_no_partial_span(play, kit):
    """Nothing of the next event was sent."""
    wire = play({"close_at": {"at": {"event": 2}}})
    assert wire.body == kit.ROLE + kit.HELLO
    assert [span.partial for span in wire.spans] == [False, False]


def test_close_at_by_reset_waits_so_that_what_was_sent_is_read(play):
    """RST may discard what lies in the peer's buffer."""
    wire = play({"close_at": {"at": {"after": "done"}, "how": "rst"}})
    assert (wire.end, wire.end_at_ns) == (StreamEnd.RESET, 220_000_000)
    assert wire.body == play().body


def test_close_at_of_a_counted_body_still_promises_all_of_it(play):
    """A short body under its own true length would be whole."""
    wire = play(
        {"framing": {"mode": "content_length"}}, {"close_at": {"at": {"frac": 0.5}}}
    )
    assert wire.promised_length == len(play().body)
    assert len(wire.body) == len(play().body) // 2


def test_close_at_the_head_sends_no_body(play):
    """The head is out."""
    wire = play({"close_at": {"at": {"after": "headers"}}})
    assert (wire.writes, wire.spans) == ((), ())
    assert wire.head_at_ns == wire.end_at_ns == 100_000_000


@pytest.mark.parametrize(
    ("how", "end"), [("fin", StreamEnd.TRUNCATED), ("rst", StreamEnd.RESET)]
)
def test_close_before_head_sends_nothing(play, how, end):
    """When the head was due."""
    wire = play({"close_before_head": {"how": how}})
    assert (wire.head_at_ns, wire.writes, wire.spans) == (None, (), ())
    assert (wire.end, wire.end_at_ns) == (end, 100_000_000)


def test_end_at_ends_the_framing_cleanly(play, kit):
    """Nothing on the wire shows that something is missing."""
    wire = play({"end_at": {"at": {"event": 2, "offset": 40}}})
    assert wire.body == kit.ROLE + kit.HELLO + kit.COMMA[:40]
    assert (wire.end, wire.promised_length) == (StreamEnd.COMPLETE, None)
    assert wire.spans[-1].partial


def test_end_at_promises_only_the_bytes_that_are_left(play):
    """Nothing on the wire shows the cut, also where the length is told."""
    framing = {"framing": {"mode": "content_length"}}
    wire = play(framing, {"end_at": {"at": {"event": 3}}})

    assert wire.promised_length is None
    assert "complete" == wire.end

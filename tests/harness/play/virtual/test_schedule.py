"""Drafts as a relay gets them: which events, when, and how they end."""

from __future__ import annotations

import pytest

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft, Write
from harness.play.virtual.schedule import schedule_of, silent_from_ns


def wire(*writes, end=StreamEnd.COMPLETE, framing=Framing.CHUNKED, **more):
    """A draft with a head at 10 and its end at 500."""
    return WireDraft(
        status=200,
        http_version="HTTP/1.1",
        headers=(("X", "1"),),
        framing=framing,
        head_at_ns=more.pop("head_at_ns", 10),
        writes=tuple(Write(*write) for write in writes),
        spans=(),
        end=end,
        end_at_ns=500,
        **more,
    )


def test_a_head_the_body_and_the_end():
    """The framing is in the head; empty writes are not seen."""
    head = ("head", 200, ((b"X", b"1"), (b"Transfer-Encoding", b"chunked")))

    assert schedule_of(wire((100, b"a"), (200, b""), (300, b"b"))) == (
        (10, head),
        (100, ("data", b"a")),
        (300, ("data", b"b")),
        (500, ("ended", "complete")),
    )


def test_a_write_never_overtakes_the_one_before():
    """Nor the head, nor the end a write."""
    found = schedule_of(wire((5, b"a"), (900, b"b"), (20, b"c")))

    assert [at_ns for at_ns, _ in found] == [10, 10, 900, 900, 900]


@pytest.mark.parametrize(
    ("end", "framing", "ended"),
    [
        (StreamEnd.TRUNCATED, Framing.CHUNKED, "truncated"),
        (StreamEnd.TRUNCATED, Framing.CLOSE, "complete"),
        (StreamEnd.HALF_CLOSED, Framing.CHUNKED, "truncated"),
        (StreamEnd.RESET, Framing.CHUNKED, "reset"),
    ],
)
def test_endings(end, framing, ended):
    """The framing says what a FIN means."""
    found = schedule_of(wire((100, b"a"), end=end, framing=framing))

    assert found[-1] == (500, ("ended", ended))


def test_a_stall_has_no_end():
    """It is silent from its last write on, or from its planned end."""
    stalled = wire((700, b"a"), end=StreamEnd.STALL)

    assert schedule_of(stalled)[-1] == (700, ("data", b"a"))
    assert (700, 500) == (silent_from_ns(stalled), silent_from_ns(wire()))


def test_a_refusal_is_all_there_is():
    """Neither a head nor a body."""
    refused = wire((100, b"a"), end=StreamEnd.REFUSED)

    assert schedule_of(refused) == ((0, ("ended", "refused")),)


def test_no_more_is_seen_than_was_promised():
    """The rest of the bytes is cut; too few are a truncation."""
    sized = {"framing": Framing.CONTENT_LENGTH}
    more = schedule_of(wire((100, b"abc"), (200, b"d"), promised_length=2, **sized))
    fewer = schedule_of(wire((100, b"a"), promised_length=2, **sized))

    assert [event for _, event in more[1:]] == [("data", b"ab"), ("ended", "complete")]
    assert fewer[-1][1] == ("ended", "truncated")
    assert more[0][1][2][-1] == (b"Content-Length", b"2")


def test_what_is_no_framing_ends_it():
    """Nothing behind it is seen."""
    found = schedule_of(wire((100, b"a"), (200, b"!", True), (300, b"b")))

    assert found[-1] == (200, ("ended", "protocol_error"))

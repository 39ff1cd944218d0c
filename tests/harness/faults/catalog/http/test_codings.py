from __future__ import annotations

import gzip
import zlib

import pytest

from harness.faults.draft.coded import coded_body, coded_writes
from harness.faults.registry import FaultError


def test_positions_stay_those_of_the_plain_body(play, kit):
    """A cut after the third event leaves three events to decode."""
    wire = play({"content_encoding": {}}, {"close_at": {"at": {"event": 3}}})
    assert kit.ROLE + kit.HELLO + kit.COMMA == wire.body
    assert wire.body == zlib.decompressobj(31).decompress(coded_body(wire))


def test_what_was_cut_off_is_the_end_of_the_coded_body(play):
    """It ends cleanly all the same."""
    whole = coded_body(play({"content_encoding": {}}))
    short = coded_body(play({"content_encoding": {"truncate": 30}}))
    assert whole[:-30] == short
    assert gzip.decompress(whole) == play().body
    assert b"" == coded_body(play({"content_encoding": {"truncate": 10**6}}))


def test_a_content_length_counts_the_coded_body(play):
    """Also where the stream is cut later on."""
    counted = ({"framing": {"mode": "content_length"}}, {"content_encoding": {}})
    whole = play(*counted)
    assert whole.promised_length is None
    cut = play(*counted, {"close_at": {"at": {"event": 3}}})
    assert len(coded_body(whole)) == cut.promised_length


def test_every_flush_can_be_decoded_by_itself(play, kit):
    """With none, all comes at the end."""
    lengths = [size for _, _, size, _ in coded_writes(play({"content_encoding": {}}))]
    assert [*(len(block) for block in kit.STREAM), 0] == lengths
    late = play({"content_encoding": {"flush": "none"}})
    assert len(late.body) == [size for _, _, size, _ in coded_writes(late)][-1]


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (
            [{"content_encoding": {}}, {"content_encoding": {}}],
            "the body already has a content coding",
        ),
        (
            [
                {"framing": {"mode": "content_length", "cl_delta": 4}},
                {"content_encoding": {}},
            ],
            "the content-length is already wrong",
        ),
        (
            [{"content_encoding": {"label": "lie", "truncate": 4}}],
            "content_encoding.truncate: a plain body has no coded end",
        ),
        (
            [
                {"content_encoding": {}},
                {"stall": {"at": {"event": 2}, "keepalive_ms": 9}},
            ],
            "stall.keepalive_ms: endless messages",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(play, faults, message):
    """It says why."""
    with pytest.raises(FaultError, match=message):
        play(*faults)

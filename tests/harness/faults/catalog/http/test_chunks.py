from __future__ import annotations

import pytest

from harness.faults.draft.blocks import StreamEnd
from harness.faults.registry import FaultError


def test_chunking_gives_every_event_a_write(play, kit):
    """However they shared writes before; times are those of the last byte."""
    body = b"".join(kit.STREAM)
    answer = kit.response((body[:100], body[100:700], body[700:]))
    wire = play({"chunking": {}}, answer=answer)
    assert [write.data for write in wire.writes] == list(kit.STREAM)
    assert kit.times(wire)[0] == 110
    assert kit.times(wire)[-1] == 120


def test_chunking_can_make_one_write_of_all(play, kit):
    """When the last byte was due."""
    wire = play({"chunking": {"mode": "one"}})
    assert [write.data for write in wire.writes] == [b"".join(kit.STREAM)]
    assert kit.times(wire) == [170]


@pytest.mark.parametrize(
    "mode", ["per_event", "per_byte", "random", "one", "mid_event"]
)
def test_the_body_stays_however_it_is_cut(play, kit, mode):
    """And no byte is sent before the write that had it."""
    wire = play({"chunking": {"mode": mode}})
    plain = play()
    assert plain.body == wire.body
    due, total = [], 0
    for write in plain.writes:
        total += len(write.data)
        due.append((total, write.at_ns))
    total = 0
    for write in wire.writes:
        total += len(write.data)
        assert write.at_ns >= next(at_ns for end, at_ns in due if end >= total)


def test_borders_in_the_middle_of_events_are_at_no_end_of_one(play, kit):
    """But for the end of the body."""
    wire = play({"chunking": {"mode": "mid_event"}})
    ends, total = [], 0
    for write in wire.writes:
        total += len(write.data)
        ends.append(total)
    borders = {span.end for span in wire.spans}
    assert borders.isdisjoint(ends[:-1])
    assert len(wire.spans) + 1 == len(ends)


def test_a_bad_size_stands_between_writes(play, kit):
    """What comes after it is written as if it were not there."""
    wire = play({"chunking": {"bad_size_at": {"event": 2}}})
    raw = [place for place, write in enumerate(wire.writes) if write.raw]
    assert [2] == raw
    assert b"zz\r\n" == wire.writes[2].data
    assert play().body == wire.body
    end = play({"chunking": {"bad_size_at": {"after": "done"}}})
    assert end.writes[-1].raw


def test_a_chunk_that_is_cut_promised_the_rest_of_itself(play, kit):
    """The write that is cut, as it was before."""
    wire = play({"close_in_chunk": {"at": {"event": 2, "offset": 30}}})
    assert len(kit.COMMA) - 30 == wire.delivery.chunks.missing
    assert StreamEnd.TRUNCATED is wire.end
    assert wire.spans[-1].partial
    twice = play(
        {"close_in_chunk": {"at": {"event": 2, "offset": 30}}},
        {"close_at": {"at": {"event": 1}}},
    )
    assert 0 == twice.delivery.chunks.missing


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (
            [{"close_in_chunk": {"at": {"event": 2}}}],
            "close_in_chunk.at: .* one ends at byte",
        ),
        (
            [{"framing": {"mode": "close"}}, {"chunking": {"extension": "a"}}],
            "chunking: the body is not chunked: put 'framing' before",
        ),
        (
            [
                {"framing": {"mode": "content_length"}},
                {"close_in_chunk": {"at": {"byte": 3}}},
            ],
            "close_in_chunk: the body is not chunked",
        ),
        (
            [{"chunking": {"extension": "a\nb"}}],
            "chunking.extension: expected one line",
        ),
        (
            [{"chunking": {"bad_size_at": {"byte": 3}, "bad_size": "1F"}}],
            "chunking.bad_size: '1F' is a valid",
        ),
        (
            [{"chunking": {"trailers": {"a b": "1"}}}],
            "chunking.trailers: 'a b' is not the name",
        ),
        (
            [{"chunking": {"bad_size_at": {"byte": 3}}}, {"chunking": {}}],
            "chunking: bytes outside the framing are in no chunk",
        ),
        (
            [{"framing": {"mode": "close"}}, {"bytes_after_terminator": {"data": "x"}}],
            "all bytes until the close belong",
        ),
        (
            [
                {"close_in_chunk": {"at": {"byte": 3}}},
                {"bytes_after_terminator": {"data": "x"}},
            ],
            "the answer is not completed",
        ),
        (
            [{"bytes_after_terminator": {"data": ""}}],
            "bytes_after_terminator.data: expected at least one byte",
        ),
        (
            [{"bytes_after_terminator": {"data": "世"}}],
            "bytes_after_terminator.data: expected latin-1 text",
        ),
        (
            [{"framing": {"mode": "content_length", "cl_delta": -999_999}}],
            "framing.cl_delta: the body has",
        ),
        (
            [{"framing": {"mode": "close", "cl_delta": 3}}],
            "framing.mode: only a content_length can be wrong",
        ),
        (
            [{"framing": {"mode": "content_length", "keep_open": True}}],
            "framing.keep_open: only too small a content-length",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(play, faults, message):
    """It says why, and what would."""
    with pytest.raises(FaultError, match=message):
        play(*faults)

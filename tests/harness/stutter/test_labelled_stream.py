"""Labelled streams: blocks of a recording, sent otherwise."""

from __future__ import annotations

from harness.cassette.model import Ending, EndingKind, Response, Segment
from harness.stutter.labelled_stream import as_recorded, label, sent_again, with_texts
from harness.stutter.recorded_stream import read_recorded_stream

FIRST = b'data: {"choices": [{"index": 0, "delta": {"content": "Once"}}]}\n\n'
SECOND = b'data: {"choices": [{"index": 0, "delta": {"content": " upon"}}]}\n\n'
STREAM = read_recorded_stream(
    Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
        segments=(
            Segment(at_ns=10, data=FIRST[:9]),
            Segment(at_ns=20, data=FIRST[9:] + SECOND),
        ),
        ending=Ending(at_ns=30, kind=EndingKind.COMPLETE),
    )
)


def test_a_recording_is_its_own_label():
    """Each text is meant where the block that carries it ends."""
    labelled = label(STREAM, as_recorded(STREAM))

    assert labelled.wire.body == FIRST + SECOND
    assert labelled.meant == (
        (len(FIRST), 0, "content", "Once"),
        (len(FIRST + SECOND), 0, "content", " upon"),
    )


def test_other_texts_are_written_when_the_last_byte_was_due():
    """All else of the event stays; the segments of the old one do not."""
    block = with_texts(STREAM.draft.blocks[0], {(0, "content"): "Twice"})

    assert block.sent == FIRST.replace(b"Once", b"Twice")
    assert [part.at_ns for part in block.parts] == [20]


def test_a_block_that_is_sent_again_is_a_write_of_its_own():
    """It joins neither what stands before nor what follows."""
    first, second = as_recorded(STREAM)
    again = sent_again(first.block, 1, at_ns=20)

    wire = label(STREAM, [first, type(first)(again), second]).wire

    assert wire.body == FIRST + FIRST + SECOND
    assert [write.data for write in wire.writes] == [
        FIRST[:9],
        FIRST[9:],
        FIRST,
        SECOND,
    ]

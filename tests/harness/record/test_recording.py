"""The collection of a stream, and its limit."""

from __future__ import annotations

import pytest

from harness.cassette.model import EndingKind, Request, Segment
from harness.record.recording import Recording, RecordingStart


def start(notes: tuple[str, ...] = ()) -> RecordingStart:
    """Return the beginning of a recording."""
    return RecordingStart(
        at="2026-11-23T05:40:00.000Z",
        upstream="https://llm.example",
        request=Request(method="POST", path="/v1", headers=(), body=b"{}"),
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
        notes=notes,
    )


def test_keeps_every_segment():
    """Segments, times, notes and the ending are unchanged."""
    recording = Recording(start(("first",)), number=1)
    recording.add(5, b"a")
    recording.add(7, b"bc")
    interaction = recording.finish(9, EndingKind.RESET, ("second",))
    segments = (Segment(at_ns=5, data=b"a"), Segment(at_ns=7, data=b"bc"))
    assert segments == interaction.response.segments
    ending = interaction.response.ending
    assert (9, EndingKind.RESET) == (ending.at_ns, ending.kind)
    assert ("first", "second") == interaction.notes
    assert start().request == interaction.request
    assert 3 == recording.size


def test_times_never_fall():
    """A clock that is read in two places may not order two stamps wrongly."""
    recording = Recording(start(), number=1)
    recording.add(5, b"a")
    recording.add(4, b"b")
    interaction = recording.finish(3, EndingKind.COMPLETE)
    assert [5, 5] == [one.at_ns for one in interaction.response.segments]
    assert 5 == interaction.response.ending.at_ns


@pytest.mark.parametrize(
    ("limit", "kept", "full_at_ns"),
    [
        (0, [b"abc", b"def", b"g"], None),
        (7, [b"abc", b"def", b"g"], None),
        (6, [b"abc", b"def"], 30),
        (4, [b"abc", b"d"], 20),
        (3, [b"abc"], 20),
        (1, [b"a"], 10),
    ],
)
def test_the_limit(limit, kept, full_at_ns):
    """The body is cut at the limit, and the recording ends where it was crossed."""
    recording = Recording(start(), number=1, max_bytes=limit)
    for at_ns, data in ((10, b"abc"), (20, b"def"), (30, b"g")):
        recording.add(at_ns, data)
    interaction = recording.finish(40_000_000, EndingKind.TRUNCATED)
    assert kept == [one.data for one in interaction.response.segments]
    assert 7 == recording.size
    ending = interaction.response.ending
    if full_at_ns is None:
        assert (40_000_000, EndingKind.TRUNCATED) == (ending.at_ns, ending.kind)
        assert () == interaction.notes
    else:
        assert (full_at_ns, EndingKind.RECORDER_STOPPED) == (ending.at_ns, ending.kind)
        note = (
            f"Recording stopped at the limit of {limit} bytes; the stream went on and"
            " ended truncated at 40.000 ms after 7 bytes."
        )
        assert (note,) == interaction.notes

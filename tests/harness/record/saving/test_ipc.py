"""Frames survive the pipe, and a half one is dropped."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.model import EndingKind, Request
from harness.record.recording import RecordingStart
from harness.record.saving.ipc import (
    Frame,
    FrameKind,
    pack_ending,
    pack_frame,
    pack_start,
    read_ending,
    read_frames,
    read_start,
)

FRAMES = st.builds(
    Frame,
    st.sampled_from([FrameKind.SEGMENT, FrameKind.STOP]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
    st.binary(),
)


@given(frames=st.lists(FRAMES, max_size=4), cut=st.integers(1, 10))
def test_frames_survive(frames, cut):
    """Frames are read as sent; an incomplete last frame is dropped."""
    data = b"".join(pack_frame(*frame) for frame in frames)
    assert frames == list(read_frames(io.BytesIO(data)))
    assert frames[:-1] == list(read_frames(io.BytesIO(data[:-cut])))


def test_a_start_survives():
    """Every field of it, whatever its bytes."""
    start = RecordingStart(
        at="2026-11-23T05:40:00.000Z",
        upstream="https://llm.example",
        request=Request(
            method="POST",
            path="/v1?é",
            headers=(("x", "\xff"), ("x", "2")),
            body=b"\x00\xff{",
        ),
        status=529,
        http_version="HTTP/2",
        headers=(("a", "b"), ("a", "c")),
        notes=("one", "two"),
    )
    (frame,) = read_frames(io.BytesIO(pack_start(7, start)))
    assert (FrameKind.START, 7) == (frame.kind, frame.number)
    assert start == read_start(frame)


@pytest.mark.parametrize("kind", EndingKind)
def test_an_ending_survives(kind):
    """Kind, time and notes."""
    (frame,) = read_frames(io.BytesIO(pack_ending(3, 99, kind, ("n",))))
    assert (3, 99) == (frame.number, frame.at_ns)
    assert (kind, ("n",)) == read_ending(frame)

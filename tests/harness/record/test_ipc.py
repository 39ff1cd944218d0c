"""Frames survive the pipe, and a half one is dropped."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.model import EndingKind, Request
from harness.record.ipc import (
    Frame,
    FrameKind,
    pack,
    pack_ending,
    pack_opening,
    read_ending,
    read_frames,
    read_opening,
)
from harness.record.recording import Opening

FRAMES = st.builds(
    Frame,
    st.sampled_from([FrameKind.SEGMENT, FrameKind.STOP]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
    st.binary(),
)


@given(frames=st.lists(FRAMES, max_size=4), cut=st.integers(1, 10))
def test_frames_survive(frames, cut):
    """What was sent is read; the last frame of a killed recorder is not guessed."""
    data = b"".join(pack(*frame) for frame in frames)
    assert frames == list(read_frames(io.BytesIO(data)))
    assert frames[:-1] == list(read_frames(io.BytesIO(data[:-cut])))


def test_an_opening_survives():
    """Every field of it, whatever its bytes."""
    opening = Opening(
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
    (frame,) = read_frames(io.BytesIO(pack_opening(7, opening)))
    assert (FrameKind.OPENING, 7) == (frame.kind, frame.number)
    assert opening == read_opening(frame)


@pytest.mark.parametrize("kind", EndingKind)
def test_an_ending_survives(kind):
    """Kind, time and notes."""
    (frame,) = read_frames(io.BytesIO(pack_ending(3, 99, kind, ("n",))))
    assert (3, 99) == (frame.number, frame.at_ns)
    assert (kind, ("n",)) == read_ending(frame)

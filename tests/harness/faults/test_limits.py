"""What a slip of the pen asks for is refused before it takes the machine's memory."""

from __future__ import annotations

import tracemalloc

import pytest

from harness.faults.errors import FaultError

_HUGE = 10**11
_AT = {"event": 1}


@pytest.mark.parametrize(
    "call",
    [
        {"repeat_first": {"times": _HUGE}},
        {"event_dup": {"index": 1, "times": _HUGE}},
        {"event_dup": {"index": 1, "gap_events": _HUGE}},
        {"replay_window": {"from": 0, "len": _HUGE}},
        {"replay_window": {"from": 0, "len": 8, "times": _HUGE}},
        {"replay_window": {"from": 0, "len": 8, "times": 100_000}},
        {"event_truncate": {"index": 1, "keep_bytes": _HUGE}},
        {"giant_event": {"size": _HUGE, "at": _AT}},
        {"tiny_events": {"n": _HUGE}},
        {"tiny_events": {"n": 200_000, "bytes_each": 4096}},
        {"legit_repeats": {"count": _HUGE}},
        {"choices_interleave": {"n": _HUGE}},
        {"keepalive": {"at": _AT, "for_ms": 1e9, "every_ms": 1}},
        {"keepalive": {"at": _AT, "for_ms": 6e8, "every_ms": 0.001}},
        {"sse_comment": {"every_ms": 0.0000001}},
        {"growing_first": {"count": _HUGE}},
        {"cumulative": {"start": _HUGE}},
    ],
    ids=lambda call: next(iter(call)),
)
def test_huge_parameters_are_refused(play, call):
    """With a limit that is named, and without taking the memory first."""
    tracemalloc.start()
    try:
        with pytest.raises(FaultError, match=r"from \d|MiB|at most|only 8"):
            play(call)
        assert tracemalloc.get_traced_memory()[1] < 300 * 2**20
    finally:
        tracemalloc.stop()


def test_long_streams_that_would_grow_beyond_the_limit_are_refused(play, kit):
    """What each fault adds is within its limits; all of it is not."""
    giant = {"giant_event": {"size": 60_000_000, "at": {"event": 1}}}
    with pytest.raises(FaultError, match=r"event_dup: .* more than 256 MiB"):
        play(giant, {"event_dup": {"index": 1, "times": 6}})


def test_many_tiny_events_with_a_long_envelope_are_refused(play, kit):
    """The size of the whole chunk counts, not only that of its text."""
    model = kit.chunk({"content": "Hello"}, system_fingerprint="f" * 1400)
    tracemalloc.start()
    try:
        with pytest.raises(FaultError, match="more than 256 MiB"):
            play({"tiny_events": {"n": 200_000}}, blocks=(model, kit.DONE))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()

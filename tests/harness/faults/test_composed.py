"""Faults of events and lines compose: whatever is applied, a draft stays a draft."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.faults.draft.blocks import Meaning
from harness.faults.draft.lowering import draft_response
from harness.faults.registry import REGISTRY, FaultCall, FaultError, Layer, apply_faults

_POSITIONS = st.one_of(
    st.builds(lambda event: {"event": event}, st.integers(-9, 9)),
    st.builds(
        lambda event, offset: {"event": event, "offset": offset},
        st.integers(-9, 9),
        st.integers(0, 130),
    ),
    st.builds(lambda byte: {"byte": byte}, st.integers(0, 1200)),
    st.builds(lambda frac: {"frac": frac}, st.floats(0, 1)),
    st.builds(
        lambda after: {"after": after},
        st.sampled_from(
            ["accept", "headers", "role", "first_content", "finish", "usage", "done"]
        ),
    ),
)
_INDEX = st.integers(-9, 9)
_CALLS = st.one_of(
    *(
        st.just(FaultCall(name=name, parameters=definition.example))
        for name, definition in REGISTRY.items()
        if definition.layer in {Layer.EVENTS, Layer.LINES} and name != "tiny_events"
    ),
    *(
        st.builds(
            lambda value, name=name, key=key, more=more: FaultCall(
                name=name, parameters={**more, key: value}
            ),
            values,
        )
        for name, key, values, more in (
            ("event_dup", "index", _INDEX, {"gap_events": 1}),
            ("event_drop", "index", _INDEX, {}),
            ("event_truncate", "keep_bytes", st.integers(1, 130), {"index": 3}),
            ("event_merge", "index", _INDEX, {"n": 3}),
            ("replay_window", "from", _INDEX, {"len": 3}),
            ("inject_error", "at", _POSITIONS, {"then": "continue"}),
            ("inject_error", "at", _POSITIONS, {"then": "rst"}),
            ("raw", "at", _POSITIONS, {"text": "\n"}),
            ("raw", "at", _POSITIONS, {"text": "data: x\n\n"}),
            ("tiny_events", "at", _POSITIONS, {"n": 5, "gap_ms": 1}),
            ("keepalive", "at", _POSITIONS, {"for_ms": 9, "every_ms": 2}),
            ("sse_comment", "every_ms", st.floats(0.5, 100), {}),
            ("sse_blank", "index", _INDEX, {"mode": "drop"}),
        )
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(_CALLS, min_size=1, max_size=4), seed=st.integers(0, 9))
def test_any_composition_gives_a_stream_that_can_be_played(kit, calls, seed):
    """Its spans are its body, its times ascend, its notes say what was done."""
    draft = draft_response(kit.response())
    try:
        wire = apply_faults(draft, tuple(calls), Random(seed))
    except FaultError:
        return
    assert [span.start for span in wire.spans] == [
        0,
        *(span.end for span in wire.spans[:-1]),
    ][: len(wire.spans)]
    assert (wire.spans[-1].end if wire.spans else 0) == len(wire.body)
    for span in wire.spans:
        assert span.end > span.start
        assert bool(span.meant) <= (span.meaning is Meaning.REPLACED)
    times = [write.at_ns for write in wire.writes]
    assert times == sorted(times)
    assert wire.end_at_ns >= max(times, default=0)
    assert len(wire.notes) == len(calls)
    again = apply_faults(draft, tuple(calls), Random(seed))
    assert again == wire


@pytest.mark.parametrize("gap", [1, 7])
def test_a_write_that_is_split_stays_in_order(play, kit, gap):
    """Blocks put between two of one write part it, and nothing overtakes."""
    answer = kit.response((b"".join(kit.STREAM),))
    faults = [{"sse_comment": {"every": gap}}, {"event_dup": {"index": 1}}]
    wire = play(*faults, answer=answer)
    assert b"".join(write.data for write in wire.writes) == wire.body
    assert kit.times(wire) == sorted(kit.times(wire))

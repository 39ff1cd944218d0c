from __future__ import annotations

from dataclasses import replace

import pytest

from harness.faults.errors import FaultDefectError, FaultError
from harness.faults.registry import REGISTRY, Layer, fault


@pytest.mark.parametrize(
    ("call", "place"),
    [
        ({"event_dup": {"index": 2}}, "event 3, bytes {3} to {4}"),
        ({"event_drop": {"index": 2}}, "before event 2, byte {2}"),
        ({"event_swap": {"i": 1, "j": 3}}, "events 1 to 3, bytes {1} to {4}"),
        ({"done": {"mode": "hang"}}, "before event 8, byte {8}"),
        ({"sse_eol": {"eol": "cr"}}, "events 0 to 7, bytes 0 to {8}"),
    ],
)
def test_every_note_says_which_events_and_bytes_are_changed(play, kit, call, place):
    """Counted in the stream as the fault leaves it."""
    blocks = kit.STREAM
    if "event_dup" in call:
        blocks = (*blocks[:3], *blocks[2:])
    if "event_swap" in call:
        blocks = (blocks[0], blocks[3], blocks[2], blocks[1], *blocks[4:])
    ends = [sum(map(len, blocks[:count])) for count in range(len(blocks) + 1)]
    [note] = play(call).notes
    assert note.endswith(f"({place.format(*ends)})")


def test_comments_are_not_counted_as_events(play, kit):
    """As positions do not."""
    blocks = (b": hi\n\n", *kit.STREAM)
    [note] = play({"event_dup": {"index": 0}}, blocks=blocks).notes
    assert "(event 1, " in note


@pytest.mark.parametrize(
    "call",
    [{"sse_eol": {"eol": "lf"}}, {"sse_space": {"spaces": 1}}],
)
def test_a_fault_that_changes_nothing_is_refused(play, call):
    """A scenario with it would test nothing."""
    with pytest.raises(FaultError, match="it changes nothing in this stream"):
        play(call)


@pytest.fixture
def declare():
    """Declare faults for one test."""
    names = []

    def add(function):
        fault(Layer.EVENTS, example={})(function)
        names.append(function.__name__)

    yield add
    for name in names:
        del REGISTRY[name]


def test_a_fault_that_says_nothing_is_noted_by_its_name(play, declare):
    """The report must tell of it."""

    def quiet(draft):
        """Drop the first block."""
        return replace(draft, blocks=draft.blocks[1:])

    declare(quiet)
    assert play({"quiet": {}}).notes == ("applied quiet (before event 0, byte 0)",)


def test_a_defect_of_a_fault_is_told_with_its_place(play, declare):
    """No traceback, and no scenario that looks refused for a good reason."""

    def broken(draft):
        """Fail."""
        return draft.blocks[10_000]

    def forgetful(draft):
        """Return nothing."""

    declare(broken)
    declare(forgetful)
    with pytest.raises(FaultDefectError, match=r"broken: the fault failed with IndexE"):
        play({"broken": {}})
    with pytest.raises(FaultDefectError, match=r"to return EventDraft, got NoneType"):
        play({"forgetful": {}})

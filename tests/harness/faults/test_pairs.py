"""Any two faults of events and lines, one on the other, and the writes they give.

What a fault puts between two blocks of one recorded segment parts their write. Nothing
counts the writes anew for that: parts share one where they follow one another with the
same number, so a part in between is enough.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from random import Random

import pytest

from harness.cassette.files import read_cassette
from harness.cassette.model import Segment
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.registry import REGISTRY, FaultCall, FaultError, Layer, apply_faults

_CASSETTES = Path(__file__).parents[3] / "cassettes"
_NAMES = sorted(
    name
    for name, definition in REGISTRY.items()
    if definition.layer in {Layer.EVENTS, Layer.LINES}
)
_STREAMS = (
    "llama.cpp/plain-usage.yaml",
    "llama.cpp/tool-call.yaml",
    "llama.cpp/reasoning.yaml",
    "llama.cpp/languages.yaml",
    "recorded/llama.cpp/messages-plain.yaml",
)
# Their examples are large, which shows nothing more here.
_SMALL = {
    "giant_event": {"size": 3000},
    "tiny_events": {"n": 40},
    "keepalive": {"for_ms": 600, "every_ms": 150},
}


@cache
def _stream(cassette: str):
    """A recording in few large reads, which end anywhere: events share writes."""
    response = read_cassette(_CASSETTES / cassette).interactions[0].response
    body, size = response.body, 977
    times = [segment.at_ns for segment in response.segments]
    starts = range(0, len(body), size)
    segments = tuple(
        Segment(
            at_ns=times[min(len(times) - 1, number * len(times) // len(starts))],
            data=body[start : start + size],
        )
        for number, start in enumerate(starts)
    )
    return draft_response(replace(response, segments=segments))


def _call(name: str) -> FaultCall:
    example = {**REGISTRY[name].example, **_SMALL.get(name, {})}
    return FaultCall(name=name, parameters=example)


def _changed(name: str, draft):
    """Return a draft as one fault leaves it, before it is lowered."""
    definition, call = REGISTRY[name], _call(name)
    named = {definition.keywords[key]: value for key, value in call.parameters.items()}
    chance = (Random(3),) if definition.uses_chance else ()
    return definition.function(draft, *chance, **named)


def _later(first: str):
    """Return the faults that can come after one: those of lines follow all events."""
    lines = REGISTRY[first].layer is Layer.LINES
    return [name for name in _NAMES if not lines or REGISTRY[name].layer is Layer.LINES]


@cache
def _firsts(name: str):
    """The streams to which a fault applies, with it applied."""
    found = {}
    for cassette in _STREAMS:
        try:
            found[cassette] = _changed(name, _stream(cassette))
        except FaultError:
            continue
    return found


def _runs(draft):
    parts = [part for block in draft.blocks for part in block.parts]
    return [list(run) for _, run in groupby(parts, key=lambda part: part.segment)]


def _parted(draft):
    """Return a draft in which no number that was parted comes twice."""
    parts = iter(
        replace(part, segment=number)
        for number, run in enumerate(_runs(draft))
        for part in run
    )
    blocks = tuple(
        replace(block, parts=tuple(next(parts) for _ in block.parts))
        for block in draft.blocks
    )
    return replace(draft, blocks=blocks, next_segment=len(_runs(draft)))


@pytest.mark.parametrize("first", _NAMES)
def test_what_a_fault_puts_in_parts_a_write_for_every_fault_after_it(first):
    """The script is the same where each part of a write gets a number of its own."""
    applied = set()
    for cassette, draft in _firsts(first).items():
        for second in _later(first):
            try:
                wire = apply_faults(draft, (_call(second),), Random(3))
            except FaultError:
                continue
            applied.add(second)
            again = apply_faults(_parted(draft), (_call(second),), Random(3))
            assert again.writes == wire.writes, (cassette, second)
            assert (again.spans, again.end_at_ns) == (wire.spans, wire.end_at_ns)
    assert applied


@pytest.mark.parametrize("first", _NAMES)
def test_pieces_share_a_write_only_where_they_follow_one_another(first):
    """Whatever two faults did; and no write overtakes the one before it."""
    for cassette, draft in _firsts(first).items():
        for second in _later(first):
            try:
                changed = _changed(second, draft)
            except FaultError:
                continue
            wire = lower(changed)
            joined = [b"".join(part.data for part in run) for run in _runs(changed)]
            assert [write.data for write in wire.writes] == joined, (cassette, second)
            times = [write.at_ns for write in wire.writes]
            assert times == sorted(times), (cassette, second)

"""Builders of labelled streams: each makes one kind from a recording that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from harness.dialects.message import TextKey
from harness.stutter.labelled_stream import (
    LabelledBlock,
    LabelledStream,
    as_recorded,
    label,
    sent_again,
    with_texts,
)
from harness.stutter.recorded_stream import RecordedStream

__all__ = [
    "Builder",
    "clean",
    "clean_opening",
    "common_repeats",
    "cumulative",
    "final_cumulative",
    "first_word_later",
    "repeated",
    "shrinking",
]

Builder = Callable[[RecordedStream], LabelledStream | None]
"""Makes a labelled stream from a recording; None where it does not fit."""


def clean(stream: RecordedStream) -> LabelledStream | None:
    """Keep the recording; it must not open with a repeat."""
    return None if stream.opens_with_repeat else label(stream, as_recorded(stream))


def clean_opening(stream: RecordedStream) -> LabelledStream | None:
    """Keep the recording; it must open with a repeat."""
    return label(stream, as_recorded(stream)) if stream.opens_with_repeat else None


def cumulative(
    stream: RecordedStream, *, count: int | None = None, every: int = 1
) -> LabelledStream | None:
    """Make deltas carry the text so far: the first ``count`` of each text, or all."""
    if not stream.has_texts(3):
        return None
    blocks = as_recorded(stream)
    so_far: dict[TextKey, str] = {}
    numbers: dict[TextKey, int] = {}
    for place in stream.texts:
        full: dict[TextKey, str] = {}
        for choice, field, text in stream.decoded[place].texts:
            key = (choice, field)
            so_far[key] = so_far.get(key, "") + text
            numbers[key] = number = numbers.get(key, 0) + 1
            if number > 1 and number % every == 0 and number <= (count or number):
                full[key] = so_far[key]
        if full:
            one = blocks[place]
            blocks[place] = replace(one, block=with_texts(one.block, full))
    return label(stream, blocks)


def final_cumulative(stream: RecordedStream) -> LabelledStream | None:
    """Make the last delta of each text carry the whole text."""
    if not stream.has_texts(4):
        return None
    last: dict[TextKey, int] = {}
    whole: dict[TextKey, str] = {}
    for place in stream.texts:
        for choice, field, text in stream.decoded[place].texts:
            last[choice, field] = place
            whole[choice, field] = whole.get((choice, field), "") + text
    blocks = as_recorded(stream)
    for place in set(last.values()):
        full = {key: whole[key] for key, at in last.items() if at == place}
        one = blocks[place]
        blocks[place] = replace(one, block=with_texts(one.block, full))
    return label(stream, blocks)


def repeated(
    stream: RecordedStream,
    *,
    times: int,
    meant: bool,
    where: Literal["opening", "middle"],
) -> LabelledStream | None:
    """Send one text delta this many times in all, as a fault or as meant."""
    at_opening = where == "opening"
    place = stream.opening_delta() if at_opening else stream.middle_delta()
    if place is None:
        return None
    blocks = as_recorded(stream)
    first = blocks[place]
    at_ns = first.block.at_ns
    following = blocks[place + 1].block.at_ns if place + 1 < len(blocks) else at_ns
    gap_ns = max(0, following - at_ns) // times
    copies = [
        LabelledBlock(
            sent_again(first.block, number, at_ns + number * gap_ns),
            first.new if meant else (),
        )
        for number in range(1, times)
    ]
    blocks[place + 1 : place + 1] = copies
    return label(stream, blocks)


def shrinking(stream: RecordedStream) -> LabelledStream | None:
    """Send three deltas in one, then repeat it shorter and shorter, then go on."""
    if not stream.has_texts(4):
        return None
    first = stream.texts[:3]
    pure = all(stream.is_repeatable(place) for place in first)
    keys = {
        (choice, field) for at in first for choice, field, _ in stream.decoded[at].texts
    }
    if (
        not pure
        or len(keys) != 1
        or any(len(_texts_at(stream, at)) > 1 for at in first)
    ):
        return None
    [key] = keys
    texts = [_texts_at(stream, place)[0] for place in first]
    if not texts[0].strip():
        return None
    blocks = as_recorded(stream)
    for number, place in enumerate(first):
        text = "".join(texts[: 3 - number])
        block = with_texts(blocks[place].block, {key: text})
        new = ((*key, text),) if number == 0 else ()
        blocks[place] = LabelledBlock(block, new)
    return label(stream, blocks)


def _texts_at(stream: RecordedStream, place: int) -> list[str]:
    return [text for _, _, text in stream.decoded[place].texts]


_MEANT = (*"666", "\n", "\n", *["    "] * 2, *["| - "] * 2, *["ha"] * 2, *["no"] * 2)
"""Deltas that models rightly repeat: digits, line breaks, indentation, cells, words.

A filter against stutter was seen to turn 6666666666 into 666.
"""


def common_repeats(stream: RecordedStream) -> LabelledStream | None:
    """Insert common repeats of single tokens in the middle, as meant."""
    place = stream.middle_delta()
    if place is None:
        return None
    blocks = as_recorded(stream)
    model = blocks[place]
    choice, field, _ = model.new[0]
    said = [
        LabelledBlock(
            sent_again(
                with_texts(model.block, {(choice, field): text}),
                number,
                model.block.at_ns,
            ),
            ((choice, field, text),),
        )
        for number, text in enumerate(_MEANT, start=1)
    ]
    blocks[place + 1 : place + 1] = said
    return label(stream, blocks)


def first_word_later(stream: RecordedStream) -> LabelledStream | None:
    """Insert the opening delta again in the middle, twice, as meant."""
    opening, middle = stream.opening_delta(), stream.middle_delta()
    if opening is None or middle is None:
        return None
    blocks = as_recorded(stream)
    model = blocks[opening]
    at_ns = blocks[middle].block.at_ns
    said = [
        LabelledBlock(sent_again(model.block, number, at_ns), model.new)
        for number in (1, 2)
    ]
    blocks[middle + 1 : middle + 1] = said
    return label(stream, blocks)

"""Faults of deltas that repeat what was said: cumulative text in all its forms.

A proxy that repairs delivers the original while the opening of an answer lasts. Once an
unrelated delta ended the opening, nothing tells a repeat that is a defect from one that
is meant, so what follows passes as sent (DESIGN, section 8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from harness.dialects.openai_chat.chunk import choices_of, delta_of, text_of
from harness.faults.content import read_blocks, rewrite
from harness.faults.draft import Block, EventDraft, Meaning
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast
from harness.faults.registry import Layer, fault

__all__ = ["cumulative", "growing_first"]

Field = Literal["content", "reasoning", "refusal"]
Grown = Annotated[int, AtLeast(2)]

_Key = tuple[int, str]
"""Choice and field."""

# The fields of harness.dialects.openai_chat.deltas, and their names on the wire.
_FIELD_KEYS: Mapping[str, tuple[str, ...]] = {
    "content": ("content",),
    "reasoning": ("reasoning_content", "reasoning"),
    "refusal": ("refusal",),
}

_EVERY = 4
"""Which delta of a choice repeats all in the intermittent form: far enough from the
first for the opening to be over."""


@fault(Layer.EVENTS, example={"mode": "prefix"})
def cumulative(
    draft: EventDraft,
    *,
    mode: Literal["prefix", "final_full", "intermittent_full"] = "prefix",
    fields: list[Field] | None = None,
) -> EventDraft:
    """Let deltas carry the text so far in place of what is new.

    Args:
        draft: The stream.
        mode: Every delta (DashScope without ``incremental_output``), only the last one
            of each choice, or every fourth.
        fields: Which texts; ``content`` alone by default.
    """
    chosen = tuple(fields or ("content",))
    counts = _counts(draft, chosen)
    if not any(total > 1 for total in counts.values()):
        raise FaultError("no choice has two text deltas to add up")

    def decide(key: _Key, number: int) -> Meaning | None:
        if mode == "prefix":
            return Meaning.REPLACED if number > 1 else None
        if mode == "final_full":
            if number == 1 or number < counts[key]:
                return None
            return Meaning.REPLACED if number == 2 else Meaning.AS_SENT
        return Meaning.AS_SENT if number % _EVERY == 0 else None

    grown, count = _grow(draft, chosen, decide)
    if not count:
        raise FaultError(f"no choice has {_EVERY} text deltas", key="mode")
    return grown.noted(f"made {count} delta(s) carry the text so far ({mode})")


@fault(Layer.EVENTS, example={"count": 3})
def growing_first(draft: EventDraft, *, count: Grown = 3) -> EventDraft:
    """Let the first deltas grow, each carrying all text so far; then go on plainly.

    Args:
        draft: The stream.
        count: How many deltas of each choice grow, the first one counted.
    """
    draft, changes = _grow(
        draft,
        ("content",),
        lambda _, number: Meaning.REPLACED if 1 < number <= count else None,
    )
    if not changes:
        raise FaultError("no choice has two text deltas to add up", key="count")
    return draft.noted(f"made the first {count} deltas grow ({changes} changed)")


def _counts(draft: EventDraft, fields: Sequence[str]) -> Counter[_Key]:
    return Counter(
        (choice, field)
        for saying in read_blocks(draft.blocks)
        for choice, field, _ in saying.texts
        if field in fields
    )


def _grow(
    draft: EventDraft,
    fields: Sequence[str],
    decide: Callable[[_Key, int], Meaning | None],
) -> tuple[EventDraft, int]:
    """Put the text so far into the deltas that ``decide`` names; count the events.

    ``decide`` gets choice and field, and the number of the delta, counted from 1; it
    returns what is meant where the delta is to carry all, else None.
    """
    so_far: dict[_Key, str] = {}
    numbers: Counter[_Key] = Counter()
    changes = 0
    for place, saying in enumerate(read_blocks(draft.blocks)):
        block = draft.blocks[place]
        if block.meaning in {Meaning.NOTHING, Meaning.LOST}:
            continue  # a repeat adds nothing to what the server has said
        full: dict[_Key, str] = {}
        meaning: Meaning = block.meaning
        for choice, field, text in saying.texts:
            if field not in fields:
                continue
            key = (choice, field)
            so_far[key] = so_far.get(key, "") + text
            numbers[key] += 1
            meant = decide(key, numbers[key])
            if meant is not None:
                full[key] = so_far[key]
                meaning = meant if meaning is Meaning.AS_SENT else meaning
        if full:
            changes += 1
            draft = draft.with_sent(
                place,
                rewrite(block.sent, partial(_set_texts, full)),
                meaning=meaning,
                meant=_meant(block, meaning),
            )
    return draft, changes


def _meant(block: Block, meaning: Meaning) -> bytes:
    if meaning is not Meaning.REPLACED:
        return b""
    return block.meant if block.meaning is Meaning.REPLACED else block.sent


def _set_texts(full: Mapping[_Key, str], value: Any) -> None:
    for index, choice in choices_of(value):
        delta = delta_of(choice)
        for field, keys in _FIELD_KEYS.items():
            for key in keys:
                if (index, field) in full and text_of(delta, key):
                    delta[key] = full[index, field]

"""Faults of deltas that repeat earlier text: cumulative text in all its forms.

A repairing proxy delivers the original while the opening of an answer lasts. After an
unrelated delta has ended the opening, nobody can distinguish a defective repeat from an
intended one, so later deltas pass as sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from harness.dialects.message import TextKey
from harness.dialects.openai_chat.opening import OpeningTracker
from harness.faults.draft.blocks import Block, EventDraft, Meaning
from harness.faults.draft.decoded import DecodedBlock, decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import with_texts
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, AtMost, Count
from harness.faults.registry import Layer, fault

__all__ = ["cumulative", "growing_first", "shrinking_first"]

Field = Literal["content", "reasoning", "reasoning_content", "refusal"]
Grown = Annotated[int, AtLeast(2), AtMost(100_000)]

_EVERY = 4
"""The distance of the cumulative deltas in ``intermittent_full``: the fourth is far
enough from the first for the opening to be over."""

_ORACLE_FIELDS = {"reasoning_content": "reasoning"}


@fault(Layer.EVENTS, example={"mode": "prefix"})
def cumulative(
    draft: EventDraft,
    *,
    mode: Literal["prefix", "drift", "final_full", "intermittent_full"] = "prefix",
    fields: list[Field] | None = None,
    start: Count = 1,
) -> EventDraft:
    """Send the whole text so far in deltas, instead of only the new text.

    Args:
        draft: The stream.
        mode: The deltas that carry the text so far.

            - ``prefix``: every delta (DashScope without ``incremental_output``).
            - ``drift``: every delta, but every second one adds or removes a space at
              the beginning of the text (a server that decodes all tokens again each
              time).
            - ``final_full``: only the last delta of each choice.
            - ``intermittent_full``: every fourth delta.
        fields: The texts; by default only the content.

            - ``content``: the answer.
            - ``reasoning``: the reasoning of the model.
            - ``reasoning_content``: another name for ``reasoning``.
            - ``refusal``: the reason why the model does not answer.
        start: The number of the first such delta, counted from 1 in each text. From 3
            on, the opening is already over.

    Oracle:
        Repairing: in the opening of a text only the new text is delivered, so the
        client gets the original; repeats after an unrelated delta pass as sent.
        Transparent: as sent.
    """
    chosen = [_ORACLE_FIELDS.get(name, name) for name in fields or ["content"]]
    totals = _totals(draft, chosen)
    if not any(total > 1 for total in totals.values()):
        raise FaultError("no choice has two text deltas to accumulate")

    def carries_all(key: TextKey, number: int) -> bool:
        if number < max(start, 2):
            return False
        if mode == "final_full":
            return number == totals[key]
        return mode != "intermittent_full" or number % _EVERY == 0

    grown, count = _grow(draft, chosen, carries_all, drifts=mode == "drift")
    if not count:
        raise FaultError(
            f"no text has enough deltas: the longest has {max(totals.values())}",
            key="mode" if start == 1 else "start",
        )
    return grown.with_note(f"sent the text so far in {count} delta(s) ({mode})")


@fault(Layer.EVENTS, example={"count": 3})
def growing_first(draft: EventDraft, *, count: Grown = 3) -> EventDraft:
    """Send the whole text so far in the first deltas, then continue normally.

    Args:
        draft: The stream.
        count: The number of such deltas in each choice, including the first.

    Oracle:
        Repairing: the original text. Transparent: as sent.
    """
    draft, changes = _grow(draft, ["content"], lambda _, number: 1 < number <= count)
    if not changes:
        raise FaultError("no choice has two text deltas to accumulate", key="count")
    return draft.with_note(f"made the first {count} deltas grow ({changes} changed)")


@fault(Layer.EVENTS, example={"count": 3})
def shrinking_first(draft: EventDraft, *, count: Grown = 3) -> EventDraft:
    """Send the first deltas as one, then shorter and shorter repeats of it.

    The first delta has the text of the first ``count`` deltas; each of the following
    has one delta less; after them the stream continues normally.

    Args:
        draft: The stream.
        count: The number of such deltas in each choice, including the first.

    Oracle:
        Repairing: the original text, since nobody can take back sent text and a shorter
        repeat adds nothing. Transparent: as sent.
    """
    decoded = decode_blocks(draft.blocks)
    texts = _texts_of(draft, decoded)
    short = [key for key, parts in texts.items() if len(parts) >= count]
    if not short:
        longest = max(map(len, texts.values()), default=0)
        raise FaultError(
            f"expected at most {longest}, the text deltas of a choice, got {count}",
            key="count",
        )
    numbers: Counter[TextKey] = Counter()
    edit = Edit(draft)
    changes = 0
    for place, entry in enumerate(decoded):
        block = draft.blocks[place]
        if _adds_nothing(block):
            continue
        sent: dict[TextKey, str] = {}
        meant: dict[TextKey, str] = {}
        for choice, field, _ in entry.texts:
            key = (choice, field)
            numbers[key] += 1
            if key in short and numbers[key] <= count:
                whole = "".join(texts[key][:count])
                left = count + 1 - numbers[key]
                sent[key] = "".join(texts[key][:left])
                meant[key] = whole if numbers[key] == 1 else ""
        if sent:
            changes += 1
            _shrink(edit, place, block, entry, sent, meant)
    return edit.apply().with_note(
        f"sent {count} deltas as one, then shorter repeats ({changes} changed)"
    )


def _shrink(  # noqa: PLR0913, PLR0917 - one change of one block
    edit: Edit,
    place: int,
    block: Block,
    entry: DecodedBlock,
    sent: dict[TextKey, str],
    meant: dict[TextKey, str],
) -> None:
    whole = with_texts(block.sent, sent)
    if sent == meant:
        edit.replace_bytes(place, whole, meaning=Meaning.AS_SENT)
    elif entry.is_text_only and not any(meant.values()):
        edit.replace_bytes(place, whole, meaning=Meaning.NOTHING)
    else:
        edit.replace_bytes(
            place,
            whole,
            meaning=Meaning.REPLACED,
            meant=with_texts(block.sent, meant),
        )


def _adds_nothing(block: Block) -> bool:
    """Return whether a block adds nothing to the answer: a repeat, noise."""
    return block.meaning in {Meaning.NOTHING, Meaning.LOST}


def _texts_of(
    draft: EventDraft, decoded: Sequence[DecodedBlock]
) -> dict[TextKey, list[str]]:
    """Return the content deltas of every choice."""
    texts: dict[TextKey, list[str]] = {}
    for place, entry in enumerate(decoded):
        if not _adds_nothing(draft.blocks[place]):
            for choice, field, text in entry.texts:
                if field == "content":
                    texts.setdefault((choice, field), []).append(text)
    return texts


def _totals(draft: EventDraft, fields: Sequence[str]) -> Counter[TextKey]:
    return Counter(
        (choice, field)
        for place, entry in enumerate(decode_blocks(draft.blocks))
        if not _adds_nothing(draft.blocks[place])
        for choice, field, _ in entry.texts
        if field in fields
    )


def _grow(
    draft: EventDraft,
    fields: Sequence[str],
    carries_all: Callable[[TextKey, int], bool],
    *,
    drifts: bool = False,
) -> tuple[EventDraft, int]:
    """Put the text so far into some deltas; return the draft and the changed events.

    ``carries_all`` chooses the deltas: it gets choice and field, and the number of the
    delta, counted from 1.
    """
    so_far: dict[TextKey, str] = {}
    numbers: Counter[TextKey] = Counter()
    openings = OpeningTracker()
    edit = Edit(draft)
    changes = 0
    for place, entry in enumerate(decode_blocks(draft.blocks)):
        block = draft.blocks[place]
        full: dict[TextKey, str] = {}
        if not _adds_nothing(block):
            for choice, field, text in entry.texts:
                key = (choice, field)
                if field not in fields:
                    continue
                so_far[key] = so_far.get(key, "") + text
                numbers[key] += 1
                if carries_all(key, numbers[key]):
                    changed = drifts and numbers[key] % 2 == 0
                    full[key] = _drifted(so_far[key]) if changed else so_far[key]
        sent = [
            (choice, field, full.get((choice, field), text))
            for choice, field, text in entry.texts
        ]
        if full:
            changes += 1
            _send_full(edit, place, block, full, openings)
        openings.read(sent)
    return edit.apply(), changes


def _send_full(
    edit: Edit,
    place: int,
    block: Block,
    full: dict[TextKey, str],
    openings: OpeningTracker,
) -> None:
    """Send a block with all text so far, and set its meaning."""
    sent = with_texts(block.sent, full)
    if block.meaning is Meaning.REPLACED:
        edit.replace_bytes(place, sent, meaning=Meaning.REPLACED, meant=block.meant)
        return
    later = {key: text for key, text in full.items() if not openings.repeats(key, text)}
    if len(later) == len(full):
        edit.replace_bytes(place, sent, meaning=Meaning.AS_SENT)
    else:
        meant = with_texts(block.sent, later) if later else block.sent
        edit.replace_bytes(place, sent, meaning=Meaning.REPLACED, meant=meant)


def _drifted(text: str) -> str:
    return text[1:] if text.startswith(" ") else f" {text}"

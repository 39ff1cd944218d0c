"""Labelled sets: streams that stutter, and streams that only look like it.

Each is made of a clean recorded stream, so that what was meant is known to the letter:
the text that the recording says. Two signs decide where a set is counted.

*Stutters* says whether the upstream is at fault (its repeats must go) or the repeats
are meant (they must stay). *Decidable* says whether content can tell: an opening that
grows is no accident, but ``ha``, ``ha`` is the same on the wire whether it was said or
stuttered, so what a target does with it is a choice and is counted apart (DESIGN,
section 8; `research/FAULTS.md`, classes 15 and 16).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness.cassette.model import Response
from harness.dialects.openai_chat.chunk import choices_of, delta_of, text_of
from harness.dialects.openai_chat.deltas import text_deltas
from harness.dialects.openai_chat.payload import PayloadKind
from harness.faults.draft.blocks import Block, BlockPart, EventDraft
from harness.faults.draft.decoded import DecodedBlock, decode_blocks
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.draft.wire import WireDraft

__all__ = ["SETS", "Base", "LabelledStream", "StutterSet", "base_of"]

Key = tuple[int, str]
"""Choice and field."""

_FIELD_KEYS: Mapping[str, str] = {
    "content": "content",
    "reasoning_content": "reasoning",
    "reasoning": "reasoning",
    "refusal": "refusal",
}
"""A text's name on the wire, and the field that `harness.dialects` reads it as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledStream:
    """One stream of a set.

    Attributes:
        wire: What the upstream plays.
        meant: Every piece of text that was meant, in order: the end offset in the
            body of the block that first carries it, its choice and field, the text.
    """

    wire: WireDraft
    meant: tuple[tuple[int, int, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StutterSet:
    """One kind of stream.

    Attributes:
        name: What the command and the report call it.
        what: What the upstream does, in plain words.
        stutters: Whether the repeats are a fault: they must not reach the client.
        decidable: Whether content can tell a fault from what is meant.
        build: Makes its blocks of a clean stream; None where it does not fit.
    """

    name: str
    what: str
    stutters: bool
    decidable: bool
    build: Callable[[Base], LabelledStream | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A clean stream, read once for all sets.

    Attributes:
        draft: The recording.
        decoded: What each of its blocks says.
        texts: Blocks with text, in order.
        opens_with_repeat: Whether its own text repeats itself at its opening, so that
            not even of this recording content tells what was meant.
        why_not: Why it is in no set; None: it is.
    """

    draft: EventDraft
    decoded: tuple[DecodedBlock, ...]
    texts: tuple[int, ...]
    opens_with_repeat: bool
    why_not: str | None


def base_of(response: Response) -> Base:
    """Read a recording, and tell whether it is a clean chat stream."""
    draft = draft_response(response)
    decoded = tuple(decode_blocks(draft.blocks))
    texts = tuple(place for place, entry in enumerate(decoded) if entry.texts)
    return Base(
        draft=draft,
        decoded=decoded,
        texts=texts,
        opens_with_repeat=_opens_with_repeat(decoded),
        why_not=_why_not(response, decoded),
    )


def _why_not(response: Response, decoded: Sequence[DecodedBlock]) -> str | None:
    kind = response.header("content-type") or ""
    if response.status >= 400 or "text/event-stream" not in kind.lower():
        return "no event stream"
    kinds = {entry.payload.kind for entry in decoded if entry.payload}
    if PayloadKind.ERROR in kinds:
        return "it reports an error"
    if PayloadKind.MALFORMED in kinds:
        return "it has malformed events"
    if PayloadKind.CHUNK not in kinds:
        return "no chat chunks"
    return None


def _opens_with_repeat(decoded: Sequence[DecodedBlock]) -> bool:
    """Whether the second delta of a text repeats, extends or begins the first."""
    first: dict[Key, str] = {}
    second: dict[Key, str] = {}
    for entry in decoded:
        for choice, field, text in entry.texts:
            key = (choice, field)
            if key in first:
                second.setdefault(key, text)
            elif text.strip():
                first[key] = text
    return any(
        text.startswith(first[key]) or first[key].startswith(text)
        for key, text in second.items()
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One block to send, and the text that is new with it."""

    block: Block
    new: tuple[tuple[int, str, str], ...] = ()


def _labelled(base: Base, parts: Sequence[_Part]) -> LabelledStream:
    draft = replace(base.draft, blocks=tuple(part.block for part in parts))
    wire = lower(draft)
    meant = tuple(
        (span.end, choice, field, text)
        for part, span in zip(parts, wire.spans, strict=True)
        for choice, field, text in part.new
    )
    return LabelledStream(wire=wire, meant=meant)


def _parts(base: Base) -> list[_Part]:
    return [
        _Part(block, _all_texts(entry))
        for block, entry in zip(base.draft.blocks, base.decoded, strict=True)
    ]


def _all_texts(entry: DecodedBlock) -> tuple[tuple[int, str, str], ...]:
    """Return every text of a block; arguments of tool calls must not be lost either."""
    if not entry.is_chunk or entry.payload is None:
        return ()
    return tuple(text_deltas(entry.payload.value))


def _saying_else(block: Block, texts: Mapping[Key, str]) -> Block:
    """Return a text block with other texts, written when its last byte was due."""
    last = block.parts[-1]
    sent = rewrite_json(block.sent, partial(_set_texts, texts))
    return replace(block, parts=(replace(last, data=sent),))


def _set_texts(texts: Mapping[Key, str], value: Any) -> None:
    for index, choice in choices_of(value):
        delta = delta_of(choice)
        for name, field in _FIELD_KEYS.items():
            if text_of(delta, name):
                delta[name] = texts.get((index, field), delta[name])


def _again(block: Block, number: int, at_ns: int) -> Block:
    """Return a block to be sent again: its own write, with a number nobody has."""
    return replace(block, parts=(BlockPart(at_ns, block.sent, segment=-number),))


# How the sets are made.


def _clean(base: Base) -> LabelledStream | None:
    return None if base.opens_with_repeat else _labelled(base, _parts(base))


def _clean_opening(base: Base) -> LabelledStream | None:
    return _labelled(base, _parts(base)) if base.opens_with_repeat else None


def _grown(count: int | None, *, every: int = 1) -> Callable[[Base], Any]:
    """Deltas carry the text so far: the first ``count`` of each text, or all."""

    def build(base: Base) -> LabelledStream | None:
        if not _fits(base, at_least=3):
            return None
        parts = _parts(base)
        so_far: dict[Key, str] = {}
        numbers: dict[Key, int] = {}
        for place in base.texts:
            full: dict[Key, str] = {}
            for choice, field, text in base.decoded[place].texts:
                key = (choice, field)
                so_far[key] = so_far.get(key, "") + text
                numbers[key] = number = numbers.get(key, 0) + 1
                if number > 1 and number % every == 0 and number <= (count or number):
                    full[key] = so_far[key]
            if full:
                part = parts[place]
                parts[place] = replace(part, block=_saying_else(part.block, full))
        return _labelled(base, parts)

    return build


def _final(base: Base) -> LabelledStream | None:
    """Only the last delta of each text carries all of it."""
    if not _fits(base, at_least=4):
        return None
    last: dict[Key, int] = {}
    whole: dict[Key, str] = {}
    for place in base.texts:
        for choice, field, text in base.decoded[place].texts:
            last[choice, field] = place
            whole[choice, field] = whole.get((choice, field), "") + text
    parts = _parts(base)
    for place in set(last.values()):
        full = {key: whole[key] for key, at in last.items() if at == place}
        part = parts[place]
        parts[place] = replace(part, block=_saying_else(part.block, full))
    return _labelled(base, parts)


def _repeated(times: int, *, meant: bool, where: str) -> Callable[[Base], Any]:
    """One text delta is sent so often in all: by a fault, or because it is meant."""

    def build(base: Base) -> LabelledStream | None:
        place = _place(base, where)
        if place is None:
            return None
        parts = _parts(base)
        first = parts[place]
        at_ns = first.block.at_ns
        following = parts[place + 1].block.at_ns if place + 1 < len(parts) else at_ns
        gap_ns = max(0, following - at_ns) // times
        copies = [
            _Part(
                _again(first.block, number, at_ns + number * gap_ns),
                first.new if meant else (),
            )
            for number in range(1, times)
        ]
        parts[place + 1 : place + 1] = copies
        return _labelled(base, parts)

    return build


def _place(base: Base, where: str) -> int | None:
    """Return the delta to repeat: the one that opens the text, or one in the middle."""
    if base.opens_with_repeat:
        return None
    if where == "opening":
        first = next((at for at in base.texts if base.decoded[at].has_words), None)
        fits = first is not None and len(base.texts) > 1
        return first if fits and _repeatable(base.decoded[first or 0]) else None
    middle = [place for place in _settled(base) if _repeatable(base.decoded[place])]
    return middle[len(middle) // 2] if middle else None


def _repeatable(entry: DecodedBlock) -> bool:
    """Whether an event can come again without entry more than its text again."""
    return entry.has_words and not entry.has_finish and not entry.has_tool


def _settled(base: Base) -> list[int]:
    """Return the blocks whose texts are past their opening.

    The delta that opens a text and the one that ends the opening stand before; of a
    stream that does not open with a repeat, that is the next one.
    """
    settled = []
    spoken: dict[Key, int] = {}
    for place in base.texts:
        texts = base.decoded[place].texts
        if all(spoken.get((choice, field), 0) > 1 for choice, field, _ in texts):
            settled.append(place)
        for choice, field, text in texts:
            if text.strip() or (choice, field) in spoken:
                spoken[choice, field] = spoken.get((choice, field), 0) + 1
    return settled


def _shrinking(base: Base) -> LabelledStream | None:
    """The first delta carries three, is sent again shorter and shorter; then on."""
    if not _fits(base, at_least=4):
        return None
    first = base.texts[:3]
    pure = all(_repeatable(base.decoded[place]) for place in first)
    keys = {
        (choice, field) for at in first for choice, field, _ in base.decoded[at].texts
    }
    if not pure or len(keys) != 1 or any(len(_texts_at(base, at)) > 1 for at in first):
        return None
    [key] = keys
    texts = [_texts_at(base, place)[0] for place in first]
    if not texts[0].strip():
        return None
    parts = _parts(base)
    for number, place in enumerate(first):
        text = "".join(texts[: 3 - number])
        block = _saying_else(parts[place].block, {key: text})
        new = ((*key, text),) if number == 0 else ()
        parts[place] = _Part(block, new)
    return _labelled(base, parts)


def _texts_at(base: Base, place: int) -> list[str]:
    return [text for _, _, text in base.decoded[place].texts]


_MEANT = (*"666", "\n", "\n", *["    "] * 2, *["| - "] * 2, *["ha"] * 2, *["no"] * 2)
"""What models repeat rightly: digits, line breaks, indentation, cells of a table, words
(`research/FAULTS.md`, class 15: a filter made 666 of 6666666666)."""


def _common_repeats(base: Base) -> LabelledStream | None:
    """Common repeats of single tokens, said in the middle."""
    place = _place(base, "middle")
    if place is None:
        return None
    parts = _parts(base)
    model = parts[place]
    choice, field, _ = model.new[0]
    said = [
        _Part(
            _again(
                _saying_else(model.block, {(choice, field): text}),
                number,
                model.block.at_ns,
            ),
            ((choice, field, text),),
        )
        for number, text in enumerate(_MEANT, start=1)
    ]
    parts[place + 1 : place + 1] = said
    return _labelled(base, parts)


def _first_word_later(base: Base) -> LabelledStream | None:
    """The delta that opened the text is said again in the middle, twice."""
    opening, middle = _place(base, "opening"), _place(base, "middle")
    if opening is None or middle is None:
        return None
    parts = _parts(base)
    model = parts[opening]
    said = [
        _Part(_again(model.block, number, parts[middle].block.at_ns), model.new)
        for number in (1, 2)
    ]
    parts[middle + 1 : middle + 1] = said
    return _labelled(base, parts)


def _fits(base: Base, *, at_least: int) -> bool:
    return not base.opens_with_repeat and len(base.texts) >= at_least


def _set(
    name: str, what: str, build: Callable[[Base], Any], *, fault: bool, sure: bool
) -> StutterSet:
    return StutterSet(name=name, what=what, stutters=fault, decidable=sure, build=build)


_MIDDLE = partial(_repeated, where="middle")
_OPENING = partial(_repeated, where="opening")

SETS: tuple[StutterSet, ...] = (
    _set(
        "growing",
        "the first three deltas carry all text so far, then plain ones follow",
        _grown(3),
        fault=True,
        sure=True,
    ),
    _set(
        "cumulative",
        "every delta carries all text so far",
        _grown(None),
        fault=True,
        sure=True,
    ),
    _set(
        "clean",
        "as it was recorded",
        _clean,
        fault=False,
        sure=True,
    ),
    _set(
        "meant-middle",
        "a delta in the middle is meant three times",
        _MIDDLE(3, meant=True),
        fault=False,
        sure=True,
    ),
    _set(
        "meant-common",
        "digits, line breaks, indentation, cells and words repeat in the middle",
        _common_repeats,
        fault=False,
        sure=True,
    ),
    _set(
        "meant-first-later",
        "what opened the text is said again, twice, in the middle",
        _first_word_later,
        fault=False,
        sure=True,
    ),
    _set(
        "repeat-first-2",
        "the first text delta is sent twice",
        _OPENING(2, meant=False),
        fault=True,
        sure=False,
    ),
    _set(
        "repeat-first-3",
        "the first text delta is sent three times",
        _OPENING(3, meant=False),
        fault=True,
        sure=False,
    ),
    _set(
        "shrinking",
        "three deltas come in one, then shorter and shorter, then plain ones follow",
        _shrinking,
        fault=True,
        sure=False,
    ),
    _set(
        "duplicate-middle",
        "a delta in the middle is sent twice",
        _MIDDLE(2, meant=False),
        fault=True,
        sure=False,
    ),
    _set(
        "cumulative-every-4th",
        "every fourth delta carries all text so far",
        _grown(None, every=4),
        fault=True,
        sure=False,
    ),
    _set(
        "cumulative-final",
        "the last delta carries all text so far",
        _final,
        fault=True,
        sure=False,
    ),
    _set(
        "clean-opening",
        "as it was recorded, and its own text opens with a repeat",
        _clean_opening,
        fault=False,
        sure=False,
    ),
    _set(
        "meant-opening-2",
        "the first text delta is meant twice",
        _OPENING(2, meant=True),
        fault=False,
        sure=False,
    ),
    _set(
        "meant-opening-3",
        "the first text delta is meant three times",
        _OPENING(3, meant=True),
        fault=False,
        sure=False,
    ),
)
"""All sets. The gate counts those that content can decide."""

"""A labelled stream: blocks to send, and the text that is meant by each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness.dialects.openai_chat.chunk import choices_of, delta_of, text_of
from harness.dialects.openai_chat.deltas import text_deltas
from harness.dialects.openai_chat.opening import TextKey
from harness.faults.draft.blocks import Block, BlockPart
from harness.faults.draft.decoded import DecodedBlock
from harness.faults.draft.lowering import lower
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.draft.wire import WireDraft
from harness.stutter.recorded_stream import RecordedStream

__all__ = [
    "LabelledBlock",
    "LabelledStream",
    "as_recorded",
    "label",
    "sent_again",
    "with_texts",
]

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


@dataclass(frozen=True, slots=True)
class LabelledBlock:
    """One block to send, and the text that is new with it: choice, field, text."""

    block: Block
    new: tuple[tuple[int, str, str], ...] = ()


def as_recorded(stream: RecordedStream) -> list[LabelledBlock]:
    """Return the blocks of a recording, each with its own texts."""
    return [
        LabelledBlock(block, _all_texts(decoded))
        for block, decoded in zip(stream.draft.blocks, stream.decoded, strict=True)
    ]


def label(stream: RecordedStream, blocks: Sequence[LabelledBlock]) -> LabelledStream:
    """Return a recording with these blocks instead of its own."""
    draft = replace(stream.draft, blocks=tuple(one.block for one in blocks))
    wire = lower(draft)
    meant = tuple(
        (span.end, choice, field, text)
        for one, span in zip(blocks, wire.spans, strict=True)
        for choice, field, text in one.new
    )
    return LabelledStream(wire=wire, meant=meant)


def with_texts(block: Block, texts: Mapping[TextKey, str]) -> Block:
    """Return a text block with other texts, written when its last byte was due."""
    last = block.parts[-1]
    sent = rewrite_json(block.sent, partial(_set_texts, texts))
    return replace(block, parts=(replace(last, data=sent),))


def sent_again(block: Block, number: int, at_ns: int) -> Block:
    """Return a block to be sent again: its own write, with a number nobody has."""
    return replace(block, parts=(BlockPart(at_ns, block.sent, segment=-number),))


def _all_texts(decoded: DecodedBlock) -> tuple[tuple[int, str, str], ...]:
    """Return every text of a block; arguments of tool calls must not be lost either."""
    if not decoded.is_chunk or decoded.payload is None:
        return ()
    return tuple(text_deltas(decoded.payload.value))


def _set_texts(texts: Mapping[TextKey, str], value: Any) -> None:
    for index, choice in choices_of(value):
        delta = delta_of(choice)
        for name, field in _FIELD_KEYS.items():
            if text_of(delta, name):
                delta[name] = texts.get((index, field), delta[name])

"""A labelled stream: blocks to send, with the text that each is meant to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.dialects.message import Text, TextKey
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft import rewrite
from harness.faults.draft.blocks import Block, BlockPart
from harness.faults.draft.decoded import DecodedBlock
from harness.faults.draft.lowering import lower
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
    new: tuple[Text, ...] = ()


def as_recorded(stream: RecordedStream) -> list[LabelledBlock]:
    """Return the blocks of a recording, each with its own texts."""
    return [
        LabelledBlock(block, _all_texts(decoded))
        for block, decoded in zip(stream.draft.blocks, stream.decoded, strict=True)
    ]


def label(stream: RecordedStream, blocks: Sequence[LabelledBlock]) -> LabelledStream:
    """Return a recording with these blocks in place of its own."""
    draft = replace(stream.draft, blocks=tuple(one.block for one in blocks))
    wire = lower(draft)
    meant = tuple(
        (span.end, choice, field, text)
        for one, span in zip(blocks, wire.spans, strict=True)
        for choice, field, text in one.new
    )
    return LabelledStream(wire=wire, meant=meant)


def with_texts(block: Block, texts: Mapping[TextKey, str]) -> Block:
    """Return a text block with other texts, sent when its last byte was due."""
    last = block.parts[-1]
    sent = rewrite.with_texts(block.sent, texts)
    return replace(block, parts=(replace(last, data=sent),))


def sent_again(block: Block, number: int, at_ns: int) -> Block:
    """Return a block to be sent again, in a write of its own."""
    return replace(block, parts=(BlockPart(at_ns, block.sent, segment=-number),))


def _all_texts(decoded: DecodedBlock) -> tuple[Text, ...]:
    """Return every text of a block, arguments of tool calls included."""
    if not decoded.is_chunk or decoded.payload is None:
        return ()
    return tuple(OPENAI_CHAT.texts(decoded.payload.value))

"""The decoded blocks of a draft, and the selection of those that a fault changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from harness.dialects.message import TEXT_FIELDS, ChoiceDelta, EventMeaning, Text
from harness.dialects.payload import Payload, PayloadKind
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import Block
from harness.faults.errors import FaultError
from harness.sse.parser import parse

__all__ = [
    "DecodedBlock",
    "Selection",
    "decode_block",
    "decode_blocks",
    "event_block",
    "event_run",
    "selected_chunks",
]


@dataclass(frozen=True, kw_only=True)
class DecodedBlock:
    """A block as a client reads it.

    Attributes:
        data: The event's data. None: the block dispatches no event.
        payload: The data as its dialect reads it. None where ``data`` is.
    """

    data: str | None = None
    payload: Payload | None = None

    @cached_property
    def meaning(self) -> EventMeaning:
        """The meaning of a chunk; empty where the block is no chunk."""
        if not self.is_chunk or self.payload is None:
            return EventMeaning()
        return OPENAI_CHAT.meaning(self.payload.value)

    @property
    def is_event(self) -> bool:
        """Whether the block dispatches an event."""
        return self.payload is not None

    @property
    def is_chunk(self) -> bool:
        """Whether the block is a chunk."""
        return self.payload is not None and self.payload.kind is PayloadKind.CHUNK

    @property
    def is_done(self) -> bool:
        """Whether the block is the sentinel."""
        return self.payload is not None and self.payload.kind is PayloadKind.END

    @property
    def texts(self) -> list[Text]:
        """Choice, field and text of every text delta, without tool arguments."""
        return [
            (delta.choice, field, text)
            for delta in self.choices
            for field, text in delta.texts
            if field in TEXT_FIELDS
        ]

    @property
    def has_words(self) -> bool:
        """Whether the block has text that is not only white space."""
        return any(text.strip() for _, _, text in self.texts)

    @property
    def choices(self) -> tuple[ChoiceDelta, ...]:
        """What the block adds to each choice."""
        return self.meaning.choices

    @property
    def has_role(self) -> bool:
        """Whether the block names a role."""
        return any(delta.has_role for delta in self.choices)

    @property
    def has_finish(self) -> bool:
        """Whether a choice finishes in the block."""
        return any(delta.finish_reason for delta in self.choices)

    @property
    def has_tool(self) -> bool:
        """Whether a delta carries tool calls."""
        return any(delta.has_tools for delta in self.choices)

    @property
    def calls(self) -> list[int]:
        """The index of every fragment of a tool call in the block."""
        return [tool.index for delta in self.choices for tool in delta.tools]

    @property
    def has_usage(self) -> bool:
        """Whether the block carries a usage that is not null."""
        return self.meaning.usage is not None

    @property
    def is_text_only(self) -> bool:
        """Whether the block has only text, and the keys that every chunk repeats."""
        if not self.texts or self.has_role or self.has_finish or self.has_usage:
            return False
        return not self.has_tool


def decode_block(sent: bytes) -> DecodedBlock:
    """Decode a block as if it were the whole stream."""
    events = parse(sent).events
    if not events:
        return DecodedBlock()
    event = events[0]
    payload = OPENAI_CHAT.read(event.data, event.event)
    return DecodedBlock(data=event.data, payload=payload)


def decode_blocks(blocks: Iterable[Block]) -> list[DecodedBlock]:
    """Decode each block of a draft by itself."""
    return [decode_block(block.sent) for block in blocks]


def event_block(
    decoded: Sequence[DecodedBlock], index: int, *, key: str = "index"
) -> int:
    """Return the number of the block with event ``index``; negative: from the end.

    Raises:
        FaultError: The stream has fewer events.
    """
    events = [place for place, entry in enumerate(decoded) if entry.is_event]
    if not -len(events) <= index < len(events):
        raise FaultError(
            f"the stream has {len(events)} event(s), got event {index}", key=key
        )
    return events[index]


def event_run(
    decoded: Sequence[DecodedBlock], first: int, count: int, *, key: str
) -> list[int]:
    """Return the numbers of the next ``count`` blocks with events, ``first`` included.

    Raises:
        FaultError: There are fewer. The key is ``key``.
    """
    found: list[int] = []
    for place in range(first, len(decoded)):
        if len(found) == count:
            break
        if decoded[place].is_event:
            found.append(place)
    if len(found) < count:
        raise FaultError(
            f"only {len(found)} event(s) follow from there, got {count}", key=key
        )
    return found


Selection = Literal[
    "role",
    "first_content",
    "last_content",
    "content",
    "tool",
    "finish",
    "usage",
    "empty_choices",
    "all",
]
"""The words that select the chunks that a fault changes."""

_SELECTIONS: Mapping[str, Callable[[DecodedBlock], bool]] = {
    "role": lambda entry: entry.has_role,
    "content": lambda entry: bool(entry.texts),
    "first_content": lambda entry: entry.has_words,
    "last_content": lambda entry: bool(entry.texts),
    "tool": lambda entry: entry.has_tool,
    "finish": lambda entry: entry.has_finish,
    "usage": lambda entry: entry.has_usage,
    "empty_choices": lambda entry: entry.is_chunk and not entry.choices,
    "all": lambda entry: entry.is_chunk,
}


def selected_chunks(
    decoded: list[DecodedBlock], select: Selection | list[int]
) -> list[int]:
    """Return the numbers of the blocks that a selection names.

    Raises:
        FaultError: No chunk fits. The key is ``select``.
    """
    if not isinstance(select, str):
        places = [event_block(decoded, index, key="select") for index in select]
        strange = [
            index
            for index, place in zip(select, places, strict=True)
            if not decoded[place].is_chunk
        ]
        if strange or not places:
            got = f"event {strange[0]}" if strange else "no event"
            raise FaultError(
                f"expected events that are chunks, got {got}", key="select"
            )
        return sorted(set(places))
    fits = _SELECTIONS[select]
    places = [place for place, entry in enumerate(decoded) if fits(entry)]
    if not places:
        raise FaultError(f"no chunk fits {select!r}", key="select")
    if select == "first_content":
        return places[:1]
    return places[-1:] if select == "last_content" else places

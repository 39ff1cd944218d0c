"""What the blocks of a draft say, and how to find those that a fault changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    tool_fragments,
)
from harness.dialects.openai_chat.payload import parse_payload
from harness.dialects.openai_chat.texts import text_deltas
from harness.dialects.payload import Payload, PayloadKind
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedBlock:
    """One block as a client reads it: its event, if it is one, and what that means.

    Attributes:
        data: The event's data; None where the block dispatches no event.
        payload: What the data means; None as for ``data``.
    """

    data: str | None = None
    payload: Payload | None = None

    @property
    def is_event(self) -> bool:
        """Whether the block dispatches an event."""
        return self.payload is not None

    @property
    def is_chunk(self) -> bool:
        """Whether it is a provider's chunk."""
        return self.payload is not None and self.payload.kind is PayloadKind.CHUNK

    @property
    def is_done(self) -> bool:
        """Whether it is the sentinel."""
        return self.payload is not None and self.payload.kind is PayloadKind.END

    @property
    def texts(self) -> list[tuple[int, str, str]]:
        """Choice, field and text of every text delta; tool arguments are no text."""
        if not self.is_chunk or self.payload is None:
            return []
        deltas = text_deltas(self.payload.value)
        return [delta for delta in deltas if not delta[1].startswith("tool")]

    @property
    def has_words(self) -> bool:
        """Whether it has text that is not only white space."""
        return any(text.strip() for _, _, text in self.texts)

    @property
    def choices(self) -> list[tuple[int, dict[str, Any]]]:
        """The choices of a chunk, by index."""
        if not self.is_chunk or self.payload is None:
            return []
        return list(choices_of(self.payload.value))

    @property
    def has_role(self) -> bool:
        """Whether it names a role."""
        return any(delta_of(choice).get("role") for _, choice in self.choices)

    @property
    def has_finish(self) -> bool:
        """Whether a choice finishes in it."""
        return any(finish_reason_of(choice) for _, choice in self.choices)

    @property
    def has_tool(self) -> bool:
        """Whether a delta carries tool calls."""
        return any(delta_of(choice).get("tool_calls") for _, choice in self.choices)

    @property
    def calls(self) -> list[int]:
        """The index of every fragment of a tool call in it."""
        return [
            fragment.index
            for _, choice in self.choices
            for fragment in tool_fragments(delta_of(choice))
        ]

    @property
    def has_usage(self) -> bool:
        """Whether it carries a usage that is not null."""
        if not self.is_chunk or self.payload is None:
            return False
        return self.payload.value.get("usage") is not None

    @property
    def is_text_only(self) -> bool:
        """Whether it carries nothing beside text and what every chunk repeats."""
        if not self.texts or self.has_role or self.has_finish or self.has_usage:
            return False
        return not self.has_tool


def decode_block(sent: bytes) -> DecodedBlock:
    """Return what a block says when it is read by itself."""
    events = parse(sent).events
    if not events:
        return DecodedBlock()
    event = events[0]
    return DecodedBlock(data=event.data, payload=parse_payload(event.data, event.event))


def decode_blocks(blocks: Iterable[Block]) -> list[DecodedBlock]:
    """Return what each block of a draft says, in order."""
    return [decode_block(block.sent) for block in blocks]


def event_block(
    decoded: Sequence[DecodedBlock], index: int, *, key: str = "index"
) -> int:
    """Return the block of event ``index``; negative counts from the end.

    Raises:
        FaultError: There are fewer events.
    """
    events = [place for place, entry in enumerate(decoded) if entry.is_event]
    if not -len(events) <= index < len(events):
        raise FaultError(
            f"expected one of {len(events)} event(s), came {index}", key=key
        )
    return events[index]


def event_run(
    decoded: Sequence[DecodedBlock], first: int, count: int, *, key: str
) -> list[int]:
    """Return so many blocks with events, from one of them on.

    Raises:
        FaultError: There are fewer; its key is ``key``.
    """
    found: list[int] = []
    for place in range(first, len(decoded)):
        if len(found) == count:
            break
        if decoded[place].is_event:
            found.append(place)
    if len(found) < count:
        raise FaultError(
            f"only {len(found)} event(s) from there on, came {count}", key=key
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
"""Which chunks a fault changes."""

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
    """Return the blocks that a selection names.

    Raises:
        FaultError: None fits; its key is ``select``.
    """
    if not isinstance(select, str):
        places = [event_block(decoded, index, key="select") for index in select]
        strange = [
            index
            for index, place in zip(select, places, strict=True)
            if not decoded[place].is_chunk
        ]
        if strange or not places:
            came = f"event {strange[0]}" if strange else "no event"
            raise FaultError(
                f"expected events that are chunks, came {came}", key="select"
            )
        return sorted(set(places))
    fits = _SELECTIONS[select]
    places = [place for place, entry in enumerate(decoded) if fits(entry)]
    if not places:
        raise FaultError(f"no chunk fits {select!r}", key="select")
    if select == "first_content":
        return places[:1]
    return places[-1:] if select == "last_content" else places

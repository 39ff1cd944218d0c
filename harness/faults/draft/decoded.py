"""What the blocks of a draft say, and how to say it otherwise in the same style.

A *saying* is one block read as a client reads it. A fault that changes JSON goes
through here, so that line ends, other fields of the event, the spacing of the JSON
and the escaping of its text stay as the provider writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    text_of,
    tool_fragments,
)
from harness.dialects.openai_chat.deltas import text_deltas
from harness.dialects.openai_chat.payload import Payload, PayloadKind, parse_payload
from harness.faults.draft.blocks import Block, EventDraft
from harness.faults.errors import FaultError
from harness.sse.lines import field_lines
from harness.sse.parser import parse

__all__ = [
    "TEXT_NAMES",
    "Saying",
    "chunk_json",
    "escapes_text",
    "event_block",
    "event_run",
    "read_block",
    "read_blocks",
    "rewrite",
    "time_after",
    "time_before",
    "with_data",
    "with_text",
    "with_texts",
    "without_blank_line",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What one block says.

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
        return self.payload is not None and self.payload.kind is PayloadKind.DONE

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


def read_block(sent: bytes) -> Saying:
    """Read one block by itself."""
    events = parse(sent).events
    if not events:
        return Saying()
    event = events[0]
    return Saying(data=event.data, payload=parse_payload(event.data, event.event))


def read_blocks(blocks: Iterable[Block]) -> list[Saying]:
    """Read every block of a draft."""
    return [read_block(block.sent) for block in blocks]


def event_block(sayings: Sequence[Saying], index: int, *, key: str = "index") -> int:
    """Return the block of event ``index``; negative counts from the end.

    Raises:
        FaultError: There are fewer events.
    """
    events = [place for place, saying in enumerate(sayings) if saying.is_event]
    if not -len(events) <= index < len(events):
        raise FaultError(
            f"expected one of {len(events)} event(s), came {index}", key=key
        )
    return events[index]


def event_run(
    sayings: Sequence[Saying], first: int, count: int, *, key: str
) -> list[int]:
    """Return so many blocks with events, from one of them on.

    Raises:
        FaultError: There are fewer; its key is ``key``.
    """
    found: list[int] = []
    for place in range(first, len(sayings)):
        if len(found) == count:
            break
        if sayings[place].is_event:
            found.append(place)
    if len(found) < count:
        raise FaultError(
            f"only {len(found)} event(s) from there on, came {count}", key=key
        )
    return found


def rewrite(sent: bytes, change: Callable[[Any], None]) -> bytes:
    """Return a block with its JSON changed in place by ``change``, in its own style.

    Args:
        sent: One event whose data is JSON.
        change: Gets the value and changes it.
    """
    data = read_block(sent).data or ""
    value = json.loads(data)
    change(value)
    return with_data(sent, chunk_json(value, like=data))


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def chunk_json(value: Any, *, like: str) -> str:
    """Return JSON with the spacing and the escaping of another JSON text.

    Text is escaped to ASCII only where ``like`` does it, or where it cannot be UTF-8
    (a lone surrogate).
    """
    bare = _STRING.sub("", like)
    separators = (", " if ", " in bare else ",", ": " if ": " in bare else ":")
    escaped = escapes_text(like)
    write = partial(json.dumps, value, separators=separators)
    text = write(ensure_ascii=escaped)
    try:
        text.encode()
    except UnicodeEncodeError:
        return write(ensure_ascii=True)
    return text


def escapes_text(like: str) -> bool:
    """Tell whether a JSON text is written in ASCII, all else escaped."""
    return like.isascii() and "\\u" in like


TEXT_NAMES: Mapping[str, tuple[str, ...]] = {
    "content": ("content",),
    "reasoning": ("reasoning_content", "reasoning"),
    "refusal": ("refusal",),
}
"""The fields of text (`harness.dialects.openai_chat.deltas`) and their names on the
wire."""


def with_texts(sent: bytes, texts: Mapping[tuple[int, str], str]) -> bytes:
    """Return a chunk with other texts in place of some that it has.

    Args:
        sent: The event.
        texts: The new texts, by choice and field.
    """

    def change(value: Any) -> None:
        for index, choice in choices_of(value):
            delta = delta_of(choice)
            for field, names in TEXT_NAMES.items():
                for name in names:
                    if (index, field) in texts and text_of(delta, name):
                        delta[name] = texts[index, field]

    return rewrite(sent, change)


def with_text(sent: bytes, saying: Saying, text: str) -> bytes:
    """Return a chunk with another text in place of its first, and no other text.

    Args:
        sent: The event.
        saying: What it says; it must have text.
        text: The new text.
    """
    if not saying.texts:
        raise FaultError("the event has no text")
    keys = [(choice, field) for choice, field, _ in saying.texts]
    return with_texts(sent, {**dict.fromkeys(keys, ""), keys[0]: text})


_LINE_ENDS = re.compile(rb"(\r\n|\n|\r)(?:\r\n|\n|\r)*\Z")


def without_blank_line(sent: bytes) -> bytes:
    """Return a block without the blank line behind it."""
    return _LINE_ENDS.sub(rb"\1", sent)


def with_data(sent: bytes, data: str | bytes) -> bytes:
    """Return a block with other data; its other lines and its line ends stay.

    Args:
        sent: One event.
        data: One line.
    """
    new = data.encode() if isinstance(data, str) else data
    parts: list[bytes] = []
    kept = 0
    for line in field_lines(sent):
        if line.name == b"data":
            parts.append(sent[kept : line.start])
            if not kept:
                colon = b"" if line.value > line.start + len(line.name) else b":"
                parts += [sent[line.start : line.value], colon, new]
                parts.append(sent[line.stop : line.end])
            kept = line.end
    return b"".join([*parts, sent[kept:]])


def time_after(draft: EventDraft, place: int) -> int:
    """Return when the block after ``place`` begins, or the stream ends."""
    if place + 1 < len(draft.blocks):
        return max(draft.blocks[place].at_ns, draft.blocks[place + 1].starts_ns)
    return max(draft.blocks[place].at_ns, draft.finish_at_ns)


def time_before(draft: EventDraft, place: int) -> int:
    """Return when what stands before block ``place`` was written."""
    if place > 0:
        return draft.blocks[place - 1].at_ns
    return draft.head_at_ns or 0

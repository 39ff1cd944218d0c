"""The reading: the bytes of an answer, as a client reads them.

Both sides of a judgement are read here, what the upstream sent (or meant) and what the
client got, so they differ only where the bytes do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.dialects.interface import Dialect
from harness.dialects.message import Message, Text
from harness.dialects.payload import Payload, PayloadKind
from harness.dialects.registry import OPENAI_CHAT, dialect_of
from harness.sse.model import ServerSentEvent
from harness.sse.parser import parse

__all__ = [
    "EMPTY_READING",
    "Event",
    "Reading",
    "StructuralEvent",
    "read_events",
    "read_stream",
    "structural_events",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an answer.

    Attributes:
        payload: The meaning of the data.
        id: The last event ID when it was dispatched.
        end: Byte offset in the body at which the event is complete.
        deltas: The text in it: choice, field, text.
        canonical: The payload as canonical JSON without its text; None where it has
            only text.
    """

    type: str
    data: str
    payload: Payload
    id: str
    end: int
    deltas: tuple[Text, ...]
    canonical: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An answer as a client that stops at the end of the stream understands it.

    Attributes:
        dialect: The dialect that it is read in.
        events: The events up to the one that ends it (``[DONE]``), that one included.
        after_done: The events after that one.
        comments: End offset of every comment.
    """

    dialect: Dialect
    events: tuple[Event, ...]
    after_done: tuple[Event, ...]
    message: Message
    comments: tuple[int, ...]

    @property
    def done(self) -> bool:
        """Whether the event that ends the stream arrived."""
        return self.message.done

    @property
    def finished(self) -> bool:
        """Whether every choice that was begun has its finish_reason.

        For an answer without choices: whether an event says that it is finished.
        """
        choices = self.message.choices
        if choices:
            return all(choice.finish_reason for choice in choices)
        return any(self.dialect.finishes(event.payload) for event in self.events)

    @property
    def errors(self) -> tuple[Event, ...]:
        """The error events, in order."""
        return tuple(
            event for event in self.events if event.payload.kind is PayloadKind.ERROR
        )


def read_stream(body: bytes, dialect: Dialect | None = None) -> Reading:
    """Read a whole event stream.

    Args:
        body: Its bytes.
        dialect: The dialect to read it in; None: the one that its events show.
    """
    parsed = parse(body)
    chosen = dialect or dialect_of(parsed.events)
    return read_events(
        (_read_event(event, chosen) for event in parsed.events),
        tuple(comment.end for comment in parsed.comments),
        chosen,
    )


def _read_event(sent: ServerSentEvent, dialect: Dialect) -> Event:
    payload = dialect.read(sent.data, sent.event)
    if payload.kind is not PayloadKind.CHUNK:
        return Event(sent.event, sent.data, payload, sent.id, sent.end, (), None)
    return Event(
        sent.event,
        sent.data,
        payload,
        sent.id,
        sent.end,
        tuple(dialect.texts(payload.value)),
        dialect.without_texts(payload.value),
    )


def read_events(
    events: Iterable[Event],
    comments: tuple[int, ...] = (),
    dialect: Dialect = OPENAI_CHAT,
) -> Reading:
    """Assemble events that are already parsed."""
    assembler = dialect.assembler()
    before: list[Event] = []
    after: list[Event] = []
    done = False
    for event in events:
        if done:
            after.append(event)
            continue
        before.append(event)
        assembler.feed(event.payload)
        done = event.payload.kind is PayloadKind.END
    return Reading(
        dialect=dialect,
        events=tuple(before),
        after_done=tuple(after),
        message=assembler.message(),
        comments=comments,
    )


EMPTY_READING = read_events(())
"""The reading of an empty answer."""


@dataclass(frozen=True, slots=True)
class StructuralEvent:
    """An event that carries more than text, with its position among the text.

    Attributes:
        canonical: The payload as canonical JSON with text deltas blanked.
        text_position: A hash of the characters of every (choice, field) before it; two
            events with the same position have equally long texts before them.
        index: Its position in ``events``.
        events: The events it was picked from.
    """

    canonical: str
    text_position: int
    index: int
    event: Event
    events: tuple[Event, ...]

    @property
    def offsets(self) -> tuple[tuple[int, str, int], ...]:
        """Characters of every (choice, field) before it, sorted."""
        counts: dict[tuple[int, str], int] = {}
        for event in self.events[: self.index]:
            for index, name, text in event.deltas:
                if not name.startswith("tool"):
                    counts[index, name] = counts.get((index, name), 0) + len(text)
        return tuple((*key, count) for key, count in sorted(counts.items()))


def structural_events(events: Iterable[Event]) -> tuple[StructuralEvent, ...]:
    """Pick the events that carry more than text: none may be lost, added or moved.

    A proxy may cut text into other events, but not a role, a tool call, a
    finish_reason, a usage or an unknown field.
    """
    found = []
    every = tuple(events)
    counts: dict[tuple[int, str], int] = {}
    # A hash of all counts, which a delta updates in one step: with thousands of
    # choices, a list of counts for every event would be quadratic.
    text_position = 0
    for position, event in enumerate(every):
        if event.canonical is not None:
            found.append(
                StructuralEvent(event.canonical, text_position, position, event, every)
            )
        for index, name, text in event.deltas:
            if not name.startswith("tool"):
                before = counts.get((index, name), 0)
                counts[index, name] = before + len(text)
                if before:
                    text_position ^= hash((index, name, before))
                text_position ^= hash((index, name, before + len(text)))
    return tuple(found)

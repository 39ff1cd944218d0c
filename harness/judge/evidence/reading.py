"""Bytes of an answer, read as a client reads them.

Both sides of a judgement go through here: what the upstream sent (or meant) and what
the client got, so that they can differ only where the bytes do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.dialects.openai_chat.assemble import Assembler, Message
from harness.dialects.openai_chat.deltas import text_deltas
from harness.dialects.openai_chat.payload import Payload, PayloadKind, parse_payload
from harness.sse.model import ServerSentEvent
from harness.sse.parser import parse

__all__ = [
    "EMPTY_READING",
    "Event",
    "Reading",
    "StructuralEvent",
    "is_foreign_object",
    "read_events",
    "read_stream",
    "structural_events",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an answer.

    Attributes:
        type: The event's type.
        data: Its data.
        payload: What the data means.
        id: The last event ID when it was dispatched.
        end: Byte offset in the body at which the event is complete.
        deltas: The text in it: choice, field, text.
        canonical: The payload as canonical JSON with its text left out; None where
            nothing but text is in it.
    """

    type: str
    data: str
    payload: Payload
    id: str
    end: int
    deltas: tuple[tuple[int, str, str], ...]
    canonical: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An answer as a client that stops at ``[DONE]`` understands it.

    Attributes:
        events: The events up to and with ``[DONE]``.
        after_done: The events behind it.
        message: The assembled message.
        comments: End offset of every comment.
    """

    events: tuple[Event, ...]
    after_done: tuple[Event, ...]
    message: Message
    comments: tuple[int, ...]

    @property
    def done(self) -> bool:
        """Whether ``[DONE]`` came."""
        return self.message.done

    @property
    def finished(self) -> bool:
        """Whether every choice that was begun has its finish_reason.

        In the dialect of Anthropic's messages an event of type ``message_stop`` says so
        (docs.anthropic.com, "Streaming Messages"); it has neither choices nor [DONE].
        """
        choices = self.message.choices
        if choices:
            return all(choice.finish_reason for choice in choices)
        return any(
            is_foreign_object(event) and event.payload.value.get("type") == _STOP
            for event in self.events
        )

    @property
    def errors(self) -> tuple[Event, ...]:
        """The error events, in order."""
        return tuple(
            event for event in self.events if event.payload.kind is PayloadKind.ERROR
        )


_STOP = "message_stop"


EMPTY_READING = Reading(
    events=(), after_done=(), message=Assembler().message(), comments=()
)
"""The reading of an answer in which nothing came."""


def is_foreign_object(event: Event) -> bool:
    """Tell whether an event is a JSON object of a dialect that is not read here."""
    payload = event.payload
    return payload.kind is PayloadKind.OTHER and isinstance(payload.value, dict)


def read_stream(body: bytes) -> Reading:
    """Read a whole event stream."""
    parsed = parse(body)
    events = tuple(_read_event(event) for event in parsed.events)
    return read_events(events, tuple(comment.end for comment in parsed.comments))


def _read_event(sent: ServerSentEvent) -> Event:
    payload = parse_payload(sent.data, sent.event)
    if payload.kind is not PayloadKind.CHUNK:
        return Event(sent.event, sent.data, payload, sent.id, sent.end, (), None)
    return Event(
        sent.event,
        sent.data,
        payload,
        sent.id,
        sent.end,
        tuple(text_deltas(payload.value)),
        _canonical(payload.value),
    )


def read_events(events: Iterable[Event], comments: tuple[int, ...] = ()) -> Reading:
    """Assemble events that were parsed already."""
    assembler = Assembler()
    before: list[Event] = []
    after: list[Event] = []
    done = False
    for event in events:
        if done:
            after.append(event)
            continue
        before.append(event)
        assembler.feed(event.payload)
        done = event.payload.kind is PayloadKind.DONE
    return Reading(
        events=tuple(before),
        after_done=tuple(after),
        message=assembler.message(),
        comments=comments,
    )


@dataclass(frozen=True, slots=True)
class StructuralEvent:
    """An event that carries more than text, with its position among the text.

    Attributes:
        canonical: The payload as canonical JSON with text deltas blanked.
        text_position: Stands for the characters of every (choice, field) before it; two
            events with one position have the same text before them.
        index: Its position among the events it was picked from.
        event: The event itself.
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

    Text may be cut into events in any way that a proxy likes; a role, a tool call, a
    finish_reason, a usage, an unknown field may not.
    """
    found = []
    every = tuple(events)
    counts: dict[tuple[int, str], int] = {}
    # A hash of all counts that one delta changes in one step: with thousands of
    # choices, a list of them for every event would be quadratic.
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


# Keys that every chunk repeats: they make no event worth more than its text.
_ENVELOPE = frozenset(
    {
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        "service_tier",
        "provider",
        "obfuscation",
    }
)
_TEXT = frozenset({"content", "reasoning_content", "reasoning", "refusal"})


def _canonical(value: Any) -> str | None:
    """Return the payload without its text, or None where nothing else is in it.

    What legal writers of JSON do is no change: null or absent, 1.0 or 1.
    """
    more = any(
        not _says_nothing(item)
        for key, item in value.items()
        if key not in _CHOICES_OR_SAME
    )
    choices = value.get("choices")
    bare_choices: Any = choices
    if isinstance(choices, list):
        bare_choices = []
        more = more or not choices
        for choice in choices:
            bare, choice_more = _bare_choice(choice)
            bare_choices.append(bare)
            more = more or choice_more
    if not more:
        return None
    bare_value = {key: item for key, item in value.items() if key not in _ENVELOPE}
    if "choices" in bare_value:
        bare_value["choices"] = bare_choices
    normal = _normal(bare_value)
    return json.dumps(normal, sort_keys=True, ensure_ascii=True, default=str)


def _says_nothing(value: Any) -> bool:
    return value is None or value in ("", [])


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _normal(item) for key, item in value.items() if not _says_nothing(item)
        }
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_CHOICES_OR_SAME = _ENVELOPE | {"choices"}


def _bare_choice(choice: Any) -> tuple[Any, bool]:
    if not isinstance(choice, dict):
        return choice, True
    delta = choice.get("delta")
    bare = {key: item for key, item in choice.items() if key != "delta"}
    more = any(not _says_nothing(item) for key, item in bare.items() if key != "index")
    if isinstance(delta, dict):
        rest = {
            key: item
            for key, item in delta.items()
            if not (key in _TEXT and isinstance(item, str))
        }
        bare["delta"] = rest
        more = more or any(not _says_nothing(item) for item in rest.values())
    elif delta is not None:
        bare["delta"] = delta
        more = True
    return bare, more

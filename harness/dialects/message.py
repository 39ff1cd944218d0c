"""The meaning of events and of whole streams, in the common form of all dialects.

A *choice* is one of the answers of a stream, by its index, or a block in dialects that
have blocks instead of choices. A *field* is the kind of a text: ``content``,
``reasoning``, ``refusal`` or, for the arguments of tool call N, ``tool:N``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "TEXT_FIELDS",
    "Choice",
    "ChoiceDelta",
    "EventMeaning",
    "Message",
    "Text",
    "TextKey",
    "TextPlace",
    "ToolCall",
    "ToolFragment",
]

Text = tuple[int, str, str]
"""One piece of text: choice, field and text."""

TextKey = tuple[int, str]
"""The key of the text to which a piece belongs: choice and field."""

TEXT_FIELDS = ("content", "reasoning", "refusal")
"""The fields with text for people; those of tool calls are for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPlace:
    """The place of a non-empty text in an event's JSON.

    Attributes:
        path: The keys and positions that lead to the text, outermost first.
    """

    choice: int
    field: str
    text: str
    path: tuple[str | int, ...]

    def put(self, value: Any, text: str) -> None:
        """Put another text at this place, in JSON of the same shape."""
        *outer, last = self.path
        for step in outer:
            value = value[step]
        value[last] = text


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFragment:
    """The part of a tool call in one event; strings that were not sent are empty.

    Attributes:
        index: The call's index, or its position if it has none.
        indexed: Whether the index was sent.
        legacy: Whether this is a ``function_call``, which has neither index nor id.
        type: The call's type, ``function`` in practice.
        name: The function's name.
        arguments: The next piece of the arguments.
    """

    index: int
    indexed: bool
    legacy: bool
    id: str
    type: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceDelta:
    """The part that one event adds to one choice.

    Attributes:
        choice: The index of the choice.
        begins: Whether it has any content, so the choice has begun.
        role: The role, or the empty string.
        has_role: Whether it has a role, even an unreadable one.
        texts: Field and text of each non-empty text.
        tools: The fragments of tool calls.
        has_tools: Whether it has tool calls, even unreadable ones.
        finish_reason: The finish reason, or the empty string.
    """

    choice: int
    begins: bool
    role: str
    has_role: bool
    texts: tuple[tuple[str, str], ...]
    tools: tuple[ToolFragment, ...]
    has_tools: bool
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMeaning:
    """The meaning of one event.

    Attributes:
        choices: The parts for each choice, in the order of the event.
        usage: The usage, as sent. None: there is none.
    """

    choices: tuple[ChoiceDelta, ...] = ()
    usage: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call; ``arguments`` is the raw text, which may be invalid JSON."""

    index: int
    id: str
    type: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer; if never sent, strings are empty and ``finish_reason`` is None."""

    index: int
    role: str
    content: str
    reasoning: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The content of a whole stream.

    Attributes:
        choices: The answers, sorted by index.
        usage: The last usage that is not null, as sent; counts are never added up.
        errors: The errors in band, in order, without the objects around them.
        done: Whether the event arrived that ends a stream.
        after_done: The number of payloads after that event.
        malformed: The number of payloads that are not JSON.
    """

    choices: tuple[Choice, ...]
    usage: Any
    errors: tuple[Any, ...]
    done: bool
    after_done: int
    malformed: int

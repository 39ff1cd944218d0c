"""What events say and what they add up to, in the common form of all dialects.

A *choice* is one of the answers of a stream, by its index; where a dialect has blocks
in place of choices, a block. A *field* is what kind of text it is: ``content``,
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
"""Which text a piece belongs to: choice and field."""

TEXT_FIELDS = ("content", "reasoning", "refusal")
"""The fields that hold text for a reader; those of tool calls are for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPlace:
    """Where in an event's JSON a text stands that is not empty.

    Attributes:
        choice: Its choice.
        field: Its field.
        text: The text.
        path: The keys and positions that lead to it, outermost first.
    """

    choice: int
    field: str
    text: str
    path: tuple[str | int, ...]

    def put(self, value: Any, text: str) -> None:
        """Put another text there, in JSON of the same shape."""
        *outer, last = self.path
        for step in outer:
            value = value[step]
        value[last] = text


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFragment:
    """What one event says of one tool call; the empty string where it says nothing.

    Attributes:
        index: The call's index, or its position where it has none.
        indexed: Whether the index was sent.
        legacy: Whether this is a ``function_call``, which has neither index nor id.
        id: The call's id.
        type: Its type, ``function`` in practice.
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
    """What one event adds to one choice.

    Attributes:
        choice: Index of the choice.
        begins: Whether it says anything: the choice is under way.
        role: The role, or the empty string.
        has_role: Whether it names a role, also one that cannot be read.
        texts: Field and text of each text that is not empty.
        tools: The fragments of tool calls.
        has_tools: Whether it carries tool calls, also such that cannot be read.
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
    """What one event says.

    Attributes:
        choices: What it adds to each choice, in the order in which it names them.
        usage: The usage that it reports, as sent; None where it reports none.
    """

    choices: tuple[ChoiceDelta, ...] = ()
    usage: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call; ``arguments`` is the raw text, not the JSON it should be."""

    index: int
    id: str
    type: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer; strings are empty and ``finish_reason`` None where never sent."""

    index: int
    role: str
    content: str
    reasoning: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a stream says, taken together.

    Attributes:
        choices: The answers, sorted by index.
        usage: The last usage that is not null, as sent; counts are never added up.
        errors: The errors in band, in order, without what is around them.
        done: Whether the event came that ends a stream.
        after_done: How many payloads came after it.
        malformed: How many of the payloads that were read are not JSON.
    """

    choices: tuple[Choice, ...]
    usage: Any
    errors: tuple[Any, ...]
    done: bool
    after_done: int
    malformed: int

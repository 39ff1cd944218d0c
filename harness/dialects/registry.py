"""The registry of dialects, and the choice of one for a request or a stream."""

from __future__ import annotations

from collections.abc import Iterable

from harness.dialects.anthropic_messages.dialect import AnthropicMessages
from harness.dialects.gemini.dialect import Gemini
from harness.dialects.interface import Dialect
from harness.dialects.openai_chat.dialect import OpenAIChat
from harness.dialects.openai_responses.dialect import OpenAIResponses
from harness.sse.model import ServerSentEvent

__all__ = ["ANTHROPIC_MESSAGES", "DIALECTS", "OPENAI_CHAT", "dialect_at", "dialect_of"]

OPENAI_CHAT: Dialect = OpenAIChat()
ANTHROPIC_MESSAGES: Dialect = AnthropicMessages()

DIALECTS: tuple[Dialect, ...] = (
    OPENAI_CHAT,
    OpenAIResponses(),
    ANTHROPIC_MESSAGES,
    Gemini(),
)
"""Every known dialect; the first is the default where no dialect owns a stream."""


def dialect_at(path: str) -> Dialect | None:
    """Return the dialect of a request's path, or None if it is unknown."""
    return next((one for one in DIALECTS if one.is_spoken_at(path)), None)


def dialect_of(events: Iterable[ServerSentEvent]) -> Dialect:
    """Return the dialect of a stream: the owner of the first event that has an owner.

    A stream without such an event counts as chat.
    """
    for event in events:
        value = OPENAI_CHAT.read(event.data, event.event).value
        for dialect in DIALECTS:
            if dialect.owns(value):
                return dialect
    return OPENAI_CHAT

"""All dialects, and which of them a request or a stream is of."""

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
"""Every dialect that is known; the first is that of whatever none of them owns."""


def dialect_at(path: str) -> Dialect | None:
    """Return the dialect that is spoken at a path; None: it is not known."""
    return next((one for one in DIALECTS if one.is_spoken_at(path)), None)


def dialect_of(events: Iterable[ServerSentEvent]) -> Dialect:
    """Return the dialect of a stream: the one that owns the first event that has one.

    A stream of which no dialect owns anything counts as chat.
    """
    for event in events:
        value = OPENAI_CHAT.read(event.data, event.event).value
        for dialect in DIALECTS:
            if dialect.owns(value):
                return dialect
    return OPENAI_CHAT

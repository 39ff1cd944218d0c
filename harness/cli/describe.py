"""What a recorded thing is, in words for a terminal.

Recordings are untrusted: an upstream may send escape sequences that move the cursor,
retitle the window or hide text. Everything recorded passes through
`harness.printable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len

from harness.dialects.openai_chat import Payload, PayloadKind, text_deltas
from harness.dialects.openai_chat.chunk import (
    choices_of,
    delta_of,
    finish_reason_of,
    text_of,
    tool_fragments,
)
from harness.printable import excerpt, printable, short_escape
from harness.sse import Comment, ServerSentEvent

__all__ = ["clip", "describe", "describe_usage"]

_SHOWN_MAX = 160


def clip(text: str, width: int) -> str:
    """Return a printable text that takes at most so many columns of a terminal."""
    if cell_len(text) <= width:
        return text
    kept = text[: max(width - 1, 0)]
    while kept and cell_len(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept}…"


def describe(item: ServerSentEvent | Comment, payload: Payload | None = None) -> str:
    """Say what an event or a comment is, such as ``content "Hel"``.

    Args:
        item: What the stream held.
        payload: The event's data, read.
    """
    if isinstance(item, Comment):
        return f"comment {excerpt(item.text)}"
    # An event named error is called an error anyway, by its payload.
    usual = item.event in {"message", "error"}
    event = printable(item.event[:_SHOWN_MAX], short_escape)
    name = "" if usual else f"event {event}: "
    return name + (excerpt(item.data) if payload is None else _meaning(item, payload))


def describe_usage(usage: Any) -> str:
    """Say what a usage object counts."""
    if not isinstance(usage, dict):
        return f"usage {excerpt(str(usage))}"
    names = {"prompt_tokens": "in", "completion_tokens": "out"}
    counts = [f"{usage[key]} {name}" for key, name in names.items() if key in usage]
    words = "usage " + (", ".join(counts) or "without counts")
    return printable(words, short_escape)[:_SHOWN_MAX]


def _meaning(item: ServerSentEvent, payload: Payload) -> str:
    match payload.kind:
        case PayloadKind.CHUNK:
            return ", ".join(_chunk_parts(payload.value)) or "nothing new"
        case PayloadKind.DONE:
            return "[DONE]"
        case kind:
            return f"{kind} {excerpt(item.data)}"


def _chunk_parts(value: dict[str, Any]) -> Iterator[str]:
    """Yield what a chunk says, choice by choice; choice 0 goes without saying."""
    for index, choice in choices_of(value):
        mark = f"[{index}] " if index else ""
        for part in _choice_parts(choice):
            yield mark + part
    if value.get("usage") is not None:
        yield describe_usage(value["usage"])


def _choice_parts(choice: dict[str, Any]) -> Iterator[str]:
    delta = delta_of(choice)
    for fragment in tool_fragments(delta):
        if fragment.name:
            name = printable(fragment.name, short_escape)
            yield f"tool {fragment.index} calls {name}"
    for _, field, text in text_deltas({"choices": [choice]}):
        yield f"{field.replace(':', ' ')} {excerpt(text)}"
    if reason := finish_reason_of(choice):
        yield f"finish {printable(reason, short_escape)}"
    # Last: most providers repeat it in every chunk.
    if role := text_of(delta, "role"):
        yield f"role {printable(role, short_escape)}"

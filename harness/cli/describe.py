"""What a recorded thing is, in words for a terminal.

Recordings are untrusted: an upstream may send escape sequences that move the cursor,
retitle the window or hide text. Everything recorded passes through `printable`.
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
from harness.sse import Comment, ServerSentEvent

__all__ = ["clip", "describe", "describe_usage", "printable", "quoted"]

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_QUOTED_MAX = 160


def printable(text: str) -> str:
    """Return a text on one line, with everything escaped that a terminal might obey."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def quoted(text: str) -> str:
    """Return a text in quotes, printable; more than a line of it is not read."""
    rest = "…" if len(text) > _QUOTED_MAX else ""
    return f'"{printable(text[:_QUOTED_MAX])}{rest}"'


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
        return f"comment {quoted(item.text)}"
    # An event named error is called an error anyway, by its payload.
    usual = item.event in {"message", "error"}
    name = "" if usual else f"event {printable(item.event[:_QUOTED_MAX])}: "
    return name + (quoted(item.data) if payload is None else _meaning(item, payload))


def describe_usage(usage: Any) -> str:
    """Say what a usage object counts."""
    if not isinstance(usage, dict):
        return f"usage {quoted(str(usage))}"
    names = {"prompt_tokens": "in", "completion_tokens": "out"}
    counts = [f"{usage[key]} {name}" for key, name in names.items() if key in usage]
    return printable("usage " + (", ".join(counts) or "without counts"))[:_QUOTED_MAX]


def _meaning(item: ServerSentEvent, payload: Payload) -> str:
    match payload.kind:
        case PayloadKind.CHUNK:
            return ", ".join(_chunk_parts(payload.value)) or "nothing new"
        case PayloadKind.DONE:
            return "[DONE]"
        case kind:
            return f"{kind} {quoted(item.data)}"


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
            yield f"tool {fragment.index} calls {printable(fragment.name)}"
    for _, field, text in text_deltas({"choices": [choice]}):
        yield f"{field.replace(':', ' ')} {quoted(text)}"
    if reason := finish_reason_of(choice):
        yield f"finish {printable(reason)}"
    # Last: most providers repeat it in every chunk.
    if role := text_of(delta, "role"):
        yield f"role {printable(role)}"


def _escape(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"

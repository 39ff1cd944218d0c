"""Descriptions of recorded events and comments, for a terminal.

Recordings are untrusted: an upstream may send escape sequences that move the cursor,
retitle the window or hide text. Everything recorded passes through
`harness.printable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len

from harness.dialects.interface import Dialect
from harness.dialects.message import ChoiceDelta
from harness.dialects.payload import Payload, PayloadKind
from harness.printable import excerpt, printable, short_escape
from harness.sse import Comment, ServerSentEvent

__all__ = ["clip", "describe", "describe_comment", "describe_usage"]

_SHOWN_MAX = 160


def clip(text: str, width: int) -> str:
    """Return a printable text of at most ``width`` columns of a terminal."""
    if cell_len(text) <= width:
        return text
    kept = text[: max(width - 1, 0)]
    while kept and cell_len(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept}…"


def describe_comment(comment: Comment) -> str:
    """Describe a comment."""
    return f"comment {excerpt(comment.text)}"


def describe(event: ServerSentEvent, payload: Payload, dialect: Dialect) -> str:
    """Describe an event, such as ``content "Hel"``.

    Args:
        event: The event as the stream held it.
        payload: Its data, as the dialect reads it.
        dialect: The dialect of the stream.
    """
    # An event named error is described as an error anyway, by its payload.
    usual = event.event in {"message", "error"}
    named = printable(event.event[:_SHOWN_MAX], short_escape)
    name = "" if usual else f"event {named}: "
    return name + _meaning(event, payload, dialect)


def describe_usage(usage: Any, dialect: Dialect) -> str:
    """Describe the counts of a usage."""
    if not isinstance(usage, dict):
        return f"usage {excerpt(str(usage))}"
    counts = [f"{count} {name}" for name, count in dialect.usage_counts(usage)]
    words = "usage " + (", ".join(counts) or "without counts")
    return printable(words, short_escape)[:_SHOWN_MAX]


def _meaning(event: ServerSentEvent, payload: Payload, dialect: Dialect) -> str:
    match payload.kind:
        case PayloadKind.CHUNK:
            return ", ".join(_chunk_parts(payload.value, dialect)) or "nothing new"
        case PayloadKind.END:
            return dialect.end
        case kind:
            return f"{kind} {excerpt(event.data)}"


def _chunk_parts(value: Any, dialect: Dialect) -> Iterator[str]:
    """Yield the parts of a chunk, choice by choice; choice 0 is not numbered."""
    meaning = dialect.meaning(value)
    for delta in meaning.choices:
        mark = f"[{delta.choice}] " if delta.choice else ""
        for part in _choice_parts(delta):
            yield mark + part
    if meaning.usage is not None:
        yield describe_usage(meaning.usage, dialect)


def _choice_parts(delta: ChoiceDelta) -> Iterator[str]:
    for fragment in delta.tools:
        if fragment.name:
            name = printable(fragment.name, short_escape)
            yield f"tool {fragment.index} calls {name}"
    for field, text in delta.texts:
        yield f"{field.replace(':', ' ')} {excerpt(text)}"
    if delta.finish_reason:
        yield f"finish {printable(delta.finish_reason, short_escape)}"
    # Last: most providers repeat it in every chunk.
    if delta.role:
        yield f"role {printable(delta.role, short_escape)}"

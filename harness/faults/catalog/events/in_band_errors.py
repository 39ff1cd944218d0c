"""The fault that reports an error within a stream whose status was 200."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from harness.dialects.interface import ErrorEvent
from harness.dialects.openai_chat.samples import error_beside_choices
from harness.dialects.registry import ANTHROPIC_MESSAGES, OPENAI_CHAT
from harness.faults.draft.blocks import EventDraft, StreamEnd
from harness.faults.draft.cuts import CLOSES
from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.position import Position, format_position
from harness.faults.draft.splice import (
    SplicePoint,
    insert_at,
    next_write_ns,
    splice_point,
    truncate_at,
)
from harness.faults.registry import Layer, fault
from harness.sse.encoder import encode_event

__all__ = ["RESET_GRACE_NS", "inject_error"]

RESET_GRACE_NS = 50_000_000
"""How long an upstream waits before RST, which may discard bytes that the peer has not
yet read (class 1)."""

Shape = Literal[
    "openai",
    "string",
    "choices_empty",
    "anthropic_event",
    "anthropic_no_event_line",
    "event_error",
]


@fault(Layer.EVENTS, example={"at": {"event": 5}, "shape": "openai", "then": "end"})
def inject_error(
    draft: EventDraft,
    *,
    at: Position,
    shape: Shape = "openai",
    then: Literal["continue", "done", "end", "fin", "rst"] = "end",
) -> EventDraft:
    """Report an error within a stream whose status was 200.

    Args:
        draft: The stream.
        at: Where. Within an event, the error directly follows the event's beginning.
        shape: The form of the error.

            - ``openai``: an object ``error`` with message and type.
            - ``string``: ``error`` is text.
            - ``choices_empty``: ``error`` next to empty choices (OpenRouter); a client
              that does not look for it sees success.
            - ``anthropic_event``: ``event: error`` and an object of type ``error``.
            - ``anthropic_no_event_line``: the same without ``event: error``; the
              provider's own clients do not see it (class 5).
            - ``event_error``: ``event: error`` before the object of OpenAI.
        then: What follows.

            - ``continue``: the rest of the stream, as if there was no error.
            - ``done``: [DONE], then a clean end.
            - ``end``: a clean end.
            - ``fin``: FIN before the end of the framing.
            - ``rst``: RST.

    Oracle:
        Both: the error reaches the client once, with its message; the stream does not
        look finished. If the error is within an event, a repairing proxy reports that
        something was lost.
    """
    point = splice_point(draft, at)
    at_ns = next_write_ns(draft, point)
    sent = _error_event(draft, shape)
    note = f"reported an error ({shape}) at {format_position(at)}, then {then}"
    if then == "continue":
        return insert_at(draft, point, sent, at_ns=at_ns).with_note(note)
    cut = insert_at(truncate_at(draft, point), point, sent, at_ns=at_ns)
    if then == "done":
        done = encode_event(OPENAI_CHAT.end)
        cut = insert_at(cut, SplicePoint(len(cut.blocks), 0), done, at_ns=at_ns)
    end = CLOSES.get(then, StreamEnd.COMPLETE)
    grace = RESET_GRACE_NS if end is StreamEnd.RESET else 0
    return replace(cut, end=end, end_at_ns=at_ns + grace).with_note(note)


_MESSAGE = "The server had an error while processing your request"
_CHAT = OPENAI_CHAT.error(_MESSAGE, "server_error")
_MESSAGES = ANTHROPIC_MESSAGES.error("Overloaded", "overloaded_error")
_ERRORS: Mapping[str, ErrorEvent] = {
    "openai": _CHAT,
    "string": ErrorEvent(value={"error": _MESSAGE}),
    "anthropic_event": _MESSAGES,
    "anthropic_no_event_line": replace(_MESSAGES, event=None),
    "event_error": replace(_CHAT, event="error"),
}


def _error_event(draft: EventDraft, shape: str) -> bytes:
    if shape == "choices_empty":
        value = error_beside_choices(_first_chunk(draft), "Provider disconnected")
        error = ErrorEvent(value=value)
    else:
        error = _ERRORS[shape]
    data = json.dumps(error.value, separators=(",", ":"))
    return encode_event(data, event=error.event)


def _first_chunk(draft: EventDraft) -> Mapping[str, Any]:
    for entry in decode_blocks(draft.blocks):
        if entry.is_chunk and entry.payload is not None:
            value: Mapping[str, Any] = entry.payload.value
            return value
    return {}

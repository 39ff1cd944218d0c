"""Faults that put something of their own into the stream: errors, ghosts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal

from harness.faults.content import read_blocks
from harness.faults.draft import EventDraft, Finish, Meaning
from harness.faults.errors import FaultError
from harness.faults.events import with_text
from harness.faults.position import Position, block_at, landmark_block, shown_position
from harness.faults.registry import Layer, fault
from harness.sse.encoder import encode_event

__all__ = ["RESET_GRACE_NS", "after_done", "inject_error"]

RESET_GRACE_NS = 50_000_000
"""How long an upstream waits before RST, which may discard what the peer has not yet
read (`research/FAULTS.md`, class 1)."""


@fault(Layer.EVENTS, example={"at": {"event": 5}, "shape": "openai", "then": "end"})
def inject_error(
    draft: EventDraft,
    *,
    at: Position,
    shape: Literal["openai", "string", "choices_empty"] = "openai",
    then: Literal["continue", "done", "end", "fin", "rst"] = "end",
) -> EventDraft:
    """Report an error within a stream whose status was 200.

    Args:
        draft: The stream.
        at: Where; what the stream said from there on is not sent, but for ``continue``.
        shape: An error object as of OpenAI, an error that is text, or one beside empty
            choices (OpenRouter).
        then: Go on, send ``[DONE]``, end cleanly, or close by FIN or RST.
    """
    place = block_at(draft, at)
    at_ns = draft.blocks[place].at_ns if place < len(draft.blocks) else None
    at_ns = draft.finish_at_ns if at_ns is None else at_ns
    sent = encode_event(json.dumps(_error(draft, shape), separators=(",", ":")))
    note = f"reported an error ({shape}) at {shown_position(at)}, then {then}"
    if then == "continue":
        return draft.with_inserted(place, sent, at_ns=at_ns).noted(note)
    cut = replace(draft, blocks=draft.blocks[:place])
    cut = cut.with_inserted(place, sent, at_ns=at_ns)
    if then == "done":
        cut = cut.with_inserted(place + 1, encode_event("[DONE]"), at_ns=at_ns)
    finish = {"fin": Finish.TRUNCATED, "rst": Finish.RESET}.get(then, Finish.COMPLETE)
    grace = RESET_GRACE_NS if finish is Finish.RESET else 0
    return replace(cut, finish=finish, finish_at_ns=at_ns + grace).noted(note)


@fault(Layer.EVENTS, example={"text": "GHOST"})
def after_done(draft: EventDraft, *, text: str = "GHOST") -> EventDraft:
    """Send one more text delta behind ``[DONE]``, where nothing may follow.

    Args:
        draft: The stream; it needs a text delta and ``[DONE]``.
        text: The text.
    """
    sayings = read_blocks(draft.blocks)
    done = landmark_block(sayings, "done")
    model = max(
        (place for place, saying in enumerate(sayings) if saying.has_words),
        default=None,
    )
    if model is None:
        raise FaultError("the stream has no text")
    sent = with_text(draft.blocks[model].sent, sayings[model], text)
    return draft.with_inserted(
        done + 1, sent, at_ns=draft.blocks[done].at_ns, meaning=Meaning.NOTHING
    ).noted(f"sent the text {text!r} behind [DONE]")


def _error(draft: EventDraft, shape: str) -> dict[str, Any]:
    message = "The server had an error while processing your request"
    if shape == "string":
        return {"error": message}
    if shape == "choices_empty":
        envelope = {
            "id": "gen-error",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "unknown",
            **_envelope(draft),
        }
        error = {"code": 502, "message": "Provider disconnected"}
        return {**envelope, "choices": [], "error": error}
    return {
        "error": {
            "message": message,
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }


def _envelope(draft: EventDraft) -> dict[str, Any]:
    """Return what every chunk of the stream repeats."""
    for saying in read_blocks(draft.blocks):
        if saying.is_chunk and saying.payload is not None:
            value = saying.payload.value
            return {
                key: value[key] for key in ("id", "created", "model") if key in value
            }
    return {}

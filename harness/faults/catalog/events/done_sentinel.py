"""Faults of the sentinel ``[DONE]`` and of events after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from harness.cassette.model import Framing
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import Block, EventDraft, Meaning, StreamEnd
from harness.faults.draft.decoded import DecodedBlock, decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import landmark_block
from harness.faults.draft.rewrite import (
    dump_json,
    with_data,
    with_text,
    without_blank_line,
)
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault
from harness.sse.encoder import encode_event

__all__ = ["after_done", "done"]

_END = OPENAI_CHAT.end

Mode = Literal[
    "omit",
    "no_blank",
    "no_newline",
    "twice",
    "trailing_space",
    "early",
    "hang",
    "no_terminator",
]


@fault(Layer.LINES, example={"mode": "hang"})
def done(draft: EventDraft, *, mode: Mode = "omit") -> EventDraft:
    """Send ``[DONE]`` in an unusual way, or not at all.

    Args:
        draft: The stream; it must have ``[DONE]``.
        mode: How it is sent.

            - ``omit``: not at all.
            - ``no_blank``: its line ends, but no blank line follows; it must be the
              last event of the stream.
            - ``no_newline``: not even its line ends; it must be the last event.
            - ``twice``: two times.
            - ``trailing_space``: with a space after it, which one client takes for
              malformed JSON (class 30).
            - ``early``: before the finish.
            - ``hang``: the connection stays open after it; two of three clients wait
              until their timeout.
            - ``no_terminator``: the connection closes after it, before the end of the
              framing; the body must be chunked.

    Oracle:
        Both: an unfinished stream does not look finished, and [DONE] is not lost or
        invented. An unclean end after [DONE] need not reach the client. Repairing: a
        clean end completes an open event; nothing follows [DONE], not even a second
        one; the answer ends soon after it. Transparent: as sent, including a hang.
    """
    decoded = decode_blocks(draft.blocks)
    place = landmark_block(decoded, "done")
    block = draft.blocks[place]
    edit = Edit(draft)
    changed = draft
    if mode == "omit":
        edit.drop(place)
    elif mode == "twice":
        edit.insert(place + 1, block.sent, at_ns=block.at_ns, meaning=Meaning.NOTHING)
    elif mode == "trailing_space":
        spaced = with_data(block.sent, f"{_END} ")
        edit.replace_bytes(place, spaced, meaning=Meaning.AS_SENT)
    elif mode in {"no_blank", "no_newline"}:
        if place + 1 < len(draft.blocks):
            raise FaultError(f"{_END} is not the last event of the stream", key="mode")
        sent = without_blank_line(block.sent)
        sent = sent.rstrip(b"\r\n") if mode == "no_newline" else sent
        edit.replace_bytes(place, sent, meaning=Meaning.REPLACED, meant=block.sent)
    elif mode == "early":
        _send_early(edit, draft, decoded, place)
    else:
        changed = _unended(draft, mode)
        edit = Edit(changed)
    return edit.apply().with_note(f"{_END}: {mode.replace('_', ' ')}")


def _unended(draft: EventDraft, mode: str) -> EventDraft:
    if mode == "hang":
        return replace(draft, end=StreamEnd.STALL)
    if draft.framing is not Framing.CHUNKED:
        raise FaultError(
            f"only a chunked body has a terminator, got {draft.framing}", key="mode"
        )
    return replace(draft, end=StreamEnd.TRUNCATED)


def _send_early(
    edit: Edit, draft: EventDraft, decoded: list[DecodedBlock], done_at: int
) -> None:
    finishes = [at for at, entry in enumerate(decoded[:done_at]) if entry.has_finish]
    if not finishes:
        raise FaultError(f"there is no finish before {_END}", key="mode")
    first = finishes[0]
    edit.insert(first, draft.blocks[done_at].sent, at_ns=draft.blocks[first].starts_ns)
    edit.drop(done_at)
    for place in range(first, len(draft.blocks)):
        if place != done_at:
            _mean_nothing(edit, draft, place)


def _mean_nothing(edit: Edit, draft: EventDraft, place: int) -> None:
    block = draft.blocks[place]
    edit.replace(place, Block(parts=block.parts, meaning=Meaning.NOTHING))


@fault(Layer.LINES, example={"text": "GHOST"})
def after_done(
    draft: EventDraft, *, text: str = "GHOST", events: list[Any] | None = None
) -> EventDraft:
    """Send more events after ``[DONE]``, where nothing is allowed.

    Args:
        draft: The stream; it must have ``[DONE]``.
        text: One more text delta; the stream needs one as a model.
        events: Instead of ``text``: the data of each event, JSON or text.

    Oracle:
        Repairing: nothing follows [DONE]. Transparent: as sent.
    """
    decoded = decode_blocks(draft.blocks)
    place = landmark_block(decoded, "done")
    if events is not None and not events:
        raise FaultError("expected at least one event", key="events")
    sent = [_ghost(draft, decoded, text)] if events is None else _encoded(events)
    start = draft.blocks[place].at_ns
    gap = (draft.time_after(place) - start) // (len(sent) + 1)
    edit = Edit(draft)
    for number, ghost in enumerate(sent, start=1):
        edit.insert(
            place + 1, ghost, at_ns=start + number * gap, meaning=Meaning.NOTHING
        )
    return edit.apply().with_note(f"sent {len(sent)} event(s) after {_END}")


def _ghost(draft: EventDraft, decoded: Sequence[DecodedBlock], text: str) -> bytes:
    texts = [place for place, entry in enumerate(decoded) if entry.has_words]
    if not texts:
        raise FaultError("the stream has no text")
    return with_text(draft.blocks[texts[-1]].sent, decoded[texts[-1]], text)


def _encoded(events: Sequence[Any]) -> list[bytes]:
    return [
        encode_event(event if isinstance(event, str) else dump_json(event, like="{}"))
        for event in events
    ]

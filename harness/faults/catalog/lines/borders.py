"""Faults of the borders between events: events cut short, merged or split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Literal

from harness.dialects.message import TEXT_FIELDS
from harness.dialects.openai_chat.chunk_edits import keep_share
from harness.dialects.payload import looks_like_object
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import EventDraft, Meaning
from harness.faults.draft.decoded import decode_blocks, event_block, event_run
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import (
    escapes_non_ascii,
    rewrite_json,
    with_data,
    without_blank_line,
)
from harness.faults.errors import FaultError
from harness.faults.parameters import Bytes, Count
from harness.faults.registry import Layer, fault

__all__ = ["event_merge", "event_split_text", "event_truncate"]


@fault(Layer.EVENTS, example={"index": 3, "keep_bytes": 40, "rest": "next_event"})
def event_truncate(
    draft: EventDraft,
    *,
    index: int,
    keep_bytes: Bytes,
    rest: Literal["drop", "next_event"] = "drop",
) -> EventDraft:
    """Cut an event's data short; its line and its blank line still end.

    Args:
        draft: The stream.
        index: The event; negative counts from the end.
        keep_bytes: The number of bytes of the data that are sent.
        rest: What happens to the other bytes.

            - ``drop``: they are lost.
            - ``next_event``: they are the data of the next event, as from a server that
              flushes in the middle of a line.

    Oracle:
        Repairing: the client does not get a broken event. If it begins like a JSON
        object, text may be lost with it, and the client is told so at the end.
        Transparent: as sent.
    """
    decoded = decode_blocks(draft.blocks)
    place = event_block(decoded, index)
    block = draft.blocks[place]
    data = (decoded[place].data or "").encode()
    if keep_bytes >= len(data):
        raise FaultError(
            f"the event has {len(data)} bytes of data, got {keep_bytes}",
            key="keep_bytes",
        )
    kept = data[:keep_bytes]
    lost = looks_like_object(kept.decode(errors="replace"))
    edit = Edit(draft)
    edit.replace_bytes(
        place,
        with_data(block.sent, kept),
        meaning=Meaning.LOST if lost else Meaning.NOTHING,
    )
    if rest == "next_event":
        edit.insert(
            place + 1,
            with_data(block.sent, data[keep_bytes:]),
            at_ns=block.at_ns,
            meaning=Meaning.NOTHING,
        )
    return edit.apply().with_note(
        f"cut event {index} to {keep_bytes} of {len(data)} bytes of data, "
        f"the rest: {rest.replace('_', ' ')}"
    )


@fault(Layer.EVENTS, example={"index": 3, "n": 2, "join": "\n"})
def event_merge(
    draft: EventDraft,
    *,
    index: int,
    n: Count = 2,
    join: Literal["\n", ""] = "\n",
) -> EventDraft:
    r"""Send the data of several events as one event.

    Args:
        draft: The stream.
        index: The first of them; negative counts from the end.
        n: The number of events, at least 2.
        join: The text between the data of two events.

            - ``\n``: a line break, so two data fields, as when the blank line between
              two events is missing.
            - an empty text: nothing, as when a proxy joins lines.

    Oracle:
        Repairing: data that is not one JSON value is broken; the client does not get it
        and is told at the end that text may be lost. Transparent: as sent.
    """
    if n < 2:
        raise FaultError(f"expected at least 2, got {n}", key="n")
    decoded = decode_blocks(draft.blocks)
    run = event_run(decoded, event_block(decoded, index), n, key="n")
    blocks = [draft.blocks[place].sent for place in run]
    if join:
        joined = b"".join([*map(without_blank_line, blocks[:-1]), blocks[-1]])
    else:
        data = "".join(decoded[place].data or "" for place in run)
        joined = with_data(blocks[0], data)
    edit = Edit(draft)
    for place in run[:-1]:
        edit.drop(place)
    edit.replace_bytes(run[-1], joined, meaning=Meaning.LOST)
    return edit.apply().with_note(f"sent {n} events from event {index} on as one")


@fault(Layer.EVENTS, example={"index": 1, "cuts": [1, 2]})
def event_split_text(draft: EventDraft, *, index: int, cuts: list[Count]) -> EventDraft:
    """Send the text of one chunk in several chunks.

    Args:
        draft: The stream.
        index: The event; negative counts from the end. It must have one text and no
            tool call.
        cuts: Where its text is cut, in bytes of its UTF-8, ascending. A cut within a
            character sends its bytes in two chunks, neither of them valid UTF-8, as
            servers do that send each token's bytes alone (llama.cpp#28926).

    Oracle:
        Both: the text is the same; role and finish arrive once. For a cut within a
        character: the bytes, or U+FFFD instead, never another character. Repairing:
        alternatively the client gets neither event and is told so at the end.
    """
    decoded = decode_blocks(draft.blocks)
    place = event_block(decoded, index)
    block = draft.blocks[place]
    entry = decoded[place]
    if len(entry.texts) != 1 or entry.has_tool or len(entry.choices) != 1:
        raise FaultError("expected a chunk with one text and nothing else", key="index")
    if block.meaning is not Meaning.AS_SENT:
        raise FaultError("an earlier fault has already changed the event", key="index")
    parts = _parts(entry.texts[0][2].encode("utf-8", "surrogatepass"), cuts)
    data = entry.data or ""
    if escapes_non_ascii(data) and not all(map(_is_text, parts)):
        raise FaultError("the text is escaped; it has no bytes to cut", key="cuts")
    sent = _chunks_of(block.sent, parts)
    gap = (draft.time_after(place) - block.at_ns) // len(parts)
    edit = Edit(draft)
    edit.replace_bytes(place, sent[0], meaning=Meaning.AS_SENT)
    for number, later in enumerate(sent[1:], start=1):
        edit.insert(place + 1, later, at_ns=block.at_ns + number * gap)
    return edit.apply().with_note(
        f"sent the text of event {index} in {len(parts)} chunks"
    )


def _parts(text: bytes, cuts: Sequence[int]) -> list[bytes]:
    borders = [0, *cuts, len(text)]
    if not cuts or borders != sorted(set(borders)):
        raise FaultError(
            f"expected ascending numbers from 1 to {len(text) - 1}, got {cuts}",
            key="cuts",
        )
    return [text[start:end] for start, end in pairwise(borders)]


def _is_text(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True


_MARK = "\ue000"
"""A placeholder for the part while JSON is written: private use, so in no answer."""


def _chunks_of(sent: bytes, parts: Sequence[bytes]) -> list[bytes]:
    last = len(parts) - 1
    escaped = escapes_non_ascii(sent.decode(errors="replace"))
    chunks = []
    for number, part in enumerate(parts):
        change = partial(_keep_share, first=number == 0, last=number == last)
        chunk = rewrite_json(sent, change)
        for mark in (_MARK.encode(), b"\\ue000"):
            chunk = chunk.replace(mark, _json_bytes(part, escaped=escaped))
        chunks.append(chunk)
    return chunks


def _keep_share(value: Any, *, first: bool, last: bool) -> None:
    """Leave in a chunk the mark for its text, and its own share of the rest."""
    for place in OPENAI_CHAT.text_places(value):
        if place.field in TEXT_FIELDS:
            place.put(value, _MARK)
    keep_share(value, first=first, last=last)


def _json_bytes(part: bytes, *, escaped: bool) -> bytes:
    """Return bytes of text as they are in a JSON string."""
    text = part.decode("utf-8", "surrogateescape")
    return json.dumps(text, ensure_ascii=escaped)[1:-1].encode(
        "utf-8", "surrogateescape"
    )

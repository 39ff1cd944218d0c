"""Faults that insert into the stream: any bytes, giant events, many tiny events."""

from __future__ import annotations

import base64 as base64_coding
import binascii
import json
from typing import Annotated, Any, Literal

from harness.dialects.openai_chat.tool_edits import put_only_call
from harness.dialects.payload import PayloadKind, looks_like_object
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import MAX_BODY, EventDraft, Meaning
from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.position import Position, format_position, landmark_block
from harness.faults.draft.rewrite import dump_json, with_data, with_text
from harness.faults.draft.splice import (
    SplicePoint,
    insert_at,
    insert_raw,
    insert_run,
    last_write_ns,
    splice_point,
    truncate_at,
)
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, AtMost, Bytes, Milliseconds
from harness.faults.registry import Layer, fault
from harness.sse.encoder import encode_event
from harness.units import NS_PER_MS

__all__ = ["giant_event", "insert", "raw", "tiny_events"]


@fault(Layer.EVENTS, example={"at": {"event": 4}, "data": "upstream busy"})
def insert(
    draft: EventDraft,
    *,
    at: Position,
    data: str | None = None,
    raw: str | None = None,
    meaning: Literal["nothing", "lost", "as_sent"] | None = None,
) -> EventDraft:
    """Insert an event with any content.

    Args:
        draft: The stream.
        at: Where. Within an event it becomes part of that event, as when a proxy
            writes its own event before the open one is complete (sub2api#1471).
        data: The event's data; several lines become several data fields.
        raw: Instead of ``data``: the bytes as they are, with all line ends.
        meaning: What a repairing proxy must do with it. By default JSON passes, data
            that begins like an object counts as lost, and anything else is noise.

            - ``nothing``: the client does not get it, and nothing is lost.
            - ``lost``: the client does not get it and must be told.
            - ``as_sent``: it passes.

    Oracle:
        Repairing: what ``meaning`` says. Transparent: as sent.
    """
    if (data is None) is (raw is None):
        raise FaultError("expected either data or raw")
    if "\r" in (data or ""):
        raise FaultError("expected no CR: it would end a line; use raw", key="data")
    sent = encode_event(data) if data is not None else (raw or "").encode()
    point = splice_point(draft, at)
    chosen = Meaning(meaning) if meaning else _meaning_of(data)
    return insert_at(
        draft, point, sent, at_ns=last_write_ns(draft, point), meaning=chosen
    ).with_note(f"inserted {len(sent)} bytes at {format_position(at)}")


@fault(Layer.EVENTS, example={"size": 70_000, "at": {"after": "first_content"}})
def giant_event(
    draft: EventDraft,
    *,
    size: Bytes,
    at: Position,
    kind: Literal["content", "tool_args", "no_newline_ever"] = "content",
) -> EventDraft:
    """Insert a chunk with a very long text or very long tool arguments.

    Readers with line limits stop at 64 KiB, 128 KiB or 512 KiB (class 19). The text
    consists of ascending numbers, so every lost part shows.

    Args:
        draft: The stream; it needs a chunk as a model.
        size: The length of the text in characters, each of one byte.
        at: Where.
        kind: The long part.

            - ``content``: a text delta; the stream needs one as a model.
            - ``tool_args``: the arguments of a new, whole tool call.
            - ``no_newline_ever``: a data line that never ends: after ``size`` bytes
              the stream is over.

    Oracle:
        Both: everything arrives. For a line that never ends, a repairing proxy reports
        a failure to the client, and no proxy makes the stream look finished.
    """
    point = splice_point(draft, at)
    at_ns = last_write_ns(draft, point)
    note = f"inserted {size} characters of {kind} at {format_position(at)}"
    numbers = _numbers(size)
    if kind == "content":
        sent = _modelled(draft, numbers)
    elif kind == "tool_args":
        sent = _tool_call(draft, numbers)
    else:
        return _without_line_end(draft, point, at_ns, size).with_note(note)
    return insert_at(draft, point, sent, at_ns=at_ns).with_note(note)


@fault(Layer.EVENTS, example={"n": 2000, "bytes_each": 1})
def tiny_events(
    draft: EventDraft,
    *,
    n: Annotated[int, AtLeast(1), AtMost(200_000)],
    bytes_each: Annotated[int, AtLeast(1), AtMost(4096)] = 1,
    at: Position | None = None,
    gap_ms: Milliseconds = 0.0,
) -> EventDraft:
    """Insert very many chunks with very little text.

    They show small costs of each event, and costs that grow with the stream (class
    29).

    Args:
        draft: The stream; it needs a text delta as a model.
        n: The number of chunks.
        bytes_each: The characters of each: digits of ascending numbers.
        at: Where; after the first text by default.
        gap_ms: Time from one to the next; the rest of the stream is delayed.

    Oracle:
        Both: every character arrives.
    """
    point = splice_point(draft, at or {"after": "first_content"})
    decoded = decode_blocks(draft.blocks)
    model = landmark_block(decoded, "first_content")
    mark = with_text(draft.blocks[model].sent, decoded[model], "\ue000")
    if n * (len(mark) + bytes_each) > MAX_BODY:
        raise FaultError(f"the stream would have more than {MAX_BODY // 2**20} MiB")
    text = _numbers(n * bytes_each).encode()
    start = last_write_ns(draft, point)
    gap = round(gap_ms * NS_PER_MS)
    before, after = _around(mark)
    writes = [
        (
            start + (number + 1) * gap,
            before + text[number * bytes_each : (number + 1) * bytes_each] + after,
        )
        for number in range(n)
    ]
    return insert_run(draft, point, writes, delay_ns=n * gap).with_note(
        f"inserted {n} chunks of {bytes_each} character(s)"
    )


@fault(Layer.LINES, example={"at": {"event": 3, "offset": 20}, "text": "\r\n0\r\n\r\n"})
def raw(
    draft: EventDraft,
    *,
    at: Position,
    text: str | None = None,
    base64: str | None = None,
) -> EventDraft:
    """Insert any bytes into the body, at any byte.

    Args:
        draft: The stream.
        at: Where; here ``byte`` and ``frac`` mean the exact byte too.
        text: The bytes, as UTF-8.
        base64: Instead of ``text``: the bytes in base64.

    Oracle:
        Both: what a reader gets from the bytes by the grammar of event streams.
        Repairing: the client does not get an event that they break, and is told so.
    """
    if (text is None) is (base64 is None):
        raise FaultError("expected either text or base64")
    sent = text.encode() if text is not None else _decoded(base64 or "")
    if not sent:
        raise FaultError("expected at least one byte")
    point = splice_point(draft, at, exact=True)
    return insert_raw(draft, point, sent, at_ns=last_write_ns(draft, point)).with_note(
        f"inserted {len(sent)} raw byte(s) at {format_position(at)}"
    )


def _decoded(text: str) -> bytes:
    try:
        return base64_coding.b64decode(text, validate=True)
    except binascii.Error as error:
        raise FaultError(f"expected base64: {error}", key="base64") from None


def _meaning_of(data: str | None) -> Meaning:
    if data is None:
        return Meaning.AS_SENT
    if OPENAI_CHAT.read(data).kind is not PayloadKind.MALFORMED:
        return Meaning.AS_SENT
    return Meaning.LOST if looks_like_object(data) else Meaning.NOTHING


def _numbers(size: int) -> str:
    """Return ``size`` characters of ascending numbers, in which no part repeats."""
    parts: list[str] = []
    length = number = 0
    while length < size:
        word = f"{number} "
        parts.append(word)
        length += len(word)
        number += 1
    return "".join(parts)[:size]


def _modelled(draft: EventDraft, text: str) -> bytes:
    decoded = decode_blocks(draft.blocks)
    model = landmark_block(decoded, "first_content")
    return with_text(draft.blocks[model].sent, decoded[model], text)


def _around(mark: bytes) -> tuple[bytes, bytes]:
    for written in ("\ue000".encode(), b"\\ue000"):
        before, found, after = mark.partition(written)
        if found:
            return before, after
    raise FaultError("the stream has no text delta to use as a model")


def _tool_call(draft: EventDraft, numbers: str) -> bytes:
    """Return a chunk with one whole tool call, numbered after those of the stream."""
    decoded = decode_blocks(draft.blocks)
    chunks = [place for place, entry in enumerate(decoded) if entry.choices]
    if not chunks:
        raise FaultError("the stream has no chunk to use as a model")
    entry = decoded[chunks[0]]
    arguments = json.dumps({"text": numbers}, separators=(",", ":"))
    last = max((call for entry in decoded for call in entry.calls), default=-1)
    value: dict[str, Any] = dict(entry.payload.value) if entry.payload else {}
    put_only_call(value, last + 1, id_="call_giant", name="write", arguments=arguments)
    data = dump_json(value, like=entry.data or "")
    return with_data(draft.blocks[chunks[0]].sent, data)


def _without_line_end(
    draft: EventDraft, point: SplicePoint, at_ns: int, size: int
) -> EventDraft:
    if point.offset:
        line = _numbers(size).encode()
    else:
        whole = _modelled(draft, _numbers(size))
        start = whole.index(b"data:")
        line = whole[: start + size]
    return insert_at(
        truncate_at(draft, point), point, line, at_ns=at_ns, meaning=Meaning.LOST
    )

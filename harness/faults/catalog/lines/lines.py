"""Faults of the event-stream grammar: the same events in other bytes.

Most of these bytes are legal (WHATWG HTML, 9.2), and meanings stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Literal

from harness.faults.draft.blocks import EventDraft, Meaning
from harness.faults.draft.cuts import cut_writes
from harness.faults.draft.decoded import (
    Selection,
    decode_block,
    decode_blocks,
    event_block,
    selected_chunks,
)
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import with_data
from harness.faults.errors import FaultError
from harness.faults.registry import Layer, fault
from harness.sse.lines import field_lines

__all__ = [
    "sse_bom",
    "sse_eol",
    "sse_field",
    "sse_multiline",
    "sse_space",
    "sse_strip_event_lines",
]

_EOLS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
_LINE_END = re.compile(rb"\r\n|\n|\r")


@fault(Layer.LINES, example={"eol": "crlf", "split_crlf": True})
def sse_eol(
    draft: EventDraft,
    rng: Random,
    *,
    eol: Literal["lf", "crlf", "cr", "mixed"],
    split_crlf: bool = False,
) -> EventDraft:
    """End every line in LF, CRLF or CR.

    Args:
        draft: The stream.
        rng: Draws the line ends where they are mixed.
        eol: The line end.

            - ``lf``: LF, as most servers do.
            - ``crlf``: CRLF (sse-starlette, Azure).
            - ``cr``: CR alone.
            - ``mixed``: any of the three, drawn for each line.
        split_crlf: Whether CR and LF of a CRLF are in two writes.

    Oracle:
        Both: the same events as with LF.
    """
    if split_crlf and eol in {"lf", "cr"}:
        raise FaultError(f"{eol} has no CRLF to split", key="split_crlf")
    edit = Edit(draft)
    writer = _LineEnds(rng, eol)
    for place in range(len(draft.blocks)):
        edit.change(place, writer.write)
    made = edit.apply()
    if split_crlf:
        made = cut_writes(made, lambda sent: [at.start() + 1 for at in _CRLF(sent)])
    split = ", CR and LF in two writes" if split_crlf else ""
    return made.with_note(f"ended every line in {eol.upper()}{split}")


_CRLF = re.compile(rb"\r\n").finditer


class _LineEnds:
    """A writer of blocks with other line ends, which never merge into one."""

    def __init__(self, rng: Random, eol: str) -> None:
        self._rng = rng
        self._eol = eol
        self._last = b""

    def write(self, sent: bytes) -> bytes:
        parts = []
        for line in sent.splitlines(keepends=True):
            content = line.rstrip(b"\r\n")
            if content == line:
                parts.append(line)
                continue
            # An LF directly after a CR would be part of the same line end.
            joins = not content and self._last == b"\r"
            self._last = self._next(joins=joins)
            parts.append(content + self._last)
        return b"".join(parts)

    def _next(self, *, joins: bool) -> bytes:
        if self._eol != "mixed":
            return _EOLS[self._eol]
        return self._rng.choice((b"\r\n", b"\r") if joins else (b"\n", b"\r\n", b"\r"))


@fault(Layer.LINES, example={"spaces": 0})
def sse_space(draft: EventDraft, *, spaces: Literal[0, 1, 2] = 0) -> EventDraft:
    """Write no, one or two spaces after the colon of every data field.

    Args:
        draft: The stream.
        spaces: The number. A reader removes one space; a second is part of the data.

    Oracle:
        Both: the same events; JSON may begin with a space.
    """

    def change(sent: bytes) -> bytes:
        return re.sub(rb"(?:(?<=[\r\n])|^)data: ?", b"data:" + b" " * spaces, sent)

    return _all_changed(draft, change).with_note(f"wrote {spaces} space(s) after data:")


@fault(Layer.LINES, example={"select": "all"})
def sse_multiline(
    draft: EventDraft,
    *,
    index: int | None = None,
    select: Selection | list[int] | None = None,
    at: Literal["json_token", "in_text"] = "json_token",
) -> EventDraft:
    """Send one JSON object as two data fields.

    Args:
        draft: The stream.
        index: The event; negative counts from the end. All chunks by default.
        select: Instead of ``index``: the chunks, by a word of ``json_patch`` or by a
            list of event numbers.
        at: Where it is cut.

            - ``json_token``: between two members; the line break is white space.
            - ``in_text``: within a string, which the line break makes invalid JSON.

    Oracle:
        Both: the same events if the cut is between tokens. Repairing: the client does
        not get an event that is not JSON, and is told so at the end. Transparent: as
        sent.
    """
    decoded = decode_blocks(draft.blocks)
    if index is not None and select is not None:
        raise FaultError("expected either index or select", key="select")
    if select is not None:
        places = selected_chunks(decoded, select)
    elif index is not None:
        places = [event_block(decoded, index)]
    else:
        places = [at for at, entry in enumerate(decoded) if entry.is_chunk]
    border = _token_border if at == "json_token" else _text_border
    edit = Edit(draft)
    for place in places:
        block = draft.blocks[place]
        if border(block.sent) is None:
            what = "two members" if at == "json_token" else "a text to cut"
            raise FaultError(f"the event is not JSON with {what}", key="index")
        change = partial(_split_data, border)
        if at == "json_token":
            edit.change(place, change)
        else:
            edit.replace_bytes(place, change(block.sent), meaning=Meaning.LOST)
    return edit.apply().with_note(
        f"sent {len(places)} event(s) as two data fields ({at})"
    )


@fault(Layer.LINES, example={"split": True})
def sse_bom(draft: EventDraft, *, split: bool = False) -> EventDraft:
    """Begin the stream with a byte order mark.

    Args:
        draft: The stream.
        split: Whether each of its three bytes is in a write of its own.

    Oracle:
        Both: a reader ignores it (WHATWG, 9.2.5); the first event is not lost.
    """
    if not draft.blocks:
        raise FaultError("the stream has no body")
    edit = Edit(draft)
    edit.change(0, lambda sent: b"\xef\xbb\xbf" + sent)
    made = edit.apply()
    if split:
        made = cut_writes(made, lambda _: [1, 2, 3], only=0)
    return made.with_note("began the stream with a byte order mark")


@fault(Layer.LINES, example={"field": "event", "value": "message"})
def sse_field(
    draft: EventDraft,
    *,
    field: Literal["id", "event", "retry", "unknown"],
    value: str | int,
    form: Literal["with_data", "alone"] = "with_data",
    index: int | None = None,
) -> EventDraft:
    """Add a field to events, or in a block of its own.

    Args:
        draft: The stream.
        field: Its name.

            - ``id``: the last event ID.
            - ``event``: the event's type.
            - ``retry``: the reconnection time.
            - ``unknown``: a field that no reader knows.
        value: Its value.
        form: Where it is.

            - ``with_data``: before the data of the event.
            - ``alone``: in a block without data before the event, which dispatches
              nothing; one client fails at it.
        index: The event; negative counts from the end. All events by default.

    Oracle:
        Both: the fields stay with their events; a field alone makes no event.
    """
    text = str(value)
    if "\n" in text or "\r" in text:
        raise FaultError("expected one line", key="value")
    decoded = decode_blocks(draft.blocks)
    if index is None:
        places = [place for place, entry in enumerate(decoded) if entry.is_event]
    else:
        places = [event_block(decoded, index)]
    line = f"{field}: {text}\n".encode()
    edit = Edit(draft)
    for place in places:
        if form == "with_data":
            edit.change(place, lambda sent: line + sent)
        else:
            edit.insert(place, line + b"\n", at_ns=draft.time_before(place))
    return edit.apply().with_note(
        f"added {field}: {text} to {len(places)} event(s) ({form})"
    )


@fault(Layer.LINES, example={}, cassette="recorded/llama.cpp/messages-plain.yaml")
def sse_strip_event_lines(draft: EventDraft) -> EventDraft:
    """Send every event without its name.

    Clients of Anthropic then see no event and raise no error (class 31).

    Args:
        draft: The stream; its events must have names.

    Oracle:
        Both: as sent; the proxy invents no name.
    """
    edit = Edit(draft)
    count = 0
    for place, block in enumerate(draft.blocks):
        if _EVENT_LINE.search(block.sent):
            count += 1
            edit.change(place, partial(_EVENT_LINE.sub, b""))
    if not count:
        raise FaultError("no event has a name")
    return edit.apply().with_note(f"sent {count} event(s) without their names")


_EVENT_LINE = re.compile(rb"(?:(?<=[\r\n])|^)event(?::[^\r\n]*)?(?:\r\n|\n|\r)")


def _all_changed(draft: EventDraft, change: Callable[[bytes], bytes]) -> EventDraft:
    edit = Edit(draft)
    for place in range(len(draft.blocks)):
        edit.change(place, change)
    return edit.apply()


_MEMBER_END = re.compile(r'"(?:[^"\\]|\\.)*"|(,)')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def _token_border(sent: bytes) -> int | None:
    """Return the offset, in the data, after the comma that is nearest to its middle."""
    data = decode_block(sent).data or ""
    commas = [match.end() for match in _MEMBER_END.finditer(data) if match[1]]
    return min(commas, key=lambda end: abs(2 * end - len(data)), default=None)


def _text_border(sent: bytes) -> int | None:
    """Return the offset, in the data, of the string end nearest to its middle."""
    entry = decode_block(sent)
    if not entry.texts:
        return None
    data = entry.data or ""
    ends = [match.end() - 1 for match in _STRING.finditer(data)]
    return min(ends, key=lambda end: abs(2 * end - len(data)), default=None)


def _split_data(border_of: Callable[[bytes], int | None], sent: bytes) -> bytes:
    border = border_of(sent)
    if border is None:
        return sent
    data = decode_block(sent).data or ""
    first = with_data(sent, data[:border])
    second = with_data(sent, data[border:])
    [end] = [line.end for line in field_lines(first) if line.name == b"data"]
    [new] = [line for line in field_lines(second) if line.name == b"data"]
    return first[:end] + second[new.start : new.end] + first[end:]

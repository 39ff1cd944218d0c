"""Faults of the event-stream grammar: the same events in other bytes.

Whatever is written here is legal (WHATWG HTML, 9.2), so meanings stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from harness.faults.content import (
    changed,
    event_block,
    read_block,
    read_blocks,
    time_after,
    time_before,
    with_data,
)
from harness.faults.draft import EventDraft
from harness.faults.errors import FaultError
from harness.faults.parameters import Count, Milliseconds
from harness.faults.position import Position, block_at, shown_position
from harness.faults.registry import Layer, fault

__all__ = [
    "keepalive",
    "sse_bom",
    "sse_comment",
    "sse_eol",
    "sse_field",
    "sse_multiline",
    "sse_space",
]

_EOLS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}

CommentForm = Literal["block", "line", "bare_colon"]


@fault(Layer.LINES, example={"eol": "crlf"})
def sse_eol(draft: EventDraft, *, eol: Literal["lf", "crlf", "cr"]) -> EventDraft:
    """End every line in LF, CRLF or CR.

    Args:
        draft: The stream.
        eol: The line end.
    """
    end = _EOLS[eol]

    def change(sent: bytes) -> bytes:
        return re.sub(rb"\r\n|\n|\r", end, sent)

    return _all_changed(draft, change).noted(f"ended every line in {eol.upper()}")


@fault(Layer.LINES, example={"spaces": 0})
def sse_space(draft: EventDraft, *, spaces: Literal[0, 1, 2] = 0) -> EventDraft:
    """Put no, one or two spaces behind the colon of every data field.

    A reader takes one space away; of two, one becomes part of the data.

    Args:
        draft: The stream.
        spaces: How many.
    """

    def change(sent: bytes) -> bytes:
        return re.sub(rb"(?:(?<=[\r\n])|^)data: ?", b"data:" + b" " * spaces, sent)

    return _all_changed(draft, change).noted(f"put {spaces} space(s) behind data:")


@fault(Layer.LINES, example={})
def sse_multiline(draft: EventDraft, *, index: int | None = None) -> EventDraft:
    """Send one JSON object as two data fields, cut between two of its tokens.

    Args:
        draft: The stream.
        index: Which event; negative counts from the end. All JSON events by default.
    """
    sayings = read_blocks(draft.blocks)
    if index is None:
        places = [at for at, saying in enumerate(sayings) if saying.is_chunk]
    else:
        places = [event_block(sayings, index)]
    for place in places:
        if _token_border(draft.blocks[place].sent) is None:
            raise FaultError("the event is no JSON with two members", key="index")
        draft = changed(draft, place, _split_data)
    return draft.noted(f"sent {len(places)} event(s) as two data fields")


@fault(Layer.LINES, example={})
def sse_bom(draft: EventDraft) -> EventDraft:
    """Begin the stream with a byte order mark."""
    if not draft.blocks:
        raise FaultError("the stream has no body")
    return changed(draft, 0, lambda sent: b"\xef\xbb\xbf" + sent).noted(
        "began the stream with a byte order mark"
    )


@fault(Layer.LINES, example={"every": 5, "text": "ping"})
def sse_comment(
    draft: EventDraft,
    *,
    every: Count | None = None,
    at: Position | None = None,
    text: str = "ping",
    form: CommentForm = "block",
) -> EventDraft:
    """Put comments between events, or into them.

    Args:
        draft: The stream.
        every: Before every so many events.
        at: Instead of ``every``: in one place.
        text: The comment.
        form: Alone with a blank line, as a line of the event that follows, or a colon
            and nothing else, with a blank line.
    """
    if (every is None) is (at is None):
        raise FaultError("expected either every or at")
    if at is not None:
        places = [block_at(draft, at)]
    else:
        sayings = read_blocks(draft.blocks)
        events = [place for place, saying in enumerate(sayings) if saying.is_event]
        places = events[:: every or 1]
    for place in reversed(places):
        draft = _commented(draft, place, text, form)
    return draft.noted(f"put in {len(places)} comment(s) ({form})")


@fault(
    Layer.LINES,
    example={"at": {"after": "headers"}, "for_ms": 60_000, "every_ms": 15_000},
)
def keepalive(  # noqa: PLR0913 - they are the words of a scenario
    draft: EventDraft,
    *,
    at: Position,
    for_ms: Milliseconds,
    every_ms: Milliseconds,
    text: str = "keepalive",
    form: Literal["block", "bare_colon"] = "block",
) -> EventDraft:
    """Wait in one place, and send comments meanwhile.

    Args:
        draft: The stream.
        at: Where.
        for_ms: How long the stream says nothing else.
        every_ms: Time between comments, and before the first.
        text: The comment.
        form: With text, or a colon and nothing else.
    """
    count = int(for_ms // every_ms) if every_ms else 0
    if not count:
        raise FaultError("expected at most for_ms, and more than 0", key="every_ms")
    place = block_at(draft, at)
    start = time_before(draft, place)
    for number in range(count):
        draft = draft.with_inserted(
            place + number,
            _comment(text, form),
            at_ns=start + round((number + 1) * every_ms * 1e6),
        )
    return _delayed(draft, place + count, round(for_ms * 1e6)).noted(
        f"sent {count} comment(s) in {for_ms:g} ms at {shown_position(at)}"
    )


@fault(Layer.LINES, example={"field": "event", "value": "message"})
def sse_field(
    draft: EventDraft,
    *,
    field: Literal["id", "event", "retry", "unknown"],
    value: str,
    form: Literal["with_data", "alone"] = "with_data",
    index: int | None = None,
) -> EventDraft:
    """Add a field to events, or in a block of its own.

    Args:
        draft: The stream.
        field: Its name.
        value: Its value.
        form: Before the data of the event, or alone before the event.
        index: Which event; negative counts from the end. All events by default.
    """
    if "\n" in value or "\r" in value:
        raise FaultError("expected one line", key="value")
    sayings = read_blocks(draft.blocks)
    if index is None:
        places = [place for place, saying in enumerate(sayings) if saying.is_event]
    else:
        places = [event_block(sayings, index)]
    line = f"{field}: {value}\n".encode()
    for place in reversed(places):
        if form == "with_data":
            draft = changed(draft, place, lambda sent: line + sent)
        else:
            at_ns = time_before(draft, place)
            draft = draft.with_inserted(place, line + b"\n", at_ns=at_ns)
    return draft.noted(f"added {field}: {value} to {len(places)} event(s) ({form})")


def _all_changed(draft: EventDraft, change: Callable[[bytes], bytes]) -> EventDraft:
    for place in range(len(draft.blocks)):
        draft = changed(draft, place, change)
    return draft


def _commented(
    draft: EventDraft, place: int, text: str, form: CommentForm
) -> EventDraft:
    if form == "line":
        if place == len(draft.blocks):
            raise FaultError("no event follows that could hold the line", key="at")
        return changed(draft, place, lambda sent: f": {text}\n".encode() + sent)
    before = time_before(draft, place)
    after = time_after(draft, place - 1) if place else before
    return draft.with_inserted(place, _comment(text, form), at_ns=(before + after) // 2)


def _comment(text: str, form: str) -> bytes:
    return b":\n\n" if form == "bare_colon" else f": {text}\n\n".encode()


def _delayed(draft: EventDraft, place: int, delay_ns: int) -> EventDraft:
    later = tuple(
        replace(
            block,
            pieces=tuple(
                replace(piece, at_ns=piece.at_ns + delay_ns) for piece in block.pieces
            ),
        )
        for block in draft.blocks[place:]
    )
    return replace(
        draft,
        blocks=(*draft.blocks[:place], *later),
        finish_at_ns=draft.finish_at_ns + delay_ns,
    )


_MEMBER_END = re.compile(r'"(?:[^"\\]|\\.)*"|(,)')


def _token_border(sent: bytes) -> int | None:
    """Return where, in the data, the comma nearest to its middle ends."""
    data = read_block(sent).data or ""
    commas = [match.end() for match in _MEMBER_END.finditer(data) if match[1]]
    return min(commas, key=lambda end: abs(2 * end - len(data)), default=None)


def _split_data(sent: bytes) -> bytes:
    border = _token_border(sent)
    if border is None:
        return sent
    data = read_block(sent).data or ""
    first = with_data(sent, data[:border])
    second = with_data(sent, data[border:])
    lines = first.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith(b"data"))
    new = next(
        line for line in second.splitlines(keepends=True) if line.startswith(b"data")
    )
    return b"".join([*lines[: at + 1], new, *lines[at + 1 :]])

"""Faults of comments and of other messages that keep a connection alive."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Literal

from harness.faults.draft.blocks import EventDraft, Meaning
from harness.faults.draft.decoded import decode_blocks
from harness.faults.draft.edit import Edit
from harness.faults.draft.position import Position, format_position
from harness.faults.draft.splice import (
    insert_at,
    insert_run,
    insert_within,
    last_write_ns,
    splice_point,
)
from harness.faults.errors import FaultError
from harness.faults.parameters import Count, Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["keepalive", "sse_comment"]

Form = Literal["block", "line", "bare_colon", "as_data", "empty_data"]

_MOST = 100_000
"""The most comments that one fault inserts."""


@fault(Layer.LINES, example={"every": 5, "text": "ping"})
def sse_comment(  # noqa: PLR0913 - they are the words of a scenario
    draft: EventDraft,
    *,
    every: Count | None = None,
    at: Position | None = None,
    every_ms: Milliseconds | None = None,
    text: str = "ping",
    form: Form = "block",
) -> EventDraft:
    """Insert comments between events, or into them.

    Args:
        draft: The stream.
        every: Before one of this many events: 1 is before each, 2 before every second.
        at: Instead of ``every``: at one position; with an offset also within a line.
        every_ms: Instead of ``every``: at this interval from the head on, also between
            two events.
        text: The comment.
        form: How it is written.

            - ``block``: ``: ping`` followed by a blank line.
            - ``line``: ``: ping`` as a line of the next event.
            - ``bare_colon``: a colon and a blank line.
            - ``as_data``: ``data: : ping``: an event that is not JSON, as from a
              gateway that takes a comment for data (llm-gateway#2053).
            - ``empty_data``: ``data:`` and nothing: an event without data, at which two
              clients fail (class 10).

    Oracle:
        Both: comments pass as comments and immediately, since they keep idle
        connections alive. Repairing: the client does not get an event that is not JSON.
        Transparent: it passes as sent.
    """
    chosen = [name for name in (every, at, every_ms) if name is not None]
    if len(chosen) != 1:
        raise FaultError("expected one of every, at, every_ms")
    if "\n" in text or "\r" in text:
        raise FaultError("expected one line", key="text")
    if at is not None:
        made = _comment_at(draft, at, text, form)
        return made.with_note(f"inserted a comment ({form}) at {format_position(at)}")
    due = (
        _every_event(draft, every) if every is not None else _every_ms(draft, every_ms)
    )
    comment = _comment(text, form)
    edit = Edit(draft)
    if form == "line":
        lines = Counter(place for place, _ in due if place < len(draft.blocks))
        for place, count in lines.items():
            edit.change(place, partial(_prefixed, comment * count))
    else:
        for place, at_ns in due:
            edit.insert(place, comment, at_ns=at_ns, meaning=_meaning(form))
    return edit.apply().with_note(f"inserted {len(due)} comment(s) ({form})")


def _prefixed(line: bytes, sent: bytes) -> bytes:
    return line + sent


def _every_event(draft: EventDraft, every: int) -> list[tuple[int, int]]:
    decoded = decode_blocks(draft.blocks)
    events = [place for place, entry in enumerate(decoded) if entry.is_event]
    return [(place, _between(draft, place)) for place in events[::every]]


def _every_ms(draft: EventDraft, every_ms: float | None) -> list[tuple[int, int]]:
    step = round((every_ms or 0) * NS_PER_MS)
    start = draft.head_at_ns or 0
    length = draft.end_at_ns - start
    if step <= 0 or length // step > _MOST:
        raise FaultError(
            f"expected at least {length / _MOST / NS_PER_MS:g}, "
            f"for at most {_MOST} comments",
            key="every_ms",
        )
    due = []
    place = 0
    for at_ns in range(start + step, draft.end_at_ns, step):
        while place < len(draft.blocks) and draft.blocks[place].at_ns <= at_ns:
            place += 1
        due.append((place, at_ns))
    if not due:
        raise FaultError(f"the stream takes {length / NS_PER_MS:g} ms", key="every_ms")
    return due


def _comment_at(draft: EventDraft, at: Position, text: str, form: Form) -> EventDraft:
    point = splice_point(draft, at)
    if point.offset:
        return insert_within(
            draft, point, [(last_write_ns(draft, point), _comment(text, form))]
        )
    if form == "line":
        if point.block == len(draft.blocks):
            raise FaultError("no event follows that could have the line", key="at")
        edit = Edit(draft)
        edit.change(point.block, partial(_prefixed, _comment(text, form)))
        return edit.apply()
    return insert_at(
        draft,
        point,
        _comment(text, form),
        at_ns=_between(draft, point.block),
        meaning=_meaning(form),
    )


def _between(draft: EventDraft, place: int) -> int:
    before = draft.time_before(place)
    after = draft.time_after(place - 1) if place else before
    return (before + after) // 2


def _comment(text: str, form: str) -> bytes:
    words = f": {text}" if text else ":"
    return {
        "block": f"{words}\n\n",
        "line": f"{words}\n",
        "bare_colon": ":\n\n",
        "as_data": f"data: {words}\n\n",
        "empty_data": "data:\n\n",
    }[form].encode()


def _meaning(form: str) -> Meaning:
    return Meaning.NOTHING if form in {"as_data", "empty_data"} else Meaning.AS_SENT


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
    form: Literal["block", "bare_colon", "as_data", "empty_data"] = "block",
) -> EventDraft:
    """Pause at one position, and send comments during the pause.

    Args:
        draft: The stream.
        at: Where; with an offset also within a line.
        for_ms: The length of the pause.
        every_ms: Time between comments, and before the first.
        text: The comment.
        form: How it is written, as for ``sse_comment``: ``block``, ``bare_colon``,
            ``as_data`` or ``empty_data``.

    Oracle:
        Both: comments pass as comments and immediately, and the stream goes on after
        them.
    """
    count = int(for_ms // every_ms) if every_ms else 0
    if not 0 < count <= _MOST:
        raise FaultError(
            f"expected at most for_ms, and at most {_MOST} comments",
            key="every_ms",
        )
    point = splice_point(draft, at)
    start = last_write_ns(draft, point)
    beats = [
        (start + round((number + 1) * every_ms * NS_PER_MS), _comment(text, form))
        for number in range(count)
    ]
    return insert_run(
        draft,
        point,
        beats,
        delay_ns=round(for_ms * NS_PER_MS),
        meaning=_meaning(form),
    ).with_note(f"sent {count} comment(s) in {for_ms:g} ms at {format_position(at)}")

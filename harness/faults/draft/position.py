"""Positions in a stream, as scenarios write them.

========================  ==========================================================
``{event: i}``            before event *i*, counted from 0; negative from the end
``{event: i, offset: b}`` *b* bytes into that event
``{byte: n}``             *n* bytes into the body
``{frac: f}``             that fraction of the body, 0 to 1
``{after: landmark}``     after ``accept`` (the connection exists, the head does not) or
                          ``headers``, or after the event that carries the landmark:
                          ``role``, ``first_content`` (the first text that is not only
                          white space), ``finish`` (the last), ``usage`` (the last),
                          ``done`` (the first)
========================  ==========================================================

Comments do not count as events. For a fault that inserts whole events, ``byte`` and
``frac`` mean the next border between two events; an ``offset`` always means that exact
byte, also within an event. No byte of a body can precede the head, so for faults that
move bytes ``accept`` and ``headers`` are the same position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, get_args

from harness.errors import closest
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import (
    DecodedBlock,
    decode_block,
    decode_blocks,
    event_block,
)
from harness.faults.draft.wire import WireDraft
from harness.faults.errors import FaultError

__all__ = [
    "Landmark",
    "Position",
    "block_at",
    "body_offset",
    "check_position",
    "format_position",
    "is_before_head",
    "landmark_block",
    "offset_at",
]

Landmark = Literal[
    "accept", "headers", "role", "first_content", "finish", "usage", "done"
]


class Position(TypedDict, total=False):
    """A position in a stream; the module's docstring has the forms."""

    event: int
    offset: int
    byte: int
    frac: float
    after: Landmark


_FORMS = ({"event"}, {"event", "offset"}, {"byte"}, {"frac"}, {"after"})
_KEYS = ("event", "offset", "byte", "frac", "after")


def check_position(value: Any) -> None:
    """Refuse a value that is not a position.

    Raises:
        FaultError: The key is the wrong part of the position, if there is one.
    """
    if not isinstance(value, Mapping):
        raise FaultError(f"expected a position such as {{event: 3}}, got {value!r}")
    for name in value:
        if name not in _KEYS:
            raise FaultError(
                f"unknown key; expected one of {', '.join(_KEYS)}",
                key=str(name),
                nearest=closest(str(name), _KEYS),
            )
    if set(value) not in _FORMS:
        got = ", ".join(value) or "nothing"
        raise FaultError(
            f"expected one of event (and offset), byte, frac, after; got {got}"
        )
    for name, part in value.items():
        _check_part(name, part)


def block_at(draft: EventDraft, at: Position) -> int:
    """Return the number of the block that follows a position.

    At the end of the stream this is the number of blocks.

    Raises:
        FaultError: The stream has no such position, or it is within an event.
    """
    check_position(at)
    decoded = decode_blocks(draft.blocks)
    if "event" in at:
        if at.get("offset"):
            raise FaultError("a whole event cannot be within another", key="offset")
        return event_block(decoded, at["event"], key="event")
    if "after" in at:
        return landmark_block(decoded, at["after"]) + 1
    ends = []
    total = 0
    for block in draft.blocks:
        total += len(block.sent)
        ends.append(total)
    offset = body_offset(at, total)
    return sum(1 for end in [0, *ends] if end < offset)


def offset_at(draft: WireDraft, at: Position) -> int:
    """Return the byte offset in the body that a position names.

    Raises:
        FaultError: The stream has no such position.
    """
    check_position(at)
    body = draft.body
    if "event" not in at and "after" not in at:
        return body_offset(at, len(body))
    decoded = [decode_block(body[span.start : span.end]) for span in draft.spans]
    if "after" in at:
        place = landmark_block(decoded, at["after"])
        return draft.spans[place].end if place >= 0 else 0
    span = draft.spans[event_block(decoded, at["event"], key="event")]
    offset = at.get("offset", 0)
    if offset > span.end - span.start:
        raise FaultError(
            f"the event has {span.end - span.start} bytes, got {offset}", key="offset"
        )
    return span.start + offset


def is_before_head(at: Position) -> bool:
    """Return whether a position is after ``accept``, so before the head is sent."""
    return at.get("after") == "accept"


def landmark_block(decoded: Sequence[DecodedBlock], landmark: Landmark) -> int:
    """Return the number of the block with a landmark; -1: ``accept`` or ``headers``.

    Raises:
        FaultError: No block has it.
    """
    if landmark in {"accept", "headers"}:
        return -1
    carries, last = _LANDMARKS[landmark]
    found = [place for place, entry in enumerate(decoded) if carries(entry)]
    if not found:
        raise FaultError(f"the stream has no {landmark.replace('_', ' ')}", key="after")
    return found[-1] if last else found[0]


def format_position(at: Position) -> str:
    """Return a position in the form that scenarios use."""
    return "{" + ", ".join(f"{name}: {part}" for name, part in at.items()) + "}"


# With n > 1 there are several finishes, and some providers send usage in every chunk.
_LANDMARKS: Mapping[str, tuple[Callable[[DecodedBlock], bool], bool]] = {
    "role": (lambda entry: entry.has_role, False),
    "first_content": (lambda entry: entry.has_words, False),
    "finish": (lambda entry: entry.has_finish, True),
    "usage": (lambda entry: entry.has_usage, True),
    "done": (lambda entry: entry.is_done, False),
}


def body_offset(at: Position, size: int) -> int:
    """Return the offset that ``byte`` or ``frac`` names in a body of ``size`` bytes.

    Raises:
        FaultError: The body has fewer bytes.
    """
    if "frac" in at:
        return int(size * at["frac"])
    if at["byte"] > size:
        raise FaultError(f"the body has {size} bytes, got {at['byte']}", key="byte")
    return at["byte"]


def _check_part(name: str, part: Any) -> None:
    if name == "after":
        if part not in get_args(Landmark):
            raise FaultError(
                f"expected one of {', '.join(get_args(Landmark))}, got {part!r}",
                key=name,
                nearest=closest(str(part), get_args(Landmark)),
            )
        return
    if name == "frac":
        if isinstance(part, bool) or not isinstance(part, int | float):
            raise FaultError(f"expected a number, got {part!r}", key=name)
        if not 0 <= part <= 1:
            raise FaultError(f"expected 0 to 1, got {part!r}", key=name)
        return
    if isinstance(part, bool) or not isinstance(part, int):
        raise FaultError(f"expected a whole number, got {part!r}", key=name)
    if name != "event" and part < 0:
        raise FaultError(f"expected at least 0, got {part!r}", key=name)

"""Markers in the text of a stream, which show where it turns up.

Every piece of text (content, reasoning, refusal, tool arguments) and the head of a
stream get their marker before any fault is applied, so what was sent and what was meant
stay true. The marker is at the beginning of a delta's text: a delta that repeats or
extends another one must still do so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from harness.dialects.message import TEXT_FIELDS, TextKey, TextPlace
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.blocks import EventDraft
from harness.faults.draft.decoded import decode_block
from harness.faults.draft.edit import Edit
from harness.faults.draft.rewrite import rewrite_json
from harness.faults.errors import FaultError

__all__ = ["HEADER", "MARKER", "foreign_markers", "marker_of", "with_marker"]

HEADER = "x-request-id"
"""The header that carries the marker: one that proxies forward."""

MARKER = re.compile(rb"qz([0-9]{3})zq")
"""Any marker, in bytes."""

_ESCAPE = 9
"""The state after a backslash; lower numbers count the digits that are left."""


def marker_of(number: int) -> str:
    """Return the marker of a stream, counted from 0: ASCII that nobody escapes."""
    return f"qz{number:03d}zq"


def foreign_markers(data: bytes, own: str) -> set[str]:
    """Return the markers in some bytes, except the own one."""
    return {found.group().decode() for found in MARKER.finditer(data)} - {own}


def with_marker(draft: EventDraft, marker: str) -> EventDraft:
    """Return a stream with a marker in its head and in each of its texts.

    Raises:
        FaultError: The stream has a marker already, or no text to carry one.
    """
    if any(MARKER.search(block.sent) for block in draft.blocks):
        raise FaultError("the recording holds a text that looks like a marker")

    edits = Edit(draft)
    scanners: dict[TextKey, _ArgumentsScanner] = {}
    marked = 0
    for place, block in enumerate(draft.blocks):
        entry = decode_block(block.sent)
        if not entry.is_chunk or entry.payload is None:
            continue
        slots = list(_slots(entry.payload.value, scanners))
        if slots:
            edits.change(place, partial(_insert_marker, marker=marker, slots=slots))
            marked += 1
    if not marked:
        raise FaultError("no text that could carry a marker")
    headers = tuple(line for line in draft.headers if line[0].lower() != HEADER)
    draft = replace(edits.apply(), headers=(*headers, (HEADER, f"req-{marker}")))
    return draft.with_note(f"marked {marked} events and the head with {marker}")


_Slot = tuple[TextPlace, int]
"""A text, and the place in it for a marker."""


def _slots(value: Any, scanners: dict[TextKey, _ArgumentsScanner]) -> Iterator[_Slot]:
    """Yield the slots of a chunk, the places for a marker."""
    for place in OPENAI_CHAT.text_places(value):
        if place.field in TEXT_FIELDS:
            yield place, 0
        else:
            key = (place.choice, place.field)
            scanner = scanners.setdefault(key, _ArgumentsScanner())
            at = scanner.read(place.text)
            if at is not None:
                yield place, at


def _insert_marker(sent: bytes, *, marker: str, slots: list[_Slot]) -> bytes:
    """Return a block with a marker at each slot."""

    def change(value: Any) -> None:
        for place, at in slots:
            place.put(value, place.text[:at] + marker + place.text[at:])

    return rewrite_json(sent, change)


class _ArgumentsScanner:
    """A scanner of the fragments of a call's arguments for text inside of a value.

    There a marker leaves the JSON valid, wherever the fragments are cut.
    """

    def __init__(self) -> None:
        self._inside: list[str] = []
        self._before = ""
        self._in_value: bool | None = None  # None: outside of strings
        self._escape = 0

    def read(self, text: str) -> int | None:
        """Read a fragment; return the first place in it that is inside a value."""
        found = None
        for at, char in enumerate(text):
            if found is None and self._in_value and not self._escape:
                found = at
            self._step(char)
        return found

    def _step(self, char: str) -> None:
        if self._in_value is not None:
            self._step_in_string(char)
        elif char == '"':
            in_list = bool(self._inside) and self._inside[-1] == "["
            self._in_value = self._before == ":" or in_list
        elif not char.isspace():
            if char in "{[":
                self._inside.append(char)
            elif char in "}]" and self._inside:
                self._inside.pop()
            self._before = char

    def _step_in_string(self, char: str) -> None:
        if self._escape:
            # Of ``\\uXXXX`` four digits follow the letter.
            first = self._escape == _ESCAPE
            self._escape = (
                4 if first and char == "u" else 0 if first else (self._escape - 1)
            )
        elif char == "\\":
            self._escape = _ESCAPE
        elif char == '"':
            self._in_value = None
            self._before = char

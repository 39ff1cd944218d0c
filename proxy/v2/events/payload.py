"""The JSON of an event: reading it, and replacing a text without touching the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

__all__ = ["Edit", "as_utf8", "read", "read_leniently", "rewrite"]


@dataclass(slots=True)
class Edit:
    """A text to replace.  What with may change until it is done.

    Attributes:
        holder: The object that holds it, part of the payload that was read.
        name: Its key there.
        old: What it is.
        new: What it is to be.
    """

    holder: dict[str, Any]
    name: str
    old: str
    new: str


def read(payload: bytes) -> Any:
    """Read JSON, taking what either of two parsers takes.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It nests too deeply to tell.
    """
    try:
        return orjson.loads(payload)
    except ValueError:
        return read_leniently(payload)


def read_leniently(payload: bytes) -> Any:
    """Read JSON that orjson refuses although the grammar has it.

    These are lone surrogates in escapes, numbers beyond a float, and deep nesting.
    ``NaN`` and ``Infinity`` are not in the grammar (RFC 8259, section 6).

    Raises:
        ValueError: It is no JSON.
        RecursionError: It nests too deeply to tell.
    """
    return json.loads(
        payload.decode("utf-8"), parse_constant=_refuse, parse_int=_integer
    )


def as_utf8(data: bytes) -> bytes:
    """Return bytes with U+FFFD in the place of what is not UTF-8."""
    return data.decode("utf-8", "replace").encode()


def rewrite(payload: bytes, chunk: Any, edits: Sequence[Edit]) -> bytes:
    """Return the payload with texts replaced, every other byte as it was.

    Args:
        payload: The JSON as it came.
        chunk: The same, read.  It holds the new texts afterwards.
        edits: What to replace, in ``chunk``.
    """
    for edit in edits:
        edit.holder[edit.name] = edit.new
        payload = _replace(payload, chunk, edit)
    return payload


_PLACES_TRIED = 8
"""Each try reads the whole payload, and an upstream decides how many there are."""


def _replace(payload: bytes, expected: Any, edit: Edit) -> bytes:
    """Replace the one string that turns the payload into what is expected.

    The key and text may stand in other places too, so each place is tried and the
    result read again.  This happens in openings only.
    """
    places = re.compile(
        rb'"%b"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")' % re.escape(edit.name.encode()),
        re.DOTALL,
    )
    found = places.finditer(payload)
    same = (place for place in found if _reads_as(place[1], edit.old))
    for place in islice(same, _PLACES_TRIED):
        start, end = place.span(1)
        new = _encode(edit.new, ascii_only=place[1].isascii())
        candidate = payload[:start] + new + payload[end:]
        if _reads_as(candidate, expected):
            return candidate
    # A key that occurs twice, is written with escapes, or stands in very many places.
    return json.dumps(expected, separators=(",", ":")).encode()


def _reads_as(payload: bytes, expected: Any) -> bool:
    try:
        return bool(read(payload) == expected)
    except ValueError:
        return False


def _encode(text: str, *, ascii_only: bool) -> bytes:
    try:
        return json.dumps(text, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return json.dumps(text).encode()


def _integer(digits: str) -> int | float:
    # Python refuses to make an int of very many digits; the grammar does not mind.
    return int(digits) if len(digits) < 4000 else float(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")

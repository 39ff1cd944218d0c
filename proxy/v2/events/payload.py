"""The JSON of an event: reading, and replacing a text without changing the rest."""

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
    """A text to replace.  ``new`` may change until the replacement is made.

    Attributes:
        holder: The object that holds it, part of the payload that was read.
        name: Its key there.
        old: The text as received.
        new: The text to send.
    """

    holder: dict[str, Any]
    name: str
    old: str
    new: str


def read(payload: bytes) -> Any:
    """Read JSON that either of two parsers accepts.

    Raises:
        ValueError: It is not JSON.
        RecursionError: The nesting is too deep to tell.
    """
    try:
        return orjson.loads(payload)
    except ValueError:
        return read_leniently(payload)


def read_leniently(payload: bytes) -> Any:
    """Read JSON that orjson refuses although the grammar allows it.

    This is lone surrogates in escapes, numbers beyond a float, and deep nesting.
    ``NaN`` and ``Infinity`` are not in the grammar (RFC 8259, section 6).

    Raises:
        ValueError: It is not JSON.
        RecursionError: The nesting is too deep to tell.
    """
    return json.loads(
        payload.decode("utf-8"), parse_constant=_refuse, parse_int=_integer
    )


def as_utf8(data: bytes) -> bytes:
    """Return bytes with invalid UTF-8 replaced by U+FFFD."""
    return data.decode("utf-8", "replace").encode()


def rewrite(payload: bytes, chunk: Any, edits: Sequence[Edit]) -> bytes:
    """Return the payload with texts replaced and every other byte unchanged.

    Args:
        payload: The JSON as received.
        chunk: The parsed payload.  It holds the new texts afterwards.
        edits: The texts to replace, in ``chunk``.
    """
    for edit in edits:
        edit.holder[edit.name] = edit.new
        payload = _replace(payload, chunk, edit)
    return payload


_PLACES_TRIED = 8
"""Each try reads the whole payload, and the upstream decides how many there are."""


def _replace(payload: bytes, expected: Any, edit: Edit) -> bytes:
    """Replace the one string whose change turns the payload into what is expected.

    The key and text may occur in other places too, so each place is tried and the
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
    # The key occurs twice, is written with escapes, or occurs in very many places.
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
    # Python refuses to make an int of very many digits; the grammar allows them.
    return int(digits) if len(digits) < 4000 else float(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")

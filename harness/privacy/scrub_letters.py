"""Replaces letters by invented ones of the same class and the same size.

There are two ways, both keyed:

*Substitution*: every character has one stand-in, at every position. So equal texts stay
equal, and a text that begins, repeats or contains another still does, however the
stream cuts it. Stutter consists of such repeats, so answers need this way. It is a
substitution cipher: it hides a text from search and from the eye, not from an analyst.

*Noise*: the stand-in depends on the whole text and on the position in it. It reveals
only lengths and classes; texts that differ anywhere have nothing in common afterwards.
It is used for requests and ids.

Classes: Latin letters keep their case, digits stay digits (0 stays 0, so a number
stays a number), and any other letter or symbol becomes one of its own category in its
own part of Unicode, so its size in UTF-8 and in UTF-16 stays. Marks, punctuation,
spaces and controls do not change.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from string import ascii_lowercase, ascii_uppercase

__all__ = ["Pseudonymizer"]

_DIGITS = "123456789"
# Parts of Unicode that are larger than a page of 256, or smaller.
_RANGES = (
    (0x3400, 0x4DBF),  # CJK, extension A
    (0x4E00, 0x9FFF),  # CJK
    (0xAC00, 0xD7A3),  # Hangul
    (0x1F1E6, 0x1F1FF),  # the halves of flags
)
_SUBSTITUTED = frozenset({"Lu", "Ll", "Lo", "Lt", "Nd", "Nl", "No"})
_SYMBOLS_FROM = 0x2600  # below are the lines of boxes, arrows and mathematics
_HEX = "0123456789abcdef"
_ID_PREFIX = re.compile(r"(?:[A-Za-z]{2,12}[-_]){1,2}(?=.)")
_ID_TRIES = 1000


class Pseudonymizer:
    """Stand-ins for the characters and ids of one cassette.

    Args:
        key: Whoever has it can undo the substitution.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._table = _SubstitutionTable(self)
        self._ids: dict[str, str] = {}
        self._taken: set[str] = set()

    def substitute(self, text: str) -> str:
        """Return a text in which a character always has the same stand-in."""
        return text.translate(self._table)

    def randomize(self, text: str) -> str:
        """Return a text of stand-ins that depend on the whole text."""
        # Characters beyond ASCII are substituted: their classes may be small.
        chosen = self._bytes("noise", text, len(text))
        return "".join(map(self._shifted, text, chosen))

    def rename_id(self, name: str) -> str:
        """Return another id with the same prefix, always the same for this id."""
        if name not in self._ids:
            self._ids[name] = new = self._new_id(name)
            self._taken.add(new)
        return self._ids[name]

    def cycle(self, members: str) -> dict[int, str]:
        """Return a stand-in for each character, never the character itself."""
        ordered = sorted(members, key=lambda one: self._bytes("cycle", one, 8))
        following = ordered[1:] + ordered[:1]
        return {ord(one): other for one, other in zip(ordered, following, strict=True)}

    def _bytes(self, purpose: str, text: str, size: int) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        start = f"{purpose}:{len(self._key)}:".encode() + self._key
        return hashlib.shake_256(start + data).digest(size)

    def _shifted(self, one: str, by: int) -> str:
        for members in (ascii_lowercase, ascii_uppercase, _DIGITS):
            if one in members:
                count = len(members)
                # Shifted by at least one, so no letter becomes itself.
                at = members.index(one) + 1 + by % (count - 1)
                return members[at % count]
        return one if one.isascii() else self._table[ord(one)]

    def _new_id(self, name: str) -> str:
        match = _ID_PREFIX.match(name)
        prefix = match[0] if match else ""
        rest = name[len(prefix) :]
        is_hex = set(rest) <= {*_HEX, "-"}
        new = name
        for attempt in range(_ID_TRIES):
            chosen = self._bytes(f"id {attempt}", name, len(rest))
            new = prefix + "".join(
                _id_letter(one, by, is_hex=is_hex)
                for one, by in zip(rest, chosen, strict=True)
            )
            if new != name and new not in self._taken:
                break
        return new


class _SubstitutionTable(dict[int, str]):
    """The substitution; a class is added when one of its characters first occurs."""

    def __init__(self, pseudonyms: Pseudonymizer) -> None:
        super().__init__()
        self._pseudonyms = pseudonyms
        lower = pseudonyms.cycle(ascii_lowercase)
        self.update(lower)
        self.update({ord(chr(a).upper()): b.upper() for a, b in lower.items()})
        self.update(pseudonyms.cycle(_DIGITS))

    def __missing__(self, code: int) -> str:
        if code < 0x80:
            self[code] = chr(code)
        else:
            members = _class_of(code)
            self.update(
                self._pseudonyms.cycle(members) if members else {code: chr(code)}
            )
        return self[code]


def _class_of(code: int) -> str:
    """Return the characters that may replace this one; empty if it stays."""
    category = unicodedata.category(chr(code))
    if category not in _SUBSTITUTED and (category != "So" or code < _SYMBOLS_FROM):
        return ""
    first, last = next(
        (found for found in _RANGES if found[0] <= code <= found[1]),
        (code & ~0xFF, code | 0xFF),
    )
    own = len(chr(code).encode())
    return "".join(
        one
        for one in map(chr, range(first, last + 1))
        if unicodedata.category(one) == category
        and len(one.encode()) == own
        and _is_ranged(ord(one)) == _is_ranged(code)
    )


def _is_ranged(code: int) -> bool:
    return any(first <= code <= last for first, last in _RANGES)


def _id_letter(one: str, by: int, *, is_hex: bool) -> str:
    if one in _HEX and is_hex:
        return _HEX[by % 16]
    for members in (ascii_lowercase, ascii_uppercase, "0123456789"):
        if one in members:
            return members[by % len(members)]
    return one

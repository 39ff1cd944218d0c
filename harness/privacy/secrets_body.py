"""The secrets in a body: found by key, by shape, and by being known already.

A secret may be cut between two deltas of a stream, so the texts that the events say
together are searched too, and what is found there leads back to its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

from harness.privacy.rules import RedactionRules
from harness.privacy.secret_names import is_secret_key, is_secret_parameter, is_value
from harness.privacy.secret_shapes import find_shapes
from harness.privacy.strings import Piece, Strand, pieces_of, strands_of

__all__ = ["KNOWN_MIN", "BodySecrets", "Found", "mask"]

KNOWN_MIN = 12
"""Characters from which on a known secret is looked for elsewhere: shorter ones are
words too often."""

_PART_MIN = 8  # characters of a known secret that a cumulative delta may end with

# A pin may have four digits; what is masked already is none.
_SECRET_NUMBER = re.compile("(?!1+$)[0-9]{4,}")

_FORM = "application/x-www-form-urlencoded"
_PARAMETER = re.compile(r"([^=&]*)=([^&]*)")
_NOT_END = re.compile(rb"[^\r\n]")

# What every key of secrets_names says, so that most texts are not searched for pairs.
_SUSPECT = re.compile(
    "key|token|secret|passw|pwd|passphrase|auth|credential|cookie|connection",
    re.IGNORECASE,
)
# "name": "value" in a text, quotes of either kind and escaped or not; the value goes on
# to the end where its quote never comes.
_PAIR = re.compile(
    r"""(?P<q>\\*["'])(?P<key>[A-Za-z][\w. -]{1,60})(?P=q)\s*[:=]\s*"""
    r"""(?P<v>\\*["'])(?P<value>(?:(?!(?P=v))(?:\\.|[^\\\r\n]))+)"""
)


class Found(NamedTuple):
    """Bytes ``start:end`` of a body that are a secret, and what shows it."""

    start: int
    end: int
    kind: str
    is_number: bool = False


def mask(body: bytes, found: Iterable[Found]) -> bytes:
    """Return a body of the same length without these secrets.

    One character stands for all of them: so what is masked in parts, or twice, or in
    pieces of a stream that repeat or extend each other, still fits together. A JSON
    number stays a number; line ends stay what they are.
    """
    masked = bytearray(body)
    for start, end, _, is_number in found:
        sign = b"1" if is_number else b"*"
        masked[start:end] = _NOT_END.sub(sign, body[start:end])
    return bytes(masked)


class BodySecrets:
    """Searches one body.

    Attributes:
        found: Where secrets are, in no order; ranges may overlap.
        known: What they say, where it is long enough to be looked for elsewhere.
        strands: What the body says, by path.
    """

    def __init__(
        self, body: bytes, content_type: str | None, rules: RedactionRules
    ) -> None:
        self.found: list[Found] = []
        self.known: set[str] = set()
        self._rules = rules
        self._raw = body.decode("latin-1")
        pieces = pieces_of(body, content_type)
        self.strands = strands_of(body, pieces)
        if content_type is not None and _FORM in content_type.lower():
            self._search_form()
        self._search_numbers(pieces)
        for start, end, kind in self._shapes(self._raw):
            self._add([(start, end)], self._raw[start:end], kind)
        for strand in self.strands:
            self._search(strand)

    def search_known(self, secrets: Iterable[str]) -> None:
        """Look for secrets that were found anywhere, and for parts in cumulative ones.

        A stream that sends its whole text again with every event says a part of the
        secret before it says all of it.
        """
        for secret in secrets:
            kind = "a secret that stands elsewhere too"
            for start in _places(self._raw, secret):
                self.found.append(Found(start, start + len(secret), kind))
            for strand in self.strands:
                for start in _places(strand.text, secret):
                    self._add_in(strand, start, start + len(secret), secret, kind)
                self._search_parts(strand, secret, kind)

    def _search(self, strand: Strand) -> None:
        key = strand.pieces[0].key
        if is_secret_key(key, self._rules.keys):
            for index, text in enumerate(strand.texts):
                if is_value(text):
                    place = strand.bytes_in(index, 0, len(text))
                    self._add([place], text, f"value of {key!r}")
        for start, end, kind in self._shapes(strand.text):
            self._add_in(strand, start, end, strand.text[start:end], kind)
        self._search_pairs(strand)

    def _search_pairs(self, strand: Strand) -> None:
        if not self._is_suspect(strand.text):
            return
        for start, end, key in self._pairs(strand.text):
            kind = f"value of {key!r}"
            self._add_in(strand, start, end, strand.text[start:end], kind)

    def _pairs(self, text: str) -> Iterator[tuple[int, int, str]]:
        for match in _PAIR.finditer(text):
            if is_secret_key(match["key"], self._rules.keys) and is_value(
                match["value"]
            ):
                yield *match.span("value"), match["key"]

    def _search_form(self) -> None:
        for match in _PARAMETER.finditer(self._raw):
            name = unquote_plus(match[1])
            named = is_secret_parameter(name, self._rules.parameters)
            if named and is_value(match[2]):
                self._add([match.span(2)], match[2], f"value of {name!r}")

    def _search_numbers(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if piece.is_string or not is_secret_key(piece.key, self._rules.keys):
                continue
            text = self._raw[piece.start : piece.end]
            if _SECRET_NUMBER.fullmatch(text):
                kind = f"value of {piece.key!r}"
                self.found.append(Found(piece.start, piece.end, kind, is_number=True))

    def _search_parts(self, strand: Strand, secret: str, kind: str) -> None:
        for index, text in enumerate(strand.texts):
            for size in range(min(len(secret) - 1, len(text)), _PART_MIN - 1, -1):
                if text.endswith(secret[:size]):
                    place = strand.bytes_in(index, len(text) - size, len(text))
                    self.found.append(Found(*place, kind))
                    break

    def _is_suspect(self, text: str) -> bool:
        if _SUSPECT.search(text):
            return True
        lower = text.lower()
        return any(key in lower for key in self._rules.keys)

    def _shapes(self, text: str) -> Iterator[tuple[int, int, str]]:
        yield from find_shapes(text)
        yield from self._rules.find(text)

    def _add_in(
        self, strand: Strand, start: int, end: int, text: str, kind: str
    ) -> None:
        self._add(strand.bytes_of(start, end), text, kind)

    def _add(self, places: Iterable[tuple[int, int]], text: str, kind: str) -> None:
        if not text.strip("*"):
            return
        self.found += [Found(start, end, kind) for start, end in places if start < end]
        if len(text) >= KNOWN_MIN and "*" not in text:
            self.known.add(text)


def _places(text: str, secret: str) -> Iterator[int]:
    at = text.find(secret)
    while at >= 0:
        yield at
        at = text.find(secret, at + len(secret))

"""Finds the secrets in a body: by key, by shape, and by being known already.

A secret may be cut between two deltas of a stream, so the joined texts of the events
are searched too, and a finding there is traced back to its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_plus

from harness.privacy.rules import RedactionRules
from harness.privacy.secret_names import is_secret_key, is_secret_parameter, is_value
from harness.privacy.secret_shapes import find_shapes
from harness.privacy.strings import Scalar, StreamedText, scalars_of, streamed_texts

__all__ = ["KNOWN_MIN", "BodySecrets", "SecretSpan", "mask"]

KNOWN_MIN = 12
"""The least characters of a known secret that is searched for elsewhere: shorter ones
are words too often."""

_PART_MIN = 8  # the least characters of a known secret at the end of a cumulative delta

# A pin may have four digits; 1111 is masked already.
_SECRET_NUMBER = re.compile("(?!1+$)[0-9]{4,}")

_FORM = "application/x-www-form-urlencoded"
_PARAMETER = re.compile(r"([^=&]*)=([^&]*)")
_NOT_END = re.compile(rb"[^\r\n]")

# Parts of every key of secret_names: a text without one is not searched for pairs.
_SUSPECT = re.compile(
    "key|token|secret|passw|pwd|passphrase|auth|credential|cookie|connection",
    re.IGNORECASE,
)
# "name": "value" in a text, with either kind of quote, escaped or not. A value without
# a closing quote extends to the end.
_PAIR = re.compile(
    r"""(?P<q>\\*["'])(?P<key>[A-Za-z][\w. -]{1,60})(?P=q)\s*[:=]\s*"""
    r"""(?P<v>\\*["'])(?P<value>(?:(?!(?P=v))(?:\\.|[^\\\r\n]))+)"""
)


class SecretSpan(NamedTuple):
    """Bytes ``start:end`` of a body that are a secret, and its kind."""

    start: int
    end: int
    kind: str
    is_number: bool = False


def mask(body: bytes, found: Iterable[SecretSpan]) -> bytes:
    """Return a body of the same length without these secrets.

    One character replaces all others, so a secret that is masked in parts, twice, or in
    deltas that repeat or extend each other still fits together. A JSON number stays a
    number; line ends stay.
    """
    masked = bytearray(body)
    for start, end, _, is_number in found:
        sign = b"1" if is_number else b"*"
        masked[start:end] = _NOT_END.sub(sign, body[start:end])
    return bytes(masked)


class BodySecrets:
    """The secrets of one body; the constructor searches for them.

    Attributes:
        found: The secrets, in no order; ranges may overlap.
        known: Their texts, if long enough to be searched for elsewhere.
        streamed: The texts of the body, one or more for each path.
    """

    def __init__(
        self, body: bytes, content_type: str | None, rules: RedactionRules
    ) -> None:
        self.found: list[SecretSpan] = []
        self.known: set[str] = set()
        self._rules = rules
        self._raw = body.decode("latin-1")
        scalars = scalars_of(body, content_type)
        self.streamed = streamed_texts(body, scalars)
        if content_type is not None and _FORM in content_type.lower():
            self._search_form()
        self._search_numbers(scalars)
        for start, end, kind in self._shapes(self._raw):
            self._add([(start, end)], self._raw[start:end], kind)
        for streamed in self.streamed:
            self._search(streamed)

    def search_known(self, secrets: Iterable[str]) -> None:
        """Search for secrets found elsewhere, and for their parts in cumulative texts.

        A stream that sends its whole text again with every event sends a part of the
        secret before all of it.
        """
        for secret in secrets:
            kind = "a secret that is found elsewhere too"
            for start in _places(self._raw, secret):
                self.found.append(SecretSpan(start, start + len(secret), kind))
            for streamed in self.streamed:
                for start in _places(streamed.text, secret):
                    self._add_in(streamed, start, start + len(secret), secret, kind)
                self._search_parts(streamed, secret, kind)

    def _search(self, streamed: StreamedText) -> None:
        key = streamed.scalars[0].key
        if is_secret_key(key, self._rules.keys):
            for index, text in enumerate(streamed.parts):
                if is_value(text):
                    place = streamed.byte_range(index, 0, len(text))
                    self._add([place], text, f"value of {key!r}")
        for start, end, kind in self._shapes(streamed.text):
            self._add_in(streamed, start, end, streamed.text[start:end], kind)
        self._search_pairs(streamed)

    def _search_pairs(self, streamed: StreamedText) -> None:
        if not self._is_suspect(streamed.text):
            return
        for start, end, key in self._pairs(streamed.text):
            kind = f"value of {key!r}"
            self._add_in(streamed, start, end, streamed.text[start:end], kind)

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

    def _search_numbers(self, scalars: list[Scalar]) -> None:
        for scalar in scalars:
            if scalar.is_string or not is_secret_key(scalar.key, self._rules.keys):
                continue
            text = self._raw[scalar.start : scalar.end]
            if _SECRET_NUMBER.fullmatch(text):
                kind = f"value of {scalar.key!r}"
                self.found.append(
                    SecretSpan(scalar.start, scalar.end, kind, is_number=True)
                )

    def _search_parts(self, streamed: StreamedText, secret: str, kind: str) -> None:
        for index, text in enumerate(streamed.parts):
            for size in range(min(len(secret) - 1, len(text)), _PART_MIN - 1, -1):
                if text.endswith(secret[:size]):
                    place = streamed.byte_range(index, len(text) - size, len(text))
                    self.found.append(SecretSpan(*place, kind))
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
        self, streamed: StreamedText, start: int, end: int, text: str, kind: str
    ) -> None:
        self._add(streamed.byte_ranges(start, end), text, kind)

    def _add(self, places: Iterable[tuple[int, int]], text: str, kind: str) -> None:
        if not text.strip("*"):
            return
        self.found += [
            SecretSpan(start, end, kind) for start, end in places if start < end
        ]
        if len(text) >= KNOWN_MIN and "*" not in text:
            self.known.add(text)


def _places(text: str, secret: str) -> Iterator[int]:
    at = text.find(secret)
    while at >= 0:
        yield at
        at = text.find(secret, at + len(secret))

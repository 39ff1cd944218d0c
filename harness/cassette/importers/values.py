"""Values in files that others wrote: held against a schema, told by their place."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from harness.documents.schema_errors import cut, explain
from harness.documents.yaml_document import Path, key_path
from harness.errors import InputError

__all__ = ["Place", "parse_json"]


class Place:
    """Where a value stands, for messages.

    Args:
        source: The file's name.
        line: Its line, where one is known.
        path: The keys that lead to it.

    Attributes:
        line: As given.
    """

    __slots__ = ("_path", "_source", "line")

    def __init__(
        self, source: str, *, line: int | None = None, path: Path = ()
    ) -> None:
        self.line = line
        self._source = source
        self._path = path

    def at(self, *steps: str | int) -> Place:
        """Return a place within this one."""
        return Place(self._source, line=self.line, path=(*self._path, *steps))

    def error(self, message: str, *, nearest: str | None = None) -> InputError:
        """Return the error that says what is wrong here."""
        return InputError(
            message,
            source=self._source,
            line=self.line,
            key=key_path(self._path) or None,
            nearest=nearest,
        )

    def check(self, value: Any, validator: Draft202012Validator) -> None:
        """Hold the value that stands here against a schema.

        Raises:
            InputError: With the place, and the nearest valid name of an unknown key.
        """
        errors = list(validator.iter_errors(value))
        if errors:
            message, path, nearest = explain(value, errors)
            raise self.at(*path).error(message, nearest=nearest)

    def encode(self, text: str, *, errors: str = "strict") -> bytes:
        """Return text as UTF-8.

        Args:
            text: What stands here.
            errors: What becomes of half a surrogate pair, in the words of `str.encode`.

        Raises:
            InputError: It holds half a surrogate pair, which JSON lets pass.
        """
        try:
            return text.encode(errors=errors)
        except UnicodeEncodeError:
            message = "expected text, came half a surrogate pair"
            raise self.error(message) from None

    def decode(self, text: str) -> bytes:
        """Return the bytes of base64.

        Raises:
            InputError: It is not base64.
        """
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise self.error(f"expected base64: {error}") from None

    def body(self, value: Mapping[str, Any]) -> bytes:
        """Return the bytes of a mapping with ``text`` or ``base64``.

        Raises:
            InputError: As `encode` and `decode`.
        """
        if "text" in value:
            return self.at("text").encode(value["text"])
        return self.at("base64").decode(value["base64"])

    def headers(self, lines: Any) -> tuple[tuple[str, str], ...]:
        """Return pairs of name and value.

        Raises:
            InputError: One holds what no header can.
        """
        for index, (name, value) in enumerate(lines):
            try:
                (name + value).encode("latin-1")
            except UnicodeEncodeError:
                message = "expected characters up to U+00FF, one for each byte"
                raise self.at(index).error(message) from None
        return tuple((name, value) for name, value in lines)


def parse_json(text: bytes, source: str, *, line: int | None = None) -> Any:
    """Return what a JSON text says.

    Args:
        text: UTF-8; a byte order mark is passed over.
        source: The file's name.
        line: The line that the text is; None: it is the file.

    Raises:
        InputError: It is not UTF-8 or not JSON, or nested beyond reading.
    """
    try:
        return json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        at = line or text.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, came the byte 0x{text[error.start]:02X}"
        raise InputError(message, source=source, line=at) from None
    except json.JSONDecodeError as error:
        at = line or error.lineno
        message = f"expected JSON: {cut(error.msg)}, at character {error.colno}"
        raise InputError(message, source=source, line=at) from None
    except (ValueError, RecursionError) as error:
        message = f"expected JSON: {cut(str(error))}"
        raise InputError(message, source=source, line=line) from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")

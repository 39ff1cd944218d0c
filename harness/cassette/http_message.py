"""Reader of the bodies and headers of HTTP messages in a document."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from harness.cassette.model import Headers
from harness.documents.node import Node
from harness.errors import InputError

__all__ = ["check_headers", "read_base64", "read_body", "read_headers", "read_text"]


def read_body(node: Node) -> bytes:
    """Return the bytes of a mapping with ``text`` or ``base64``.

    Raises:
        InputError: As `read_text` and `read_base64`.
    """
    if "text" in node.value:
        return read_text(node.at("text"))
    return read_base64(node.at("base64"))


def read_text(node: Node, *, surrogates: str = "strict") -> bytes:
    """Return text as UTF-8.

    Args:
        node: The text.
        surrogates: The error handler of `str.encode` for half a surrogate pair, which
            JSON and PyYAML's own loader accept.

    Raises:
        InputError: The text has half a surrogate pair.
    """
    try:
        return str(node.value).encode(errors=surrogates)
    except UnicodeEncodeError:
        message = "expected text, got half a surrogate pair"
        raise InputError(message, at=node) from None


def read_base64(node: Node) -> bytes:
    """Return the bytes of base64.

    Raises:
        InputError: It is not base64.
    """
    try:
        return base64.b64decode(node.value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"expected base64: {error}", at=node) from None


def read_headers(node: Node) -> Headers:
    """Return the headers of a list of pairs.

    Raises:
        InputError: One has a character that no header can have.
    """
    return check_headers(((name, value) for name, value in node.value or ()), node)


def check_headers(lines: Iterable[tuple[str, str]], node: Node) -> Headers:
    """Return header lines, each of which can be sent.

    Args:
        lines: Name and value of each.
        node: Their place, for messages.

    Raises:
        InputError: One has a character that no header can have.
    """
    headers = tuple(lines)
    for index, (name, value) in enumerate(headers):
        if not (name + value).isascii():
            try:
                (name + value).encode("latin-1")
            except UnicodeEncodeError:
                message = "expected characters up to U+00FF, one for each byte"
                raise InputError(message, at=node.at(index)) from None
    return headers

"""Reader of JSON documents: whole files, or single lines of a file."""

from __future__ import annotations

import json
from typing import Any

from harness.documents.node import Node, Origin
from harness.errors import InputError
from harness.printable import cut

__all__ = ["load_json"]


def load_json(text: bytes, *, source: str, line: int | None = None) -> Node:
    """Read a JSON text.

    Args:
        text: UTF-8; a byte order mark is skipped.
        source: The file's name, for messages.
        line: The line of the file that the text is; None: it is the whole file.

    Returns:
        The root.

    Raises:
        InputError: The text is not UTF-8, not JSON, or nested too deeply.
    """
    try:
        value = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        at = line or text.count(b"\n", 0, error.start) + 1
        message = f"expected UTF-8, got the byte 0x{text[error.start]:02X}"
        raise InputError(message, source=source, line=at) from None
    except json.JSONDecodeError as error:
        at = line or error.lineno
        message = f"expected JSON: {cut(error.msg)}, at character {error.colno}"
        raise InputError(message, source=source, line=at) from None
    except (ValueError, RecursionError) as error:
        message = f"expected JSON: {cut(str(error))}"
        raise InputError(message, source=source, line=line) from None
    return Node(value, Origin(source, line))


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")

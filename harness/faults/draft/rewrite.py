"""Changes of an event's JSON in the style of its provider.

Line ends, other fields of the event, the spacing of the JSON and the escaping of its
text stay the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from harness.dialects.message import TextKey
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.decoded import DecodedBlock, decode_block
from harness.faults.errors import FaultError
from harness.sse.lines import field_lines

__all__ = [
    "dump_json",
    "escapes_non_ascii",
    "rewrite_json",
    "with_data",
    "with_text",
    "with_texts",
    "without_blank_line",
]


def rewrite_json(sent: bytes, change: Callable[[Any], None]) -> bytes:
    """Return a block with its JSON changed by ``change``, in its own style.

    Args:
        sent: One event whose data is JSON.
        change: Changes the parsed value in place.
    """
    data = decode_block(sent).data or ""
    value = json.loads(data)
    change(value)
    return with_data(sent, dump_json(value, like=data))


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def dump_json(value: Any, *, like: str) -> str:
    """Return JSON with the spacing and the escaping of another JSON text.

    Text is escaped to ASCII where ``like`` does so, or where it cannot be UTF-8 (a lone
    surrogate).
    """
    bare = _STRING.sub("", like)
    separators = (", " if ", " in bare else ",", ": " if ": " in bare else ":")
    escaped = escapes_non_ascii(like)
    write = partial(json.dumps, value, separators=separators)
    text = write(ensure_ascii=escaped)
    try:
        text.encode()
    except UnicodeEncodeError:
        return write(ensure_ascii=True)
    return text


def escapes_non_ascii(like: str) -> bool:
    """Return whether a JSON text escapes all characters that are not ASCII."""
    return like.isascii() and "\\u" in like


def with_texts(sent: bytes, texts: Mapping[TextKey, str]) -> bytes:
    """Return a chunk with some of its texts replaced.

    Args:
        sent: The event.
        texts: The new texts, by choice and field.
    """

    def change(value: Any) -> None:
        for place in OPENAI_CHAT.text_places(value):
            key = (place.choice, place.field)
            if key in texts:
                place.put(value, texts[key])

    return rewrite_json(sent, change)


def with_text(sent: bytes, decoded: DecodedBlock, text: str) -> bytes:
    """Return a chunk whose first text is replaced and whose other texts are empty.

    Args:
        sent: The event.
        decoded: The same event, decoded; it must have text.
        text: The new text.
    """
    if not decoded.texts:
        raise FaultError("the event has no text")
    keys = [(choice, field) for choice, field, _ in decoded.texts]
    return with_texts(sent, {**dict.fromkeys(keys, ""), keys[0]: text})


_LINE_ENDS = re.compile(rb"(\r\n|\n|\r)(?:\r\n|\n|\r)*\Z")


def without_blank_line(sent: bytes) -> bytes:
    """Return a block without the blank lines at its end."""
    return _LINE_ENDS.sub(rb"\1", sent)


def with_data(sent: bytes, data: str | bytes) -> bytes:
    """Return an event with other data; its other lines and its line ends stay.

    Args:
        sent: One event.
        data: One line without its line end.
    """
    new = data.encode() if isinstance(data, str) else data
    parts: list[bytes] = []
    kept = 0
    for line in field_lines(sent):
        if line.name == b"data":
            parts.append(sent[kept : line.start])
            if not kept:
                colon = b"" if line.value > line.start + len(line.name) else b":"
                parts += [sent[line.start : line.value], colon, new]
                parts.append(sent[line.stop : line.end])
            kept = line.end
    return b"".join([*parts, sent[kept:]])

"""The encoder of events and comments in the common style: LF, one space."""

from __future__ import annotations

__all__ = ["encode_comment", "encode_event"]


def encode_event(
    data: str,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 -- the field's own name
    retry: int | None = None,
) -> bytes:
    """Return the bytes of one event, including its blank line.

    Args:
        data: The data; each LF starts another data field.
        event: The type. None: no type is written.
        id: The last event ID to set; the empty string resets it.
        retry: The reconnection time to set, in milliseconds.

    Raises:
        ValueError: The format cannot carry a value: a CR in data, a CR or LF in
            event or id, U+0000 in id, a negative retry, a lone surrogate anywhere.
    """
    if "\r" in data:
        raise ValueError("data must not contain CR: a reader would see a line end")
    lines = []
    if event is not None:
        lines.append(f"event: {_one_line('event', event)}")
    if id is not None:
        if "\0" in id:
            raise ValueError("id must not contain U+0000: a reader would drop it")
        lines.append(f"id: {_one_line('id', id)}")
    if retry is not None:
        if retry < 0:
            raise ValueError(f"retry must not be negative, got {retry}")
        lines.append(f"retry: {retry}")
    lines += [f"data: {line}" for line in data.split("\n")]
    return _block(lines)


def encode_comment(text: str) -> bytes:
    """Return the bytes of a separate comment, with a blank line after it.

    Servers end keep-alive comments with a blank line (``: ping`` of sse-starlette,
    ``: OPENROUTER PROCESSING``); between events it changes nothing.

    Args:
        text: The comment; each LF starts another comment line.

    Raises:
        ValueError: The text contains a CR or a lone surrogate.
    """
    if "\r" in text:
        raise ValueError("a comment must not contain CR: a reader would see a line end")
    return _block([f": {line}" if line else ":" for line in text.split("\n")])


def _one_line(name: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError(f"{name} must be one line, got {value!r}")
    return value


def _block(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in [*lines, ""]).encode()

"""The parser of an event's data: a chunk, the sentinel, an error, or something else.

A chunk is an object with ``choices`` (a list or null) or ``usage``; the sentinel is
``[DONE]``, also with spaces around it; an error is an object whose ``error`` is not
empty, or any data of an event ``error``.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

from harness.dialects.payload import Payload, PayloadKind

__all__ = ["SENTINEL", "parse_payload"]

SENTINEL = "[DONE]"
"""The data of the last event."""


def parse_payload(data: str, event: str = "message") -> Payload:
    """Read the data of one event; never raises.

    An ``error`` key counts if its value is true in Python's sense, as in the provider's
    own client (openai-python, ``_streaming.py``: ``data.get("error")``), even next to
    choices; an explicit null, which some providers send, does not.

    Args:
        data: The event's data.
        event: The event's type.
    """
    if data.strip(" \t\r") == SENTINEL:
        return Payload(kind=PayloadKind.END)
    try:
        value = _load(data)
    except (ValueError, RecursionError):
        if event == "error" and data.strip():
            return Payload(kind=PayloadKind.ERROR, value=data)
        return Payload(kind=PayloadKind.MALFORMED)
    return Payload(kind=_kind_of(value, event), value=value)


def _kind_of(value: Any, event: str) -> PayloadKind:
    if event == "error":
        return PayloadKind.ERROR
    if not isinstance(value, dict):
        return PayloadKind.OTHER
    if value.get("error"):
        return PayloadKind.ERROR
    has_choices = isinstance(value.get("choices", ""), list | None)
    return PayloadKind.CHUNK if has_choices or "usage" in value else PayloadKind.OTHER


def _load(data: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates ("\ud83d": half an emoji in one chunk),
        # which clients accept; it also nests less deeply.
        return json.loads(data, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

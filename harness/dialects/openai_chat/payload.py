"""What the data of one event is: a chunk, the sentinel, an error, or something else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import orjson

__all__ = ["Payload", "PayloadKind", "looks_like_object", "parse_payload"]

_SENTINEL = "[DONE]"
_JSON_SPACE = " \t\n\r"  # RFC 8259, section 2


class PayloadKind(StrEnum):
    """What an event's data is."""

    CHUNK = "chunk"
    """An object with ``choices`` (a list or null) or ``usage``."""

    DONE = "done"
    """The sentinel ``[DONE]``; spaces around it do not count."""

    ERROR = "error"
    """An object whose ``error`` says something, or any data of an event ``error``."""

    MALFORMED = "malformed"
    """Not JSON; empty data too."""

    OTHER = "other"
    """JSON that this dialect does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The data of one event, read.

    Attributes:
        kind: What it is.
        value: The JSON value, or None where it is none. The data itself where an
            event named ``error`` is not JSON.
    """

    kind: PayloadKind
    value: Any = None


def parse_payload(data: str, event: str = "message") -> Payload:
    """Read the data of one event; never raises.

    An ``error`` key counts where its value is true in Python's sense, as the provider's
    own client has it (openai-python, ``_streaming.py``: ``data.get("error")``), also
    beside choices; an explicit null, which some providers send, does not.

    Args:
        data: The event's data.
        event: The event's type.
    """
    if data.strip(" \t\r") == _SENTINEL:
        return Payload(kind=PayloadKind.DONE)
    try:
        value = _load(data)
    except (ValueError, RecursionError):
        if event == "error" and data.strip():
            return Payload(kind=PayloadKind.ERROR, value=data)
        return Payload(kind=PayloadKind.MALFORMED)
    return Payload(kind=_kind_of(value, event), value=value)


def looks_like_object(data: str) -> bool:
    """Tell whether data begins like a JSON object, so that text may be lost with it."""
    return data.lstrip(_JSON_SPACE).startswith("{")


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
        # orjson refuses lone surrogates ("\ud83d"), which half an emoji in one
        # chunk is and clients accept; it also nests less deeply.
        return json.loads(data, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

"""Decides which values of a body are text, which are ids, and which are structure.

The safe rule applies: an unknown value is text. Structure is what a proxy or a client
bases decisions on: kinds, roles, reasons, model names, the names of tools.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from harness.dialects.interface import FieldNames
from harness.dialects.registry import DIALECTS
from harness.privacy.strings import Scalar

__all__ = ["ScrubAction", "action_for", "is_id_name", "is_identity_header"]


class ScrubAction(StrEnum):
    """The treatment of a string or a number of a body."""

    KEEP = "keep"
    """It stays."""

    REPLACE = "replace"
    """Its letters and digits are replaced."""

    RENAME = "rename"
    """It becomes another id, the same one everywhere."""

    MASK = "mask"
    """A number that encodes text (a token, a byte): its digits all become 1."""


_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_NO_LETTERS = re.compile(r"[^a-z0-9]")


def _of_all(chosen: Callable[[FieldNames], frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*(chosen(one.fields) for one in DIALECTS))


_STRUCTURE = _of_all(lambda fields: fields.structure) | {"event"}
# A name below one of these keys is a tool's; a user's name is text.
_TOOLS = _of_all(lambda fields: fields.tools)
# Values below these were written by a model, whatever their own keys are.
_WRITTEN = _of_all(lambda fields: fields.written)
# The two added ones belong to servers whose dialects are not known here.
_TOKENS = _of_all(lambda fields: fields.tokens) | {"context", "inputids"}


def action_for(scalar: Scalar) -> ScrubAction:
    """Return the treatment of a string or a number, chosen by its path."""
    keys = [_plain(key) for key in scalar.keys]
    key = keys[-1] if keys else ""
    if not scalar.is_string:
        in_list = isinstance(scalar.path[-1], int)
        says_text = (in_list and key in _TOKENS) or (key == "id" and "logprobs" in keys)
        return ScrubAction.MASK if says_text else ScrubAction.KEEP
    # One API names the whole prompt `input`, roles and kinds included.
    if not _WRITTEN.isdisjoint(keys[1:-1] if keys[:1] == ["input"] else keys[:-1]):
        return ScrubAction.REPLACE
    if key == "systemfingerprint" or is_id_name(scalar.key):
        return ScrubAction.RENAME
    if key in _STRUCTURE or (key == "name" and not _TOOLS.isdisjoint(keys)):
        return ScrubAction.KEEP
    if key in ("code", "param") and "error" in keys:
        return ScrubAction.KEEP
    return ScrubAction.REPLACE


_IDENTITY_WORDS = frozenset(
    {
        *("account", "baggage", "email", "forwarded", "ip", "origin", "organization"),
        *("project", "ray", "referer", "subject", "tenant", "title", "traceparent"),
        *("tracestate", "user"),
    }
)


def is_identity_header(name: str) -> bool:
    """Tell whether a header identifies a user or a request."""
    words = {word.lower() for word in _WORD.findall(name)}
    if name.lower() == "user-agent" or "limit" in words or "ratelimit" in words:
        return False
    return is_id_name(name) or not words.isdisjoint(_IDENTITY_WORDS)


def is_id_name(name: str) -> bool:
    """Tell whether a key or a header names an id: ``id``, ``tool_call_id``."""
    words = _WORD.findall(name)
    return bool(words) and words[-1].lower() in ("id", "ids")


def _plain(key: str) -> str:
    return _NO_LETTERS.sub("", key.lower())

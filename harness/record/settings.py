"""The checked settings of a recorder, for the command line and for mitmdump."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import InputError
from harness.privacy.redact import DEFAULT_RULES, RedactionRules
from harness.record.saving.file_names import DEFAULT_TEMPLATE, NameTemplate
from harness.record.selection import Selection

__all__ = [
    "MAX_BYTES",
    "RecorderSettings",
    "parse_flag",
    "parse_size",
    "read_saver_settings",
    "saver_settings",
]

MAX_BYTES = 64 * 1024 * 1024
"""The most bytes of a body that are kept by default."""

_SIZE = re.compile(r"([0-9]{1,15})\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_FLAGS = {"true": True, "yes": True, "on": True, "1": True}
_FLAGS |= {"false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSettings:
    """All settings of a recorder.

    Attributes:
        out: The folder of the cassettes.
        name: Template for the names of cassettes.
        max_bytes: The most bytes of a body that are kept; 0: all.
        rules: Redacted in addition to what always is.
        tags: Added to every cassette.
    """

    out: str = "cassettes"
    selection: Selection = field(default_factory=Selection)
    name: str = DEFAULT_TEMPLATE
    max_bytes: int = MAX_BYTES
    rules: RedactionRules = DEFAULT_RULES
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        NameTemplate(self.name)


def parse_size(text: str, key: str) -> int:
    """Return a number of bytes; ``64m`` and ``64MiB`` are 64 * 1024 * 1024.

    Raises:
        InputError: The text is not a size; ``key`` names the option.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        message = f"expected a number of bytes such as 5000000 or 64m, got {text!r}"
        raise InputError(message, key=key)
    return int(match[1]) * _FACTORS[match[2].lower()]


def parse_flag(text: str, key: str) -> bool:
    """Return the flag that ``true`` or ``false`` sets.

    Raises:
        InputError: The text is neither; ``key`` names the option.
    """
    value = _FLAGS.get(text.strip().lower())
    if value is None:
        raise InputError(f"expected true or false, got {text!r}", key=key)
    return value


def saver_settings(settings: RecorderSettings, by: str) -> dict[str, Any]:
    """Return the settings that the saver needs, as JSON."""
    rules = settings.rules
    return {
        "out": settings.out,
        "name": settings.name,
        "max_bytes": settings.max_bytes,
        "tags": list(settings.tags),
        "by": by,
        "rules": {
            "headers": sorted(rules.headers),
            "parameters": sorted(rules.parameters),
            "keys": sorted(rules.keys),
            "patterns": list(rules.patterns),
        },
    }


def read_saver_settings(data: Mapping[str, Any]) -> tuple[RecorderSettings, str]:
    """Return the settings that `saver_settings` wrote, and the program's name."""
    rules = data["rules"]
    settings = RecorderSettings(
        out=data["out"],
        name=data["name"],
        max_bytes=data["max_bytes"],
        tags=tuple(data["tags"]),
        rules=RedactionRules(
            headers=frozenset(rules["headers"]),
            parameters=frozenset(rules["parameters"]),
            keys=frozenset(rules["keys"]),
            patterns=tuple(rules["patterns"]),
        ),
    )
    return settings, data["by"]

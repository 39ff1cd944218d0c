"""Names of cassettes from a template.

A request must not choose a folder, hide a file or break a shell: only letters, digits
and ``. _ = + -`` of a value are kept, and an existing file is never overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Formatter

from harness.errors import InputError, closest

__all__ = ["DEFAULT_TEMPLATE", "FIELDS", "NameTemplate", "free_path"]

FIELDS = (
    "date",
    "time",
    "number",
    "method",
    "host",
    "path",
    "model",
    "status",
    "ending",
)
"""The fields of a template. ``date`` and ``time`` are UTC, when the request was made;
``number`` counts the recordings of one recorder; ``path`` is without its query."""

DEFAULT_TEMPLATE = "{time}-{number}-{model}"

_SUFFIX = ".yaml"
_VALUE_MAX = 80
_NO_VALUE = "none"
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+|\.{2,}")
_UNSAFE_LITERAL = re.compile(r"[\x00-\x1f\x7f\\]")


class NameTemplate:
    """A checked template.

    Args:
        text: Literal text and fields in braces; slashes make folders.

    Raises:
        InputError: It names an unknown field, or a path that leaves its folder.
    """

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = tuple(_parse(text.removesuffix(_SUFFIX)))
        name = self.fill(dict.fromkeys(FIELDS, "x"))
        if _UNSAFE_LITERAL.search(name) or not all(
            part and not part.startswith(".") for part in name.split("/")
        ):
            raise _wrong("expected a name below the folder of --out, not hidden", text)

    def fill(self, values: Mapping[str, str | None]) -> str:
        """Return the name, without suffix.

        Args:
            values: A value for each of `FIELDS`; None is written as ``none``.
        """
        return "".join(
            literal + (_safe(values[field]) if field else "")
            for literal, field in self._parts
        )


def free_path(
    folder: Path, name: str, *, exists: Callable[[Path], bool] = Path.exists
) -> Path:
    """Return a path that does not exist yet: ``name``, ``name-2`` and so on."""
    path = folder / f"{name}{_SUFFIX}"
    count = 1
    while exists(path):
        count += 1
        path = folder / f"{name}-{count}{_SUFFIX}"
    return path


def _parse(text: str) -> list[tuple[str, str]]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise _wrong(f"expected a name with fields in braces: {error}", text) from None
    for _, field, form, conversion in parsed:
        if field is None:
            continue
        if field not in FIELDS or form or conversion:
            raise InputError(
                f"expected one of {', '.join(FIELDS)} in braces, got {field!r}",
                key="name",
                nearest=closest(field, FIELDS),
            )
    return [(literal, field or "") for literal, field, _, _ in parsed]


def _safe(value: str | None) -> str:
    plain = _UNSAFE.sub("-", value or "").strip("-.")[:_VALUE_MAX].rstrip("-.")
    return plain or _NO_VALUE


def _wrong(message: str, text: str) -> InputError:
    return InputError(f"{message}, got {text!r}", key="name")

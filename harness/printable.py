r"""Untrusted text made printable: control sequences are shown, not performed.

Recordings, logs and files are untrusted: they may hold escape sequences that move the
cursor, retitle the window or hide text. Characters that are not printable
(`str.isprintable`: controls, separators other than the space, marks of direction, lone
surrogates, unassigned ones) are written as escapes, on one line; all others stay.

Three notations, because each place keeps the one that its readers know::

                  line feed  ESC      U+2028   U+E0001
    code_point    \u000a     \u001b   \u2028   \U000e0001   reports
    python_escape \n         \x1b     \u2028   \U000e0001   logs and recorded data
    short_escape  \n         \x1b     \u2028   \ue0001      the content of cassettes

JSON strings (`quote`) have a fourth: ``\n``, ``\u001b``, ``\u2028``, ``\ue0001``.
"""

from __future__ import annotations

import json
from collections.abc import Callable

__all__ = [
    "code_point",
    "cut",
    "escape_all",
    "excerpt",
    "one_line",
    "printable",
    "python_escape",
    "quote",
    "short_escape",
    "visible",
]

_CUT_AT = 60
_EXCERPT_MAX = 160


def code_point(char: str) -> str:
    r"""Return a character as its code point, such as ``\u001b``."""
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def python_escape(char: str) -> str:
    r"""Return a character as Python writes it, such as ``\x1b``."""
    return char.encode("unicode_escape").decode()


def short_escape(char: str) -> str:
    """Return a character as Python writes it, without leading zeros beyond U+FFFF."""
    return python_escape(char) if ord(char) <= 0xFFFF else _short(char)


def printable(text: object, escape: Callable[[str], str] = code_point) -> str:
    """Return a text on one line, without anything that a terminal would obey.

    Args:
        text: Any value, as `str` writes it.
        escape: Writes a character that is not printable.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else escape(char) for char in shown)


def escape_all(text: str) -> str:
    """Return a text in ASCII, as Python writes it: backslashes are escaped too."""
    return text.encode("unicode_escape").decode()


def excerpt(text: str) -> str:
    """Return the beginning of a text in quotes; a long rest is not read."""
    rest = "…" if len(text) > _EXCERPT_MAX else ""
    return f'"{printable(text[:_EXCERPT_MAX], short_escape)}{rest}"'


def quote(text: str, limit: int = _CUT_AT) -> str:
    """Return a text as a JSON string for one line, cut after ``limit`` characters."""
    quoted = json.dumps(cut(text, limit), ensure_ascii=False)
    # C1 controls and separators pass json.dumps, and a terminal would obey them.
    return printable(quoted, _short)


def visible(text: str) -> str:
    """Return a text unchanged if all of it is visible, else as a JSON string."""
    return text if text and text.isprintable() else json.dumps(text)


def one_line(text: str) -> str:
    """Return a name printable, on one line, cut after 60 characters."""
    return cut(text if text.isprintable() else repr(text)[1:-1])


def cut(text: str, limit: int = _CUT_AT) -> str:
    """Return a text of at most ``limit`` characters; a cut text ends in ``…``."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _short(char: str) -> str:
    return f"\\u{ord(char):04x}"

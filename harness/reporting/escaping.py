"""Untrusted text made harmless for a terminal and for GitHub's Markdown.

The judge quotes what it took from a body, but a report may be written by others, and
scenario names, reasons and log lines are text of others too. So everything that is
shown goes through here once more.
"""

from __future__ import annotations

import re

from harness.printable import printable

__all__ = ["code_span", "markdown_text"]


def markdown_text(text: object) -> str:
    """Return text that GitHub's Markdown shows as it is, for the middle of a line.

    GitHub looks for mentions and issue numbers after it has removed backslashes, but
    never in code: there the sign that makes one stands in a code span of its own.
    """
    escaped = _PUNCTUATION.sub(r"\\\1", printable(text).strip())
    escaped = _MENTIONS.sub(r"`\1`", escaped)
    # What would begin a list, a rule or a numbered item.
    escaped = _LINE_START.sub(_behind_number, escaped)
    return _WWW.sub(r"\1\\.", escaped)


def code_span(text: object) -> str:
    """Return text as a Markdown code span (CommonMark, section 6.1).

    The fence is longer than any run of backticks within.
    """
    shown = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


# `@` and `#` cannot be escaped against GitHub's own filters; see markdown_text.
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>!|~$&]|:(?=\S))")
_MENTIONS = re.compile(r"([@#])")
_LINE_START = re.compile(r"^([0-9]+(?=[.)](?:\s|$)))?([-+=]|(?<=[0-9])[.)])")
_WWW = re.compile(r"(www)\.", re.IGNORECASE)


def _behind_number(found: re.Match[str]) -> str:
    return f"{found[1] or ''}\\{found[2]}"

"""Makes untrusted text harmless for GitHub's Markdown.

The judge quotes text of bodies, but a report may be written by others, and scenario
names, reasons and log lines come from others too. So all text is escaped once more
before it is shown.
"""

from __future__ import annotations

import re

from harness.printable import printable

__all__ = ["code_span", "markdown_text"]


def markdown_text(text: object) -> str:
    """Return text that GitHub's Markdown shows literally, for the middle of a line.

    GitHub searches for mentions and issue numbers after it has removed backslashes, but
    never in code: so ``@`` and ``#`` become code spans.
    """
    escaped = _PUNCTUATION.sub(r"\\\1", printable(text).strip())
    escaped = _MENTIONS.sub(r"`\1`", escaped)
    # These would begin a list, a rule or a numbered item.
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

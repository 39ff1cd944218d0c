"""A client's reading of a stream, its grade, and the comparison of two readings.

Grades, from best to worst. A caller must be able to trust a success, so a reported
failure is better than a silent one:

``right``      no error, and everything the server meant: text, tool calls,
               finish_reason.
``told``       an error, and before it only what was meant, in order. Holes are allowed:
               the error applies to the whole answer.
``hang``       the same, but the client's own timeout had to end it.
``garbled``    an error, and before it something that the server did not mean.
``silent``     no error and no finish_reason, and something is missing: only a caller
               that checks the finish_reason notices.
``false``      no error, a finish_reason, and something missing or wrong: nobody can
               notice. A stream that the server did not finish is never ``right``.

Within a grade less text is worse, except for ``right`` and ``false``, where it makes no
difference. Besides the grade, facts that a caller acts on must survive: the status of
an error, that the SDK retries a failed request (it does so before anything was read),
and the message of the server's own error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = [
    "READ_TIMEOUT_S",
    "TIMEOUT",
    "Grade",
    "Meant",
    "Reading",
    "grade",
    "worse",
]

READ_TIMEOUT_S = 2.5
"""Time after which a reader gives up, as in the measurements of the tables."""

TIMEOUT = "timeout"
"""The error of a reader that gave up, whatever its SDK calls it."""

_ASKED_AGAIN = frozenset({408, 409, 429})
"""Statuses below 500 after which the SDKs retry (openai-python, _base_client.py)."""


class Grade(IntEnum):
    """The quality of a reading; more is better."""

    FALSE = 0
    SILENT = 1
    GARBLED = 2
    HANG = 3
    TOLD = 4
    RIGHT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The answer that the server meant.

    Attributes:
        text: The text of choice 0.
        finish: Its finish_reason.
        tools: Arguments of its tool calls, by index.
        whole: False if the server did not finish.
        says: Message of the server's own error.
    """

    text: str = ""
    finish: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    says: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A client's reading of a stream.

    Attributes:
        text: The joined text of choice 0.
        finish: Its finish_reason; None: none arrived.
        tools: Joined arguments of its tool calls, by index.
        error: Class of the error that ended it, or `TIMEOUT`; None: it succeeded.
        message: The error's message.
        status: HTTP status of an error that has one.
        before_head: Whether the error was raised in place of a stream.
        served_by: The architecture that the head names.
        requests: Number of requests for it that reached the upstream.
        digest: Hash of everything that the SDK yielded, with unknown fields; empty if
            the reader does not compute it.
    """

    text: str = ""
    finish: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    message: str = ""
    status: int | None = None
    before_head: bool = False
    served_by: str | None = None
    requests: int = 0
    digest: str = ""

    @property
    def essence(self) -> tuple[str, str | None, Mapping[str, str], str | None]:
        """The values of a table's row: text, finish, tools and error."""
        return self.text, self.finish, self.tools, self.error

    @property
    def asked_again(self) -> bool:
        """Whether the SDK would retry, if it were allowed to."""
        if not self.before_head:
            return False
        return self.status is None or self.status in _ASKED_AGAIN or self.status >= 500


def grade(reading: Reading, meant: Meant) -> Grade:
    """Return the grade of a reading."""
    if reading.error is None:
        all_there = (reading.text, reading.tools) == (meant.text, meant.tools)
        if meant.whole and all_there and reading.finish == meant.finish:
            return Grade.RIGHT
        return Grade.SILENT if reading.finish is None else Grade.FALSE
    if not _in_order(reading.text, meant.text):
        return Grade.GARBLED
    for index, arguments in reading.tools.items():
        if not _in_order(arguments, meant.tools.get(index, "")):
            return Grade.GARBLED
    return Grade.HANG if reading.error == TIMEOUT else Grade.TOLD


def worse(reading: Reading, directly: Reading, meant: Meant) -> str | None:
    """Return why a client does worse with one reading than with the other.

    Args:
        reading: Its reading through a proxy.
        directly: Its reading without a proxy.
        meant: The answer that the server meant.

    Returns:
        The reason; None: it does not do worse.
    """
    through, best = grade(reading, meant), grade(directly, meant)
    if through < best:
        names = best.name.lower(), through.name.lower()
        return f"{names[0]} directly, {names[1]} through the proxy"
    ranked = through is best and best not in {Grade.FALSE, Grade.RIGHT}
    if ranked and _length(reading) < _length(directly):
        lost = _length(directly) - _length(reading)
        return f"{lost} characters fewer than directly"
    if through is Grade.RIGHT:
        return None
    if directly.status is not None and reading.status != directly.status:
        return f"status {directly.status} became {reading.status}"
    if directly.asked_again and not reading.asked_again:
        return "the SDK no longer asks again"
    says = meant.says
    if says is not None and says in directly.message and says not in reading.message:
        return f"the server's words {says!r} are lost"
    return None


def _in_order(part: str, whole: str) -> bool:
    """Tell whether ``part`` is ``whole`` with characters left out."""
    left = iter(whole)
    return all(char in left for char in part)


def _length(reading: Reading) -> int:
    return len(reading.text) + sum(len(part) for part in reading.tools.values())

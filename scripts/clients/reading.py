"""What a client read of a stream, and which of two readings is the worse one.

Grades, from best to worst. Whoever reads must be able to trust a success, so whatever
is told stands above whatever is not:

``right``      no error, and all that the server meant: text, tool calls, finish_reason.
``told``       an error, and before it nothing but what was meant, in order. A hole in
               it counts as told: the error speaks for all of the answer.
``hang``       the same, but the client's own timeout had to end it.
``garbled``    an error, and before it something that the server did not mean.
``silent``     no error and no finish_reason, and something is missing: only a caller
               that looks for the finish_reason can tell.
``false``      no error, a finish_reason, and something missing or wrong: nobody can
               tell. A stream that the server did not finish is never ``right``.

Within a grade (but ``right`` and ``false``, where it makes no difference) less text is
worse. Beside the grades, what a caller acts on must survive where the upstream gave it:
the status of an error, that a failed request may be asked again (the SDKs do that by
themselves, before anything was read), and the words of the server's own error.
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
"""When a reader gives up, as in the measurements that the tables repeat."""

TIMEOUT = "timeout"
"""The error of a reader that gave up, whatever its SDK calls it."""

_ASKED_AGAIN = frozenset({408, 409, 429})
"""Statuses below 500 that the SDKs ask again for (openai-python, _base_client.py)."""


class Grade(IntEnum):
    """How well a client was served; more is better."""

    FALSE = 0
    SILENT = 1
    GARBLED = 2
    HANG = 3
    TOLD = 4
    RIGHT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What the server meant.

    Attributes:
        text: The text of choice 0.
        finish: Its finish_reason.
        tools: Arguments of its tool calls, by index.
        whole: False where the server did not finish.
        says: Words of the server's own error.
    """

    text: str = ""
    finish: str | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    says: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a client made of a stream.

    Attributes:
        text: The text of choice 0, put together.
        finish: Its finish_reason; None: none came.
        tools: Arguments of its tool calls, put together by index.
        error: Class of the error that ended it, or `TIMEOUT`; None: it succeeded.
        message: The error's words.
        status: HTTP status of an error that has one.
        before_head: Whether the error came in place of a stream.
        served_by: What the head said served it.
        requests: How many requests for it reached the upstream.
        digest: Hash of everything that the SDK yielded, unknown fields and all; empty
            where the reader does not tell.
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
        """What a row of the table says: text, finish, tools and error."""
        return self.text, self.finish, self.tools, self.error

    @property
    def asked_again(self) -> bool:
        """Whether the SDK would ask again, were it allowed to."""
        if not self.before_head:
            return False
        return self.status is None or self.status in _ASKED_AGAIN or self.status >= 500


def grade(reading: Reading, meant: Meant) -> Grade:
    """Return how well a client was served with what it read."""
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
    """Tell in words why a client fares worse with one reading than with the other.

    Args:
        reading: What it read through a proxy.
        directly: What it read without.
        meant: What the server meant.

    Returns:
        The reason; None where it fares no worse.
    """
    came, went = grade(reading, meant), grade(directly, meant)
    if came < went:
        return f"{went.name.lower()} directly, {came.name.lower()} through the proxy"
    ranked = came is went and went not in {Grade.FALSE, Grade.RIGHT}
    if ranked and _length(reading) < _length(directly):
        lost = _length(directly) - _length(reading)
        return f"{lost} characters fewer than directly"
    if came is Grade.RIGHT:
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
    """Tell whether ``part`` is ``whole`` with nothing but holes in it."""
    left = iter(whole)
    return all(char in left for char in part)


def _length(reading: Reading) -> int:
    return len(reading.text) + sum(len(part) for part in reading.tools.values())

"""Errors on our side of the bench.

An *error* means that we, or the configuration, are wrong; a *failure* means that
the target is wrong, and is data, never an exception.

::

    HarnessError            any error that is shown to the user without a traceback
    ├── InputError          a file or an option is wrong
    ├── EvidenceError       the run could not produce evidence to judge
    └── InterruptedRunError the run was stopped
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Protocol

__all__ = [
    "EvidenceError",
    "HarnessError",
    "InputError",
    "InterruptedRunError",
    "Place",
    "closest",
    "joined",
]


class HarnessError(Exception):
    """An error that is shown to the user as one message, without a traceback.

    Attributes:
        exit_code: The process exit code that belongs to this kind of error
            (2: usage or configuration, 4: invalid evidence).
    """

    exit_code = 2


class Place(Protocol):
    """A place in the user's input, as messages name it."""

    @property
    def source(self) -> str:
        """The file or option."""

    @property
    def line(self) -> int | None:
        """The one-based line, where one is known."""

    @property
    def key(self) -> str | None:
        """The path of the key; None: the whole file or option."""


class InputError(HarnessError):
    """A mistake in a file, an option or a configuration.

    Args:
        message: What was expected, and what was there instead.
        at: The place of the mistake, which knows source, line and key.
        source: The file or option.
        line: One-based line in ``source``.
        key: The offending key, as a path such as ``faults[0].repeat_first``.
        nearest: The nearest valid name, where one is close enough to be meant.
    """

    others: tuple[InputError, ...] = ()
    """Further mistakes that the same reading found, as `joined` sets them."""

    def __init__(  # noqa: PLR0913 - one for each part of the message
        self,
        message: str,
        *,
        at: Place | None = None,
        source: str | None = None,
        line: int | None = None,
        key: str | None = None,
        nearest: str | None = None,
    ) -> None:
        if at is not None:
            source, line, key = at.source, at.line, at.key
        self.message = message
        self.place = at
        self.source = source
        self.line = line
        self.key = key
        self.nearest = nearest
        super().__init__(str(self))

    @property
    def all(self) -> tuple[InputError, ...]:
        """This mistake and the others of the same reading."""
        return (self, *self.others)

    def __str__(self) -> str:
        return "\n".join(error.line_of_text for error in self.all)

    @property
    def line_of_text(self) -> str:
        """This mistake alone: place, message and nearest name."""
        where = ":".join(
            str(part) for part in (self.source, self.line) if part is not None
        )
        parts = [part for part in (where, self.key, self.message) if part]
        text = ": ".join(parts)
        return f"{text} (did you mean {self.nearest!r}?)" if self.nearest else text


class EvidenceError(HarnessError):
    """The run could not produce evidence, neither for nor against the target."""

    exit_code = 4


class InterruptedRunError(HarnessError):
    """The user, or the program that started the run, stopped it."""

    # As a shell reports a command that SIGINT ended; 1 would read as NO-GO.
    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted: all processes were ended, nothing was decided")


def joined(errors: Iterable[InputError]) -> InputError:
    """Return several mistakes as one error, which reports all of them.

    The mistakes of a file are in the order of its lines, and each is reported once.

    Args:
        errors: At least one.
    """
    each = {error.line_of_text: error for one in errors for error in one.all}
    sources = list(dict.fromkeys(error.source for error in each.values()))
    first, *others = sorted(
        each.values(), key=lambda error: (sources.index(error.source), error.line or 0)
    )
    first.others = tuple(others)
    for error in others:
        error.others = ()
    return first


def closest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that ``name`` most likely means.

    Args:
        name: The name that was given.
        valid: The names that would have been accepted.

    Returns:
        The nearest name, or None where nothing is close.
    """
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None

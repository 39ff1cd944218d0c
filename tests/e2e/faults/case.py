"""What one case is: a fault with parameters, and what it must put on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.faults.raw import Asked, Seen
from tests.e2e.faults.stream import TEXT, due

LATE_MS = 1500.0
"""A noisy machine may be late by so much; nothing may ever be early."""

Check = Callable[[Seen], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fault with parameters.

    Attributes:
        fault: Its name.
        parameters: As a scenario gives them.
        checks: Hold what the last request saw against what was promised.
        stream: The events it is tried on.
        before: Faults that stand before it.
        asked: How the answer is asked for.
        every: Checks of all requests together, in place of ``checks``.
    """

    fault: str
    parameters: Mapping[str, Any]
    checks: tuple[Check, ...]
    stream: tuple[bytes, ...] = TEXT
    before: tuple[Mapping[str, Any], ...] = ()
    asked: Asked = field(default_factory=Asked)
    every: Callable[[list[Seen]], None] | None = None

    @property
    def name(self) -> str:
        """What the test is called."""
        words = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.fault}({words})"[:90]


def case(fault: str, parameters: Mapping[str, Any], *checks: Check, **more) -> Case:
    """Return a case."""
    return Case(fault=fault, parameters=parameters, checks=checks, **more)


def body(*parts: bytes) -> Check:
    """The body is this, to the byte; it ends whole and nothing follows it."""

    def check(seen: Seen) -> None:
        assert b"".join(parts) == seen.body
        whole(seen)

    return check


def whole(seen: Seen) -> None:
    """The last chunk, the empty trailer section, FIN, and nothing more."""
    assert (True, b"", [], 0) == (seen.terminated, seen.tail, seen.trailers, seen.short)
    assert seen.end == "fin"


def unfinished(how: str) -> Check:
    """No terminator came, and the connection ended in this way."""

    def check(seen: Seen) -> None:
        assert (False, how) == (seen.terminated, seen.end)

    return check


def starts(*parts: bytes) -> Check:
    """The body is this and no more, however it ended."""

    def check(seen: Seen) -> None:
        assert b"".join(parts) == seen.body

    return check


def at(*moments: tuple[bytes, float]) -> Check:
    """Bytes come at their times: never before, and not much later."""

    def check(seen: Seen) -> None:
        for data, due_ms in moments:
            came = seen.ms(data)
            assert due_ms <= came <= due_ms + LATE_MS, (data, due_ms, came)

    return check


def before(data: bytes, limit_ms: float) -> Check:
    """Bytes are there before what makes the others wait."""

    def check(seen: Seen) -> None:
        assert seen.ms(data) < limit_ms

    return check


def pause(first: bytes, second: bytes, at_least_ms: float) -> Check:
    """Nothing comes between two pieces for so long; stamps may shift by 25 ms."""

    def check(seen: Seen) -> None:
        assert seen.ms(second) - seen.ms(first) >= at_least_ms - 25

    return check


def usual(*blocks: bytes, stream: tuple[bytes, ...] = TEXT) -> Check:
    """Every event of the stream that comes once comes when it is due."""

    def check(seen: Seen) -> None:
        for number, block in enumerate(stream):
            if seen.body.count(block) == 1 and (not blocks or block in blocks):
                came = seen.ms(block)
                assert due(number) <= came <= due(number) + LATE_MS

    return check


def head_at(due_ms: float) -> Check:
    """The head comes at its time."""
    return at((b"\r\n\r\n", due_ms))


def equal(wanted, got) -> None:
    """Hold one value against another, where only an expression may stand."""
    assert wanted == got


def sizes(*wanted: int) -> Check:
    """Transfer chunks have these sizes."""
    return lambda seen: equal(list(wanted), seen.sizes)


def random_chunks(seen: Seen) -> None:
    """Transfer chunks have from 1 to 64 bytes, and many different sizes."""
    assert all(1 <= size <= 64 for size in seen.sizes)
    assert len(set(seen.sizes)) > 8

"""Comparison of baseline and candidate, level by level.

Both were judged against the oracle first; this says only where they differ, and whether
a client can notice the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from harness.judge.evidence.outcome import Outcome
from harness.judge.evidence.reading import Event, structural_events
from harness.judge.judgement import Judgement
from harness.printable import quote

__all__ = [
    "Difference",
    "EventDifference",
    "Level",
    "compare",
    "differ_in_repeats_only",
    "first_difference",
]


class Level(StrEnum):
    """A level at which two answers are compared."""

    TRANSPORT = "transport"
    BYTES = "bytes"
    EVENTS = "events"
    MESSAGE = "message"
    ENDING = "ending"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One level at which two answers differ.

    Attributes:
        harmless: True where no client notices: the bytes were cut differently, or the
            same failure was reported in another way.
    """

    level: Level
    baseline: str
    candidate: str
    harmless: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDifference:
    """The first event in which two answers differ.

    Attributes:
        index: Its position among the events that have data.
        baseline: None: the baseline's answer ended before.
        candidate: None: the candidate's did.
    """

    index: int
    baseline: Event | None
    candidate: Event | None


# Framing belongs to each target; the others say who answered and when.
_NOT_COMPARED = frozenset(
    {
        b"connection",
        b"content-length",
        b"date",
        b"keep-alive",
        b"server",
        b"transfer-encoding",
        b"via",
        b"x-streaming-architecture",
    }
)


def compare(baseline: Judgement, candidate: Judgement) -> tuple[Difference, ...]:
    """Return every level at which two answers differ; of many streams, its first."""
    if baseline.parts and candidate.parts:
        return _compare_parts(baseline, candidate)
    found = [
        _status(baseline, candidate),
        _headers(baseline, candidate),
        _bytes(baseline, candidate),
        _events(baseline, candidate),
        _message(baseline, candidate),
        _ending(baseline, candidate),
        _wire_end(baseline, candidate),
        _upstream(baseline, candidate),
    ]
    return tuple(difference for difference in found if difference is not None)


def _compare_parts(baseline: Judgement, candidate: Judgement) -> tuple[Difference, ...]:
    found: dict[tuple[Level, bool], Difference] = {}
    for one, two in zip(baseline.parts, candidate.parts, strict=True):
        for item in compare(one, two):
            words = replace(
                item,
                baseline=f"{one.name}: {item.baseline}",
                candidate=f"{two.name}: {item.candidate}",
            )
            found.setdefault((item.level, item.harmless), words)
    return tuple(found.values())


def first_difference(
    baseline: Judgement, candidate: Judgement
) -> EventDifference | None:
    """Return the first event in which two answers differ."""
    if baseline.parts and candidate.parts:
        pairs = zip(baseline.parts, candidate.parts, strict=True)
        firsts = (first_difference(one, two) for one, two in pairs)
        return next((first for first in firsts if first is not None), None)
    first, second = _shown(baseline), _shown(candidate)
    for index in range(max(len(first), len(second))):
        one, two = _at(first, index), _at(second, index)
        if one is None or two is None or (one.type, one.data) != (two.type, two.data):
            return EventDifference(index=index, baseline=one, candidate=two)
    return None


def _shown(judgement: Judgement) -> tuple[Event, ...]:
    """Return the events with data: an empty one would shift all others."""
    reading = judgement.reading
    return tuple(
        item for item in (*reading.events, *reading.after_done) if item.data.strip()
    )


def _at(items: tuple[Event, ...], index: int) -> Event | None:
    return items[index] if index < len(items) else None


def _difference(
    level: Level, one: object, two: object, *, harmless: bool = False
) -> Difference:
    return Difference(
        level=level, baseline=str(one), candidate=str(two), harmless=harmless
    )


def _status(one: Judgement, two: Judgement) -> Difference | None:
    first, second = one.observation.status, two.observation.status
    if first == second:
        return None
    return _difference(Level.TRANSPORT, f"status {first}", f"status {second}")


def _headers(one: Judgement, two: Judgement) -> Difference | None:
    first, second = _compared(one), _compared(two)
    if first == second:
        return None
    # A target may add a header of its own: the oracle demands those that clients act
    # on. The same header with two values is a difference.
    shared = {_name(line) for line in first - second} & {
        _name(line) for line in second - first
    }
    return _difference(
        Level.TRANSPORT,
        ", ".join(sorted(first - second)) or "no such header",
        ", ".join(sorted(second - first)) or "no such header",
        harmless=not shared or (_own_answer(one) and _own_answer(two)),
    )


def _name(line: str) -> str:
    return line.partition(":")[0]


def _own_answer(judgement: Judgement) -> bool:
    """Whether the target itself made the answer, and so its headers."""
    status = judgement.observation.status
    return status is None or status >= 500


def _compared(judgement: Judgement) -> frozenset[str]:
    return frozenset(
        f"{name.decode('latin-1').lower()}: {quote(value.decode('latin-1'))}"
        for name, value in judgement.observation.headers
        if name.lower() not in _NOT_COMPARED
    )


def _bytes(one: Judgement, two: Judgement) -> Difference | None:
    first, second = one.observation.body, two.observation.body
    if first == second:
        return None
    return _difference(
        Level.BYTES, f"{len(first)} bytes", f"{len(second)} bytes", harmless=True
    )


def _events(one: Judgement, two: Judgement) -> Difference | None:
    """Compare what the events carry besides text, which the message holds."""
    first = [found.canonical for found in structural_events(one.reading.events)]
    second = [found.canonical for found in structural_events(two.reading.events)]
    if first == second:
        if len(one.reading.events) == len(two.reading.events):
            return None
        return _difference(
            Level.EVENTS,
            f"{len(one.reading.events)} events",
            f"{len(two.reading.events)} events",
            harmless=True,
        )
    return _difference(
        Level.EVENTS,
        f"{len(first)} events with more than text",
        f"{len(second)} events with more than text",
        # The oracle allows to keep or to drop what a repeat carried besides text.
        harmless=one.correct and two.correct,
    )


def _message(one: Judgement, two: Judgement) -> Difference | None:
    first, second = one.reading.message, two.reading.message
    if first.choices == second.choices and first.usage == second.usage:
        return None
    return _difference(
        Level.MESSAGE, _size(one), _size(two), harmless=_left_at_own_pace(one, two)
    )


def _left_at_own_pace(one: Judgement, two: Judgement) -> bool:
    """Whether both clients read a right beginning, of any length, and left.

    How much a client reads from a socket before it leaves is chance; each reading was
    compared with the beginning of the upstream's stream.
    """
    return all(
        judgement.correct
        and judgement.outcome is Outcome.ABORTED
        and not judgement.observation.virtual
        for judgement in (one, two)
    )


def differ_in_repeats_only(one: Judgement, two: Judgement) -> bool:
    """Whether two right answers differ in nothing but repeats at an opening."""
    if one.parts and two.parts:
        pairs = list(zip(one.parts, two.parts, strict=True))
        found = [
            differ_in_repeats_only(*pair)
            for pair in pairs
            if any(not item.harmless for item in compare(*pair))
        ]
        return bool(found) and all(found) and one.correct and two.correct
    if not (one.correct and two.correct) or one.dropped_repeats == two.dropped_repeats:
        return False
    noticed = {found.level for found in compare(one, two) if not found.harmless}
    return noticed <= {Level.MESSAGE}


def _size(judgement: Judgement) -> str:
    parts = [
        f"choice {choice.index}: {len(choice.content)} characters, "
        f"{len(choice.tool_calls)} tool calls, "
        f"finish_reason {quote(str(choice.finish_reason))}"
        for choice in judgement.reading.message.choices
    ]
    return "; ".join(parts) or "no choice"


def _ending(one: Judgement, two: Judgement) -> Difference | None:
    if one.outcome is two.outcome:
        return None
    return _difference(
        Level.ENDING, one.outcome, two.outcome, harmless=_ends_a_hang(one, two)
    )


def _ends_a_hang(one: Judgement, two: Judgement) -> bool:
    """Whether the candidate ends an answer that the baseline may leave open, and did.

    That is better.
    """
    both_right = one.correct and two.correct
    return (
        both_right and one.outcome is Outcome.HANG and (two.outcome is not Outcome.HANG)
    )


def _wire_end(one: Judgement, two: Judgement) -> Difference | None:
    first, second = one.observation.end, two.observation.end
    if first is second:
        return None
    return _difference(
        Level.TRANSPORT,
        first,
        second,
        harmless=one.outcome is two.outcome or _ends_a_hang(one, two),
    )


def _upstream(one: Judgement, two: Judgement) -> Difference | None:
    first, second = len(one.observation.upstream), len(two.observation.upstream)
    if first == second:
        return None
    # The oracle's number was checked; within it no client notices a second request.
    return _difference(
        Level.UPSTREAM, f"{first} requests", f"{second} requests", harmless=True
    )

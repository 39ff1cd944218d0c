"""Check of the events of an answer: which arrived, in which place, with which fields.

Text is compared as text, in `harness.judge.checks.content`; this is about everything
else in events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from harness.dialects.interface import Dialect
from harness.dialects.message import TEXT_FIELDS
from harness.dialects.payload import PayloadKind
from harness.judge.evidence.reading import (
    Event,
    Reading,
    StructuralEvent,
    structural_events,
)
from harness.judge.oracle.expectation import Content, Contract
from harness.judge.violation import Kind, Violation
from harness.printable import quote

__all__ = ["check_events", "check_first_events", "count_before_error"]


def check_events(
    expected: Content, got: Reading, contract: Contract
) -> Iterator[Violation]:
    """Compare the events of two readings: none lost, added, changed or moved."""
    yield from _check_structural(expected, got)
    yield from _check_objects(expected, got, contract)
    yield from _check_bare_events(expected, got, contract)
    yield from _check_fields(expected, got)
    yield from _check_envelope(expected, got)
    yield from _check_error_last(expected, got)


def check_first_events(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge a stream that the client left: its events are the upstream's first ones."""
    due = structural_events(expected.reading.events)
    seen = _without_optional(
        structural_events(got.events), due, expected, by_name_only=True
    )
    for position, found in enumerate(seen):
        if position >= len(due) or due[position].canonical != found.canonical:
            yield Violation(
                kind=Kind.EVENT_ADDED,
                where=f"event {found.index}",
                expected="the beginning of the upstream's stream",
                got=_event_words(found, Kind.EVENT_ADDED),
            )
            return


def _check_structural(expected: Content, got: Reading) -> Iterator[Violation]:
    """Compare the events that carry more than text: none lost, added or moved.

    Usage and finish_reason have checks of their own; this one is about the events.
    """
    wanted = structural_events(expected.reading.events)
    came = _without_optional(
        structural_events(got.events),
        wanted,
        expected,
        by_name_only=_text_differs(expected.reading, got),
    )
    for position in range(max(len(wanted), len(came))):
        one = wanted[position] if position < len(wanted) else None
        two = came[position] if position < len(came) else None
        if one and two and one.canonical == two.canonical:
            if one.text_position == two.text_position or _text_differs(
                expected.reading, got
            ):
                continue
            kind = Kind.EVENT_MOVED
        else:
            kind = _what_happened(wanted[position:], came[position:])
        yield Violation(
            kind=kind,
            where=f"event {one.index}" if one else f"event {two.index}" if two else "",
            expected=_event_words(one, kind),
            got=_event_words(two, kind),
        )
        return


def _check_objects(
    expected: Content, got: Reading, contract: Contract
) -> Iterator[Violation]:
    """Judge that objects of unknown dialects arrive whole and in order.

    Added ones are found with the bare events; so are lost ones where a target forwards
    everything.
    """
    due = [
        event.data
        for event in expected.reading.events
        if event.payload.is_unknown_object
    ]
    came = [
        event.data
        for event in got.events
        if event.payload.is_unknown_object and event.data in set(due)
    ]
    for position, data in enumerate(due):
        found = came[position] if position < len(came) else None
        if found == data:
            continue
        lost = Counter(came)[data] < Counter(due)[data]
        if lost and contract is Contract.TRANSPARENT:
            return
        yield Violation(
            kind=Kind.EVENT_LOST if lost else Kind.EVENT_MOVED,
            where=f"object {position} of another dialect",
            expected=quote(data, 100),
            got="no such event" if found is None else quote(found, 100),
        )
        return


def _check_bare_events(
    expected: Content, got: Reading, contract: Contract
) -> Iterator[Violation]:
    """Judge that no empty event arrives that the upstream did not send."""
    if contract is Contract.TRANSPARENT:
        yield from _check_forwarded(expected, got)
    sent = Counter(
        event.data for event in (*expected.reading.events, *expected.optional)
    )
    for position, event in enumerate(got.events):
        if not _is_bare(event) or event.data == expected.heartbeat:
            continue
        sent[event.data] -= 1
        if sent[event.data] < 0:
            yield Violation(
                kind=Kind.EVENT_ADDED,
                where=f"event {position}",
                expected="no event that the upstream did not send",
                got=quote(event.data, 100),
            )
            return


def _check_forwarded(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge that a transparent target also forwards empty, broken, unknown events."""
    came = Counter(event.data for event in got.events)
    for position, event in enumerate(expected.reading.events):
        broken = event.payload.kind is PayloadKind.MALFORMED
        if broken or _is_bare(event):
            came[event.data] -= 1
            if came[event.data] < 0:
                yield Violation(
                    kind=Kind.EVENT_LOST,
                    where=f"event {position}",
                    expected=quote(event.data, 100),
                    got="no such event",
                )
                return


def _is_bare(event: Event) -> bool:
    if event.payload.kind is PayloadKind.OTHER:
        return True
    is_chunk = event.payload.kind is PayloadKind.CHUNK
    return is_chunk and not event.deltas and event.canonical is None


def _check_fields(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge that names and ids stay with their events."""
    for where, wanted, came in (
        ("event names", _names(expected.reading), _names(got)),
        ("event ids", _ids(expected.reading), _ids(got)),
    ):
        if wanted != came:
            yield Violation(
                kind=Kind.FIELD_CHANGED,
                where=where,
                expected=quote(", ".join(wanted)) if wanted else "none",
                got=quote(", ".join(came)) if came else "none",
            )


def _check_envelope(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge the keys that every chunk repeats: they keep the upstream's values."""
    sent = (*expected.reading.events, *expected.optional)
    dialect = expected.reading.dialect
    due, read = _identities(sent, dialect), _identities(got.events, dialect)
    for name in ("object", "model", "id"):
        wanted, came = _values(due, name), _values(read, name)
        # An id may be renamed, in all chunks alike; no other value may be new.
        new = len(came) > len(wanted) or (
            None in came - wanted if name == "id" else bool(came - wanted)
        )
        if new:
            yield Violation(
                kind=Kind.FIELD_CHANGED,
                where=f"{name} of the chunks",
                expected=quote(_listed(wanted)),
                got=quote(_listed(came - wanted or came)),
            )


def _identities(events: Iterable[Event], dialect: Dialect) -> list[Mapping[str, Any]]:
    return [
        dialect.identity(event.payload.value)
        for event in events
        if event.payload.kind is PayloadKind.CHUNK
    ]


def _values(identities: Iterable[Mapping[str, Any]], name: str) -> set[str | None]:
    values = (identity[name] for identity in identities)
    return {None if value is None else str(value) for value in values}


def _listed(values: set[str | None]) -> str:
    return ", ".join(sorted("none" if value is None else value for value in values))


def _names(reading: Reading) -> list[str]:
    """Return the names of events, without errors: a target may name one it adds."""
    return [
        event.type
        for event in reading.events
        if event.type != "message" and event.payload.kind is not PayloadKind.ERROR
    ]


def _ids(reading: Reading) -> list[str]:
    """Return the ids in the order in which they were set."""
    return [name for name, _ in groupby(event.id for event in reading.events) if name]


def _check_error_last(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge the place of the error event: a client stops there and misses the rest."""
    if not got.errors:
        return
    position = got.events.index(got.errors[0])
    due, came = count_before_error(expected.reading), count_before_error(got)
    if came < due:
        behind = [event for event in got.events[position:] if _carries(event)]
        if behind:
            yield Violation(
                kind=Kind.EVENT_MOVED,
                where=f"event {position}",
                expected=f"{due} events before the error event, where a client stops",
                got=f"{came} events before it; after it {quote(behind[0].data)}",
            )


def count_before_error(reading: Reading) -> int:
    """Return how many events with content are before the first error."""
    until = reading.events
    if reading.errors:
        until = until[: until.index(reading.errors[0])]
    return sum(map(_carries, until))


def _carries(event: Event) -> bool:
    return bool(event.deltas) or event.canonical is not None


def _what_happened(
    wanted: Sequence[StructuralEvent], came: Sequence[StructuralEvent]
) -> Kind:
    """Return the kind of the first difference between two lists of events."""
    if not wanted:
        return Kind.EVENT_ADDED
    arrives_later = wanted[0].canonical in {found.canonical for found in came}
    if not arrives_later:
        return Kind.EVENT_LOST
    due_later = came[0].canonical in {found.canonical for found in wanted}
    return Kind.EVENT_MOVED if due_later else Kind.EVENT_ADDED


def _text_differs(first: Reading, second: Reading) -> bool:
    """Whether the texts differ: then a moved event is a consequence, not a finding."""
    return any(
        getattr(one, name) != getattr(two, name)
        for one, two in zip(first.message.choices, second.message.choices, strict=False)
        for name in TEXT_FIELDS
    )


def _without_optional(
    came: tuple[StructuralEvent, ...],
    wanted: tuple[StructuralEvent, ...],
    expected: Content,
    *,
    by_name_only: bool,
) -> list[StructuralEvent]:
    """Leave out events that are allowed in addition, at most as many as were sent.

    Where all events carry the same besides text, their place in the text tells them
    apart, unless the texts differ.
    """
    optional = Counter(
        found.canonical for found in structural_events(expected.optional)
    )
    kept: list[StructuralEvent] = []
    for found in came:
        position = len(kept)
        due = wanted[position] if position < len(wanted) else None
        fits = (
            due is not None
            and due.canonical == found.canonical
            and (by_name_only or due.text_position == found.text_position)
        )
        if not fits and optional[found.canonical]:
            optional[found.canonical] -= 1
        else:
            kept.append(found)
    return kept


def _event_words(found: StructuralEvent | None, kind: Kind) -> str:
    if found is None:
        return "no such event"
    # Without the envelope that every chunk repeats, which would hide the difference.
    words = quote(found.canonical, 100)
    if kind is Kind.EVENT_MOVED:
        places = ", ".join(
            f"{count} characters of choice {index} {name}"
            for index, name, count in found.offsets
        )
        return f"after {places or 'no text'}: {words}"
    return words

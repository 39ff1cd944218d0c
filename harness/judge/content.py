"""What the client read, against what it had to read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from harness.dialects.openai_chat.assemble import Choice
from harness.dialects.openai_chat.payload import PayloadKind
from harness.judge.opening import Key
from harness.judge.oracle import Contract, Expectation
from harness.judge.outcome import Outcome
from harness.judge.reading import Item, Reading, Significant, significant
from harness.judge.text import Change, compare_text, quote
from harness.judge.violation import Kind, Violation

__all__ = ["check_content", "undecided"]

_TEXT_KINDS = {
    Change.LOST: Kind.TEXT_LOST,
    Change.ADDED: Kind.TEXT_ADDED,
    Change.CHANGED: Kind.TEXT_CHANGED,
}


def check_content(
    expected: Expectation, got: Reading, outcome: Outcome
) -> Iterator[Violation]:
    """Compare the reading of an event stream with the expected one.

    Of a stream that the client left, the reading must be a beginning of the expected.
    """
    if outcome is Outcome.ABORTED:
        yield from _check_beginning(expected, got)
    else:
        yield from _check_choices(expected, got)
        yield from _check_events(expected, got)
        yield from _check_bare_events(expected, got)
        yield from _check_fields(expected, got)
        yield from _check_envelope(expected, got)
        yield from _check_error_last(expected, got)
        yield from _check_usage(expected, got)
        yield from _check_comments(expected, got)
    yield from _check_errors(expected, got, aborted=outcome is Outcome.ABORTED)
    yield from _check_literals(expected, got)
    if expected.contract is Contract.REPAIRING:
        yield from _check_shape(expected, got)


def _choices(reading: Reading) -> dict[int, Choice]:
    return {choice.index: choice for choice in reading.message.choices}


_FIELDS = ("content", "reasoning", "refusal")


def undecided(expected: Expectation, got: Reading) -> frozenset[Key]:
    """Return the texts that came with a repeat at their opening left out.

    Whether that repeat was meant, content alone cannot tell: both readings are right.
    """
    came = _choices(got)
    wanted = _choices(expected.reading)

    def text(choices: Mapping[int, Choice], key: Key) -> str:
        found: str = getattr(choices.get(key[0]), key[1], "")
        return found

    reduced = {
        key
        for key, deltas in expected.reduced.items()
        if text(came, key) == "".join(deltas)
    }
    blank = {
        key
        for key in expected.blank
        if text(came, key) != text(wanted, key)
        and text(came, key).lstrip() == text(wanted, key).lstrip()
        and text(came, key)[:1].isspace()
    }
    return frozenset(reduced | blank)


def _check_choices(expected: Expectation, got: Reading) -> Iterator[Violation]:
    wanted, came = _choices(expected.reading), _choices(got)
    for index in sorted(wanted.keys() | came.keys()):
        first, second = wanted.get(index), came.get(index)
        for name in _FIELDS:
            if (index, name) not in undecided(expected, got):
                yield from _check_text(
                    f"choice {index} {name}",
                    getattr(first, name, ""),
                    getattr(second, name, ""),
                )
        yield from _check_tools(index, first, second)
        yield from _check_finish(index, first, second)


def _check_text(where: str, expected: str, got: str) -> Iterator[Violation]:
    difference = compare_text(expected, got)
    if difference is None:
        return
    words = {
        Change.LOST: f"{difference.count} of {len(expected)} characters are lost",
        Change.ADDED: f"{difference.count} characters are added to {len(expected)}",
        Change.CHANGED: "other characters of the same number",
    }
    yield Violation(
        kind=_TEXT_KINDS[difference.change],
        where=where,
        expected=difference.expected or "no text",
        got=f"{words[difference.change]}; at character {difference.at}: "
        f"{difference.got}",
    )


def _check_tools(
    index: int, wanted: Choice | None, came: Choice | None
) -> Iterator[Violation]:
    first = wanted.tool_calls if wanted else ()
    second = came.tool_calls if came else ()
    if first == second:
        return
    for position in range(max(len(first), len(second))):
        one = first[position] if position < len(first) else None
        two = second[position] if position < len(second) else None
        if one != two:
            yield Violation(
                kind=Kind.TOOL_CALLS_CHANGED,
                where=f"choice {index} tool call {position}",
                expected=_tool_words(one),
                got=_tool_words(two),
            )
            return


def _tool_words(call: Any) -> str:
    if call is None:
        return "no such tool call"
    return (
        f"index {call.index}, id {quote(str(call.id), 24)}, "
        f"{quote(str(call.name), 24)}({quote(call.arguments, 48)})"
    )


def _check_finish(
    index: int, wanted: Choice | None, came: Choice | None
) -> Iterator[Violation]:
    first = wanted.finish_reason if wanted else None
    second = came.finish_reason if came else None
    if first == second:
        return
    yield Violation(
        kind=Kind.FINISH_CHANGED if first else Kind.FINISH_INVENTED,
        where=f"choice {index} finish_reason",
        expected=quote(first) if first else "none: the upstream sent none",
        got=quote(second) if second else "none",
    )


def _check_literals(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """What the scenario itself says in words."""
    first = _choices(got).get(0)
    if expected.literal_text is not None:
        text = first.content if first else ""
        yield from _check_text("choice 0 content", expected.literal_text, text)
    finish = first.finish_reason if first else None
    if expected.literal_finish not in {None, finish}:
        yield Violation(
            kind=Kind.FINISH_CHANGED,
            where="choice 0 finish_reason",
            expected=quote(str(expected.literal_finish)),
            got=quote(finish) if finish else "none",
        )


def _check_usage(expected: Expectation, got: Reading) -> Iterator[Violation]:
    first, second = expected.reading.message.usage, got.message.usage
    if first != second:
        yield Violation(
            kind=Kind.USAGE_CHANGED,
            where="usage",
            expected=_json_words(first),
            got=_json_words(second),
        )


def _json_words(value: Any) -> str:
    return "none" if value is None else quote(json.dumps(value, default=str))


def _check_events(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """Compare the events that carry more than text: none lost, added or moved.

    Usage and finish_reason have checks of their own; here it is the events that count.
    """
    wanted = significant(expected.reading.items)
    came = _without_optional(
        significant(got.items),
        wanted,
        expected,
        by_name_only=_text_differs(expected.reading, got),
    )
    for position in range(max(len(wanted), len(came))):
        one = wanted[position] if position < len(wanted) else None
        two = came[position] if position < len(came) else None
        if one and two and one.canonical == two.canonical:
            if one.offsets == two.offsets or _text_differs(expected.reading, got):
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


def _check_bare_events(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """Events with neither text nor anything else: none that nobody sent."""
    if expected.contract is Contract.TRANSPARENT:
        yield from _check_forwarded(expected, got)
    sent = Counter(item.data for item in (*expected.reading.items, *expected.optional))
    for position, item in enumerate(got.items):
        if not _is_bare(item):
            continue
        sent[item.data] -= 1
        if sent[item.data] < 0:
            yield Violation(
                kind=Kind.EVENT_ADDED,
                where=f"event {position}",
                expected="no event that the upstream did not send",
                got=quote(item.data, 100),
            )
            return


def _check_forwarded(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """Who forwards what was sent forwards what is empty, broken or unknown as well."""
    came = Counter(item.data for item in got.items)
    for position, item in enumerate(expected.reading.items):
        broken = item.payload.kind is PayloadKind.MALFORMED
        if broken or _is_bare(item):
            came[item.data] -= 1
            if came[item.data] < 0:
                yield Violation(
                    kind=Kind.EVENT_LOST,
                    where=f"event {position}",
                    expected=quote(item.data, 100),
                    got="no such event",
                )
                return


def _is_bare(item: Item) -> bool:
    if item.payload.kind is PayloadKind.OTHER:
        return True
    is_chunk = item.payload.kind is PayloadKind.CHUNK
    return is_chunk and not item.deltas and item.canonical is None


def _check_fields(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """Names and ids of events stay with their events (FAULTS, class 31)."""
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


def _check_envelope(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """The keys that every chunk repeats say what the upstream said (FAULTS, 26)."""
    sent = (*expected.reading.items, *expected.optional)
    for name in ("object", "model", "id"):
        wanted, came = _values(sent, name), _values(got.items, name)
        # An id may be renamed, all of it alike; no other value may be new.
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


def _values(items: Iterable[Item], name: str) -> set[str | None]:
    found = set()
    for item in items:
        if item.payload.kind is PayloadKind.CHUNK:
            value = item.payload.value.get(name)
            found.add(None if value is None else str(value))
    return found


def _listed(values: set[str | None]) -> str:
    return ", ".join(sorted("none" if value is None else value for value in values))


def _names(reading: Reading) -> list[str]:
    """The names of the events that have one, errors left out: who adds one names it."""
    return [
        item.event
        for item in reading.items
        if item.event != "message" and item.payload.kind is not PayloadKind.ERROR
    ]


def _ids(reading: Reading) -> list[str]:
    """The ids in the order in which they were set."""
    return [name for name, _ in groupby(item.id for item in reading.items) if name]


def _check_error_last(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """A client stops at an error event: what should come before it must not follow."""
    if not got.errors:
        return
    position = got.items.index(got.errors[0])
    due, came = _carried(expected.reading), _carried(got)
    if came < due:
        behind = [item for item in got.items[position:] if _carries(item)]
        if behind:
            yield Violation(
                kind=Kind.EVENT_MOVED,
                where=f"event {position}",
                expected=f"{due} events before the error event, where a client stops",
                got=f"{came} before it; behind it {quote(behind[0].data)}",
            )


def _carried(reading: Reading) -> int:
    """How many events with something in them come before the first error."""
    until = reading.items
    if reading.errors:
        until = until[: until.index(reading.errors[0])]
    return sum(map(_carries, until))


def _carries(item: Item) -> bool:
    return bool(item.deltas) or item.canonical is not None


def _what_happened(wanted: Sequence[Significant], came: Sequence[Significant]) -> Kind:
    """Say what the first of the two lists' differences is."""
    if not wanted:
        return Kind.EVENT_ADDED
    arrives_later = wanted[0].canonical in {found.canonical for found in came}
    if not arrives_later:
        return Kind.EVENT_LOST
    due_later = came[0].canonical in {found.canonical for found in wanted}
    return Kind.EVENT_MOVED if due_later else Kind.EVENT_ADDED


def _text_differs(first: Reading, second: Reading) -> bool:
    """Whether the texts differ: their difference was told, places follow from it."""
    return any(
        getattr(one, name) != getattr(two, name)
        for one, two in zip(first.message.choices, second.message.choices, strict=False)
        for name in _FIELDS
    )


def _without_optional(
    came: tuple[Significant, ...],
    wanted: tuple[Significant, ...],
    expected: Expectation,
    *,
    by_name_only: bool,
) -> list[Significant]:
    """Leave out events that may be there besides the wanted ones, as often as sent.

    Where every event carries the same more, a place among the text tells them apart,
    unless the texts differ.
    """
    optional = Counter(found.canonical for found in significant(expected.optional))
    kept: list[Significant] = []
    for found in came:
        position = len(kept)
        due = wanted[position] if position < len(wanted) else None
        fits = (
            due is not None
            and due.canonical == found.canonical
            and (by_name_only or due.offsets == found.offsets)
        )
        if not fits and optional[found.canonical]:
            optional[found.canonical] -= 1
        else:
            kept.append(found)
    return kept


def _event_words(found: Significant | None, kind: Kind) -> str:
    if found is None:
        return "no such event"
    # Without the envelope that every chunk repeats, so that what differs is seen.
    words = quote(found.canonical, 100)
    if kind is Kind.EVENT_MOVED:
        places = ", ".join(
            f"{count} characters of choice {index} {name}"
            for index, name, count in found.offsets
        )
        return f"after {places or 'no text'}: {words}"
    return words


def _check_comments(expected: Expectation, got: Reading) -> Iterator[Violation]:
    wanted, came = len(expected.comments), len(got.comments)
    if came < wanted:
        yield Violation(
            kind=Kind.COMMENT_LOST,
            where="comments",
            expected=f"{wanted} comments: they keep idle connections alive",
            got=f"{came} comments",
        )


def _check_errors(
    expected: Expectation, got: Reading, *, aborted: bool
) -> Iterator[Violation]:
    wanted = [item.payload.value for item in expected.reading.errors]
    came = [item.payload.value for item in got.errors]
    missing = [value for value in wanted if value not in came]
    if missing and not aborted:
        yield Violation(
            kind=Kind.ERROR_LOST,
            where="error event",
            expected=_json_words(missing[0]),
            got=_json_words(came[0]) if came else "no error event",
        )


def _check_shape(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """What a repairing proxy keeps from its client."""
    malformed = [
        item for item in got.items if item.payload.kind is PayloadKind.MALFORMED
    ]
    empty = [item for item in malformed if not item.data.strip()]
    broken = [item for item in malformed if item.data.strip()]
    if empty:
        yield Violation(
            kind=Kind.EMPTY_EVENT,
            where=f"event {got.items.index(empty[0])}",
            expected="no event without data: clients parse each as JSON and fail",
            got=f"{_many(len(empty), 'empty event')}",
        )
    if broken:
        yield Violation(
            kind=Kind.MALFORMED_FORWARDED,
            where=f"event {got.items.index(broken[0])}",
            expected="no event that is not JSON",
            got=f"{_many(len(broken), 'malformed event')}: {quote(broken[0].data)}",
        )
    if got.after_done and not expected.reading.after_done:
        yield Violation(
            kind=Kind.AFTER_DONE,
            where="after [DONE]",
            expected="nothing follows [DONE]",
            got=f"{_many(len(got.after_done), 'event')}: "
            f"{quote(got.after_done[0].data)}",
        )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _check_beginning(expected: Expectation, got: Reading) -> Iterator[Violation]:
    """Of a stream that the client left: what came must be how it begins."""
    wanted, came = _choices(expected.reading), _choices(got)
    due = significant(expected.reading.items)
    seen = _without_optional(significant(got.items), due, expected, by_name_only=True)
    for position, found in enumerate(seen):
        if position >= len(due) or due[position].canonical != found.canonical:
            yield Violation(
                kind=Kind.EVENT_ADDED,
                where=f"event {found.index}",
                expected="the beginning of the upstream's stream",
                got=_event_words(found, Kind.EVENT_ADDED),
            )
            break
    if got.errors and not expected.reading.errors:
        yield Violation(
            kind=Kind.ERROR_INVENTED,
            where="error event",
            expected="no error event: the upstream is well",
            got=_json_words(got.errors[0].payload.value),
        )
    if got.done and _carried(got) < _carried(expected.reading):
        yield Violation(
            kind=Kind.DONE_INVENTED,
            where="[DONE]",
            expected="[DONE] where the upstream sent it",
            got=f"[DONE] after {_carried(got)} of {_carried(expected.reading)} events",
        )
    for index, choice in came.items():
        for name in _FIELDS:
            text = getattr(choice, name)
            whole = getattr(wanted.get(index), name, "")
            other = "".join(expected.reduced.get((index, name), ()))
            if not whole.startswith(text) and not other.startswith(text or "\0"):
                yield from _check_text(
                    f"choice {index} {name}", whole[: len(text)], text
                )

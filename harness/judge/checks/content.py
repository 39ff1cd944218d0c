"""Check of the content: the client's reading against the expected one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.dialects.interface import EMPTY_DATA, MALFORMED_JSON
from harness.dialects.message import TEXT_FIELDS, Choice, TextKey
from harness.judge.checks.events import (
    check_events,
    check_first_events,
    count_before_error,
)
from harness.judge.evidence.outcome import Outcome
from harness.judge.evidence.reading import Reading
from harness.judge.oracle.expectation import Content, Contract, Expectation
from harness.judge.text_diff import Change, compare_text
from harness.judge.violation import Kind, Violation
from harness.printable import quote

__all__ = ["check_content", "dropped_repeats"]

_TEXT_KINDS = {
    Change.LOST: Kind.TEXT_LOST,
    Change.ADDED: Kind.TEXT_ADDED,
    Change.CHANGED: Kind.TEXT_CHANGED,
}


def check_content(
    expected: Expectation,
    got: Reading,
    outcome: Outcome,
    dropped: frozenset[TextKey],
) -> Iterator[Violation]:
    """Compare the reading of an event stream with the expected one.

    If the client left, its reading must be the beginning of the expected one.

    Args:
        expected: The expectation.
        got: The client's reading.
        outcome: How the answer looked at its end.
        dropped: Texts whose repeat was left out, as `dropped_repeats` found.
    """
    content = expected.content
    aborted = outcome is Outcome.ABORTED or content.prefix_only
    if aborted:
        yield from _check_prefix(content, got)
    else:
        yield from _check_choices(content, got, dropped)
        yield from check_events(content, got, expected.contract)
        yield from _check_usage(content, got)
        yield from _check_comments(content, got)
    yield from _check_errors(content, got, aborted=aborted)
    yield from _check_literals(content, got)
    if expected.contract is Contract.REPAIRING:
        yield from _check_shape(content, got)


def _choices(reading: Reading) -> dict[int, Choice]:
    return {choice.index: choice for choice in reading.message.choices}


def dropped_repeats(expected: Content, got: Reading) -> frozenset[TextKey]:
    """Return the texts that arrived without the repeat at their opening.

    Content alone cannot tell whether the repeat was meant: both readings are right.
    """
    came = _choices(got)
    wanted = _choices(expected.reading)

    def text(choices: Mapping[int, Choice], key: TextKey) -> str:
        found: str = getattr(choices.get(key[0]), key[1], "")
        return found

    reduced = {
        key
        for key, deltas in expected.reduced_openings.items()
        if text(came, key) == "".join(deltas)
    }
    blank = {
        key
        for key in expected.blank_openings
        if text(came, key) != text(wanted, key)
        and text(came, key).lstrip() == text(wanted, key).lstrip()
        and text(came, key)[:1].isspace()
    }
    return frozenset(reduced | blank)


def _check_choices(
    expected: Content, got: Reading, dropped: frozenset[TextKey]
) -> Iterator[Violation]:
    wanted, came = _choices(expected.reading), _choices(got)
    for index in sorted(wanted.keys() | came.keys()):
        first, second = wanted.get(index), came.get(index)
        for name in TEXT_FIELDS:
            if (index, name) not in dropped:
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
        Change.CHANGED: "as many characters, but different ones",
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


def _check_literals(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge the text and finish_reason that the scenario itself demands."""
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


def _check_usage(expected: Content, got: Reading) -> Iterator[Violation]:
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


def _check_comments(expected: Content, got: Reading) -> Iterator[Violation]:
    wanted, came = len(expected.comments), len(got.comments)
    if came < wanted:
        yield Violation(
            kind=Kind.COMMENT_LOST,
            where="comments",
            expected=f"{wanted} comments: they keep idle connections alive",
            got=f"{came} comments",
        )


def _check_errors(
    expected: Content, got: Reading, *, aborted: bool
) -> Iterator[Violation]:
    wanted = [event.payload.value for event in expected.reading.errors]
    came = [event.payload.value for event in got.errors]
    missing = [value for value in wanted if value not in came]
    if missing and not aborted:
        yield Violation(
            kind=Kind.ERROR_LOST,
            where="error event",
            expected=_json_words(missing[0]),
            got=_json_words(came[0]) if came else "no error event",
        )


def _check_shape(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge that a repairing proxy forwards no event that breaks clients."""
    unreadable = got.dialect.check(
        ((event.data, event.payload) for event in got.events),
        rules=(EMPTY_DATA, MALFORMED_JSON),
    )
    empty = [found.index for found in unreadable if found.rule == EMPTY_DATA]
    broken = [found.index for found in unreadable if found.rule == MALFORMED_JSON]
    if empty:
        yield Violation(
            kind=Kind.EMPTY_EVENT,
            where=f"event {empty[0]}",
            expected="no event without data: clients fail to parse it as JSON",
            got=f"{_many(len(empty), 'empty event')}",
        )
    if broken:
        data = got.events[broken[0]].data
        yield Violation(
            kind=Kind.MALFORMED_FORWARDED,
            where=f"event {broken[0]}",
            expected="no event that is not JSON",
            got=f"{_many(len(broken), 'malformed event')}: {quote(data)}",
        )
    end = got.dialect.end
    if got.after_done and not expected.reading.after_done:
        yield Violation(
            kind=Kind.AFTER_DONE,
            where=f"after {end}",
            expected=f"nothing follows {end}",
            got=f"{_many(len(got.after_done), 'event')}: "
            f"{quote(got.after_done[0].data)}",
        )


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _check_prefix(expected: Content, got: Reading) -> Iterator[Violation]:
    """Judge a stream that the client left: it must begin as the expected one does."""
    wanted, came = _choices(expected.reading), _choices(got)
    yield from check_first_events(expected, got)
    if got.errors and not expected.reading.errors:
        yield Violation(
            kind=Kind.ERROR_INVENTED,
            where="error event",
            expected="no error event: the upstream sent none",
            got=_json_words(got.errors[0].payload.value),
        )
    came_count = count_before_error(got)
    due_count = count_before_error(expected.reading)
    end = got.dialect.end
    if got.done and came_count < due_count:
        yield Violation(
            kind=Kind.DONE_INVENTED,
            where=end,
            expected=f"{end} where the upstream sent it",
            got=f"{end} after {came_count} of {due_count} events",
        )
    for index, choice in came.items():
        for name in TEXT_FIELDS:
            text = getattr(choice, name)
            whole = getattr(wanted.get(index), name, "")
            other = "".join(expected.reduced_openings.get((index, name), ()))
            if not whole.startswith(text) and not other.startswith(text or "\0"):
                yield from _check_text(
                    f"choice {index} {name}", whole[: len(text)], text
                )

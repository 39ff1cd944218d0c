"""Check of clients: none may do worse through a target than with the upstream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.dialects.message import TextKey
from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.evidence.sdk_models import (
    ClientView,
    SdkModel,
    client_view,
    join_surrogates,
)
from harness.judge.oracle.expectation import Content, Expectation
from harness.judge.violation import Kind, Violation
from harness.printable import quote
from harness.scenario.model import ExpectedEnding

__all__ = ["check_clients", "client_views"]


def client_views(
    expected: Expectation, observed: Observation
) -> tuple[ClientView, ...]:
    """Return what each modelled client makes of an answer; empty: it is no stream."""
    if not expected.stream or observed.end is ClientEnd.CLIENT_CLOSED:
        return ()
    return tuple(
        client_view(
            client,
            status=observed.status,
            headers=observed.headers,
            body=observed.body,
            end=observed.end,
        )
        for client in SdkModel
    )


def check_clients(
    expected: Expectation,
    views: Sequence[ClientView],
    dropped: frozenset[TextKey],
) -> Iterator[Violation]:
    """Compare each client's result with its result from the upstream's own answer.

    Success with the right text is best, an error is worse, success with another text is
    worst. For a stream that did not finish, an error is right. A quirk that also hurts
    a client without the target is not the target's fault.
    """
    if expected.ending.kind not in {ExpectedEnding.COMPLETE, ExpectedEnding.ERROR}:
        # Where an answer just stops, an error raised by chance is no better.
        return
    pairs = zip(SdkModel, expected.direct_views, views, strict=False)
    for client, direct, through in pairs:
        if direct is None:
            continue
        before = _level(expected, direct, frozenset())
        after = _level(expected, through, dropped)
        if after < before:
            yield Violation(
                kind=Kind.CLIENT_WORSE,
                where=f"{client} client",
                expected=f"no worse than directly: {_words(direct)}",
                got=_words(through),
            )


_RIGHT, _TOLD, _BELIEVES_WRONG = 2, 1, 0


def _level(expected: Expectation, seen: ClientView, dropped: frozenset[TextKey]) -> int:
    if expected.ending.kind is not ExpectedEnding.COMPLETE:
        return _RIGHT if seen.error else _BELIEVES_WRONG
    if seen.error:
        return _TOLD
    is_right = (0, "content") in dropped or seen.text in _right_texts(expected.content)
    return _RIGHT if is_right else _BELIEVES_WRONG


def _right_texts(expected: Content) -> set[str]:
    if expected.literal_text is not None:
        return {join_surrogates(expected.literal_text)}
    choices = {choice.index: choice for choice in expected.reading.message.choices}
    texts = {choices[0].content if 0 in choices else ""}
    reduced = expected.reduced_openings.get((0, "content"))
    if reduced is not None:
        texts.add("".join(reduced))
    return {join_surrogates(text) for text in texts}


def _words(seen: ClientView) -> str:
    text = f"{len(seen.text)} characters"
    if seen.error:
        return f"an error ({seen.error}) after {text}"
    finish = f", finish_reason {quote(seen.finish)}" if seen.finish else ""
    return f"success with {text}{finish}"

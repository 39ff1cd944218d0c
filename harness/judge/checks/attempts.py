"""Check of the requests to the upstream: their number, and whether a retry was right.

A retry is allowed, not demanded. It is right where the attempt before it failed in a
way that another may fix (no answer, an overloaded server), before the client got
anything. After the start of an answer, a stall or a bad request no retry is right: it
is paid for twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.judge.evidence.reading import Reading
from harness.judge.oracle.oracle import Expectation
from harness.judge.violation import Kind, Violation
from harness.printable import quote
from harness.units import NS_PER_MS, NS_PER_S

__all__ = [
    "REQUESTS_MAX",
    "check_requests",
    "expectation_of_last_attempt",
    "retry_liberty",
]

REQUESTS_MAX = 4
"""Most requests for one stream, where the scenario names neither their number nor its
attempts. More is a storm: SDKs themselves ask three times."""


_CERTAIN = 8
"""Number of characters that are not in another text by chance."""


def expectation_of_last_attempt(first: Expectation, got: Observation) -> Expectation:
    """Return the expectation of the attempt that was played last."""
    return first.for_draft(got.upstream[-1].played) if got.upstream else first


def retry_liberty(first: Expectation, got: Observation) -> str | None:
    """Return the number of requests in words, where the target had the choice."""
    if not first.duty.may_be_retried:
        return None
    # A refused attempt reached nobody, but counts.
    played = got.upstream[-1].played + 1 if got.upstream else 1
    count = max(len(got.upstream), played)
    return "asked once" if count == 1 else f"asked {count} times"


def check_requests(
    first: Expectation, got: Observation, reading: Reading
) -> Iterator[Violation]:
    """Judge the number of requests, and every retry."""
    count = len(got.upstream)
    wanted = first.duty.upstream_requests
    if wanted is not None:
        if count not in wanted:
            yield _wrong_count(
                f"{wanted} request(s) to the upstream", f"{count} request(s)"
            )
    else:
        yield from _check_count(first, got)
    for number, (one, two) in enumerate(pairwise(got.upstream), start=1):
        yield from _check_retry(first, got, reading, number, one, two)


def _wrong_count(expected: str, got: str) -> Violation:
    return Violation(
        kind=Kind.UPSTREAM_REQUESTS, where="upstream", expected=expected, got=got
    )


def _check_count(first: Expectation, got: Observation) -> Iterator[Violation]:
    count = len(got.upstream)
    for number, request in enumerate(got.upstream[:-1], start=1):
        expected = first.for_draft(request.played)
        if not expected.duty.may_be_retried or not _had_failed(
            expected, request, got.upstream[number]
        ):
            yield _wrong_count(
                f"{number} request(s) to the upstream: it had not failed in a way "
                "that may be tried again",
                f"{count} request(s)",
            )
            return
    most = max(REQUESTS_MAX, 1 + len(first.later_drafts))
    if count > most:
        yield _wrong_count(
            f"at most {most} requests for one stream", f"{count} requests"
        )


def _had_failed(
    expected: Expectation, request: UpstreamRequest, following: UpstreamRequest
) -> bool:
    """Whether the attempt had failed before the next request was made."""
    if request.finished:
        return True
    head = expected.head
    is_refusal = head.status is not None and head.status >= 400
    return (
        is_refusal
        and head.at_ns is not None
        and following.at_ns >= request.at_ns + head.at_ns
    )


def _check_retry(  # noqa: PLR0913, PLR0917 - what is known of one pair of requests
    first: Expectation,
    got: Observation,
    reading: Reading,
    number: int,
    one: UpstreamRequest,
    two: UpstreamRequest,
) -> Iterator[Violation]:
    before = first.for_draft(one.played)
    after = first.for_draft(two.played)
    where = f"attempt {number + 1}"
    content_ns = _first_content_ns(got, reading)
    if content_ns is not None and content_ns < two.at_ns:
        yield Violation(
            kind=Kind.RETRIED_LATE,
            where=where,
            expected="no other attempt once the client has content",
            got="the upstream is asked again after it",
        )
    if got.end is ClientEnd.CLIENT_CLOSED and two.at_ns > got.end_at_ns:
        yield Violation(
            kind=Kind.RETRIED_LATE,
            where=where,
            expected="no other attempt once the client has left",
            got="the upstream is asked again for nobody",
        )
    mixed = _mixed_text(before.content.reading, after.content.reading, reading)
    if mixed is not None:
        yield Violation(
            kind=Kind.ATTEMPTS_MIXED,
            where=where,
            expected="the text of one attempt",
            got=f"text of attempt {number}, then text of the next: {mixed}",
        )
    wait_ns = before.head.retry_after_ns
    if wait_ns is not None and before.head.at_ns is not None:
        waited_ns = two.at_ns - one.at_ns - before.head.at_ns
        if waited_ns < wait_ns:
            yield Violation(
                kind=Kind.RETRIED_TOO_SOON,
                where=where,
                expected=f"no request for {wait_ns / NS_PER_S:g} s, "
                "as Retry-After says",
                got="a request before that",
                measured={"waited_ms": round(waited_ns / NS_PER_MS, 3)},
            )


def _first_content_ns(got: Observation, reading: Reading) -> int | None:
    """Return when the client had the first event with text; None: never."""
    end = next((event.end for event in reading.events if event.deltas), None)
    if end is None:
        return None
    total = 0
    for at_ns, data in got.reads:
        total += len(data)
        if total >= end:
            return at_ns
    return None


def _mixed_text(one: Reading, two: Reading, got: Reading) -> str | None:
    """Return the text that begins with one attempt and goes on with the next."""
    first = {choice.index: choice.content for choice in one.message.choices}
    second = {choice.index: choice.content for choice in two.message.choices}
    for choice in got.message.choices:
        text, end = choice.content, second.get(choice.index, "")
        begun = first.get(choice.index, "")
        if not text or not begun or end.startswith(text) or begun.startswith(text):
            continue
        for cut in range(1, min(len(begun), len(text)) + 1):
            if text[cut - 1] != begun[cut - 1]:
                break
            rest = text[cut:]
            # Where two events were glued together, a piece of the second is missing.
            if rest and (
                end.startswith(rest) or (len(rest) >= _CERTAIN and rest in end)
            ):
                return f"{quote(text[:cut], 30)} and then {quote(rest, 30)}"
    return None

"""One observation against its expectation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.judge.checks.attempts import check_requests, expected_of, retry_liberty
from harness.judge.checks.backpressure import check_backlog
from harness.judge.checks.client_check import check_clients, views_of
from harness.judge.checks.content import check_content, undecided
from harness.judge.checks.ending import check_ending
from harness.judge.checks.events import carried
from harness.judge.checks.head import check_head
from harness.judge.checks.hold import Hold, hold_samples, summarise
from harness.judge.evidence.coding import decoded
from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.evidence.outcome import Outcome, outcome_of
from harness.judge.evidence.reading import Reading, read_items, read_stream
from harness.judge.evidence.sdk_models import ClientView
from harness.judge.oracle.opening import Key
from harness.judge.oracle.oracle import Expectation
from harness.judge.text_diff import quote
from harness.judge.violation import Kind, Violation
from harness.scenario.model import ExpectedEnding
from harness.units import NS_PER_MS

__all__ = ["Judgement", "Limits", "judge"]


_BAD_GATEWAY = 502  # "an invalid response" came from the upstream (RFC 9110, 15.6.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a target may add in time.

    Attributes:
        hold_ms: Longest hold of any content, event or head.
        free_ms: Longest time in which the upstream is freed after the client left.
        slack_ms: What the harness itself may have been late; added to both.
        buffer_bytes: What target and sockets may hold for a client that does not read,
            beside its window and one event.
    """

    hold_ms: float
    free_ms: float = 100.0
    slack_ms: float = 0.0
    buffer_bytes: int = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one observation showed.

    Attributes:
        observation: The evidence.
        reading: The answer as the client understood it.
        outcome: How it looked when it was over.
        violations: Every way in which it was wrong, the worst first.
        clients: What each modelled client makes of it; empty: it is no event stream.
        undecided: Texts that came without a repeat at their opening, of which content
            alone cannot tell whether it was meant.
        holds_ns: Hold of every piece of text and every event without; empty where the
            stream was wrong.
        liberties: What was left to the target, and what it did; empty words: as usual.
        name: Which stream of its scenario it is; empty where there is no other.
        parts: Of a scenario with several streams, the judgement of each.
    """

    observation: Observation
    reading: Reading
    outcome: Outcome
    violations: tuple[Violation, ...]
    holds_ns: tuple[int, ...]
    undecided: frozenset[Key] = frozenset()
    clients: tuple[ClientView, ...] = ()
    liberties: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    parts: tuple[Judgement, ...] = ()

    @property
    def badness(self) -> list[int]:
        """The severities of all that was wrong, the worst first."""
        return sorted((item.severity for item in self.violations), reverse=True)

    @property
    def hold(self) -> Hold | None:
        """Median, p95 and maximum of the hold; None where there is none."""
        return summarise(self.holds_ns)

    @property
    def correct(self) -> bool:
        """Whether nothing was wrong."""
        return not self.violations


def judge(expected: Expectation, observation: Observation, limits: Limits) -> Judgement:
    """Judge one observation.

    Timing is judged only where everything else is right: a failed stream is a fast
    stream (`research/JUDGE.md`, section 1.2). Where a policy leaves something to the
    target, it is right if it is right in one of the ways.
    """
    chosen = expected_of(expected, observation)
    best = _judge(expected, chosen, observation, limits)
    taken: dict[str, str] = {
        variant.policy: "" for variant in chosen.variants if best.correct
    }
    for variant in chosen.variants:
        if best.correct:
            break
        other = _judge(expected, variant.expected, observation, limits)
        if other.correct or other.badness < best.badness:
            best, taken = other, {variant.policy: variant.choice}
    taken |= _liberties(chosen, best)
    asked = retry_liberty(expected, observation)
    if asked is not None:
        taken["retry"] = asked
    return replace(best, liberties=taken)


def _liberties(expected: Expectation, got: Judgement) -> dict[str, str]:
    """Say what a target did where any way was right."""
    taken = {}
    if expected.stream and expected.ending is ExpectedEnding.UNFINISHED:
        told = got.outcome is Outcome.ERROR
        taken["missing_finish"] = "to tell of it" if told else ""
    finished = expected.stream and expected.ending is ExpectedEnding.COMPLETE
    if finished and not expected.done_sent:
        taken["done_synthesis"] = "to add [DONE]" if got.reading.done else ""
    return taken


def _check_bytes(expected: Expectation, got: Observation) -> Iterator[Violation]:
    """What becomes of bytes that are not UTF-8, where a policy says so."""
    if expected.foreign_bytes is None or got.end is ClientEnd.CLIENT_CLOSED:
        return
    try:
        got.body.decode()
    except UnicodeDecodeError:
        if expected.foreign_bytes == "replace":
            yield Violation(
                kind=Kind.MALFORMED_FORWARDED,
                where="body",
                expected="U+FFFD for bytes that are not UTF-8 (policy invalid_utf8)",
                got="the bytes themselves",
            )
    else:
        if expected.foreign_bytes == "pass":
            yield Violation(
                kind=Kind.BODY_CHANGED,
                where="body",
                expected="bytes that are not UTF-8, as sent (policy invalid_utf8)",
                got="none",
            )


def _judge(
    first: Expectation, expected: Expectation, observation: Observation, limits: Limits
) -> Judgement:
    plain, broken = decoded(observation) if expected.coded else (observation, None)
    is_stream = expected.stream and _came_as_stream(plain)
    reading = read_stream(plain.body) if is_stream else read_items(())
    outcome = outcome_of(plain, reading)
    dropped = undecided(expected, reading)
    refused = expected.may_refuse and _refused(plain, reading, outcome)
    violations = [
        *check_head(expected, plain, refused=refused),
        *check_requests(first, plain, reading),
        *_check_upstream(expected, plain, limits),
        *check_backlog(expected, plain, limits.buffer_bytes),
        *_check_bytes(expected, plain),
        *_check_log(expected, plain),
    ]
    if broken is not None:
        violations.append(broken)
    if not refused:
        violations += [
            *(
                check_content(expected, reading, outcome, dropped)
                if expected.stream
                else _check_body(expected, plain)
            ),
            *check_ending(expected, plain, reading, outcome),
        ]
    views = views_of(expected, plain)
    if not refused:
        violations += check_clients(expected, views, dropped)
    holds_ns: tuple[int, ...] = ()
    # What a client that reads slowly waits for is its own doing.
    if not violations and not refused and expected.window is None:
        holds_ns = tuple(hold_samples(expected, reading, plain, dropped))
        violations += _check_hold(expected, plain, max(holds_ns, default=0), limits)
    violations.sort(key=lambda violation: -violation.severity)
    return Judgement(
        observation=observation,
        reading=reading,
        outcome=outcome,
        violations=tuple(violations),
        holds_ns=holds_ns,
        undecided=dropped,
        clients=views,
    )


def _refused(plain: Observation, reading: Reading, outcome: Outcome) -> bool:
    """Tell whether a target took nothing of an answer, and said so.

    What is wrong with a coding shows only when the head has gone out.
    """
    told = outcome is Outcome.ERROR and plain.status is not None and plain.status < 400
    return plain.status == _BAD_GATEWAY or (told and carried(reading) == 0)


def _came_as_stream(observation: Observation) -> bool:
    kind = observation.header("content-type")
    if kind is None:
        return True
    return b"text/event-stream" in kind.lower()


def _check_body(expected: Expectation, got: Observation) -> Iterator[Violation]:
    if expected.status is None or got.body == expected.body:
        return
    yield Violation(
        kind=Kind.BODY_CHANGED,
        where="body",
        expected=f"{len(expected.body)} bytes, as the upstream sent them",
        got=f"{len(got.body)} bytes: {quote(got.body.decode('utf-8', 'replace'))}",
    )


def _check_upstream(
    expected: Expectation, got: Observation, limits: Limits
) -> Iterator[Violation]:
    if not got.upstream or got.end is ClientEnd.TIMEOUT:
        return
    if any(
        not request.finished and request.closed_at_ns is None
        for request in got.upstream
    ):
        yield Violation(
            kind=Kind.UPSTREAM_NOT_CLOSED,
            where="upstream",
            expected="the upstream is freed when the stream is over",
            got="its connection stays open",
        )
    elif got.end is ClientEnd.CLIENT_CLOSED:
        yield from _check_freed(expected, got, limits)


def _check_freed(
    expected: Expectation, got: Observation, limits: Limits
) -> Iterator[Violation]:
    """After the client left: generating for nobody costs money and a place."""
    limit = expected.upstream_closed_within_ms
    if limit is None:
        limit = limits.free_ms
    last = got.upstream[-1]
    freed_ns = last.closed_at_ns
    if freed_ns is None:
        freed_ns = last.sent[-1][0] if last.sent else got.end_at_ns
    lag_ms = (freed_ns - got.end_at_ns) / NS_PER_MS
    if lag_ms <= limit + limits.slack_ms:
        return
    ran_on = last.closed_at_ns is None
    yield Violation(
        kind=Kind.UPSTREAM_NOT_CLOSED if ran_on else Kind.UPSTREAM_FREED_LATE,
        where="upstream",
        expected=f"the upstream is freed within {limit:g} ms of the client leaving",
        got="it is read to its end" if ran_on else "it is freed later",
        measured={"lag_ms": round(lag_ms, 3)},
    )


def _check_log(expected: Expectation, got: Observation) -> Iterator[Violation]:
    if expected.log is None or (got.virtual and not got.log):
        return
    pattern = re.compile(expected.log)
    if not any(pattern.search(line) for line in got.log):
        yield Violation(
            kind=Kind.LOG_MISSING,
            where="log",
            expected=f"a line that matches {quote(expected.log)}",
            got=f"{len(got.log)} lines, none of which does",
        )


def _check_hold(
    expected: Expectation, got: Observation, longest_ns: int, limits: Limits
) -> Iterator[Violation]:
    hold_ms = limits.hold_ms if expected.max_hold_ms is None else expected.max_hold_ms
    limit_ms = hold_ms + limits.slack_ms
    if longest_ns / NS_PER_MS > limit_ms:
        yield Violation(
            kind=Kind.HELD,
            where="delivery",
            expected=f"nothing is held back longer than {hold_ms:g} ms",
            got=_in_words(longest_ns, virtual=got.virtual, what="content is held back"),
            measured={"max_hold_ms": round(longest_ns / NS_PER_MS, 3)},
        )
    head_ns = _head_hold(expected, got)
    if head_ns is not None and head_ns / NS_PER_MS > limit_ms:
        yield Violation(
            kind=Kind.HEAD_HELD,
            where="delivery",
            expected=f"the head is not held back longer than {hold_ms:g} ms",
            got=_in_words(
                head_ns, virtual=got.virtual, what="the response head is held back"
            ),
            measured={"head_hold_ms": round(head_ns / NS_PER_MS, 3)},
        )


def _in_words(held_ns: int, *, virtual: bool, what: str) -> str:
    # Only virtual figures repeat; live ones go where differences belong.
    return f"{what} {held_ns / NS_PER_MS:.3f} ms" if virtual else f"{what} longer"


def _head_hold(expected: Expectation, got: Observation) -> int | None:
    if expected.head_at_ns is None or got.head_at_ns is None or not got.upstream:
        return None
    return got.head_at_ns - got.upstream[-1].at_ns - expected.head_at_ns

"""The judgement of many streams of one scenario, each and all together.

Each stream has its own expectation. Only all together show text of one stream in
another, a circuit that opens for a healthy upstream or does not close again, a herd of
requests to an upstream that has just recovered, and the number of requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.judge.check import judge
from harness.judge.evidence.observation import Observation, UpstreamRequest
from harness.judge.judgement import Judgement
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Expectation, unasked
from harness.judge.violation import Kind, Violation
from harness.scenario.canary import foreign_markers
from harness.scenario.model import Expect, Phase
from harness.units import NS_PER_MS

__all__ = ["GroupExpectation", "judge_group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupExpectation:
    """The expectation of all streams together.

    Attributes:
        names: Names of the streams, in the order of their start.
        markers: The marker in the text of each; None: it has none.
        phases: What the upstream does by time.
        expect: The scenario's own demands.
    """

    names: tuple[str, ...]
    markers: tuple[str | None, ...]
    phases: tuple[Phase, ...] = ()
    expect: Expect = field(default_factory=Expect)


@dataclass(frozen=True, slots=True)
class _TimedRequest:
    """One request of any stream, with absolute times."""

    at_ns: int
    until_ns: int
    first_ns: int | None
    failed: bool


def judge_group(
    expected: Sequence[Expectation],
    observed: Sequence[Observation],
    limits: Limits,
    group: GroupExpectation,
) -> Judgement:
    """Judge all streams of one scenario.

    Args:
        expected: One expectation a stream.
        observed: One observation a stream.
        limits: As for `judge`.
        group: The expectation of all together.

    Returns:
        One judgement: the evidence of the worst stream, the violations of all, and the
        judgement of each as its ``parts``.
    """
    requests = sorted(
        (
            _timed(one, seen, request)
            for one, seen in zip(expected, observed, strict=True)
            for request in seen.upstream
        ),
        key=lambda request: request.at_ns,
    )
    broken_ns = _first_trouble_ns(requests, group.phases)
    parts = tuple(
        _judge_part(name, one, seen, limits, broken_ns)
        for name, one, seen in zip(group.names, expected, observed, strict=True)
    )
    parts = tuple(
        _with(part, [*_check_markers(part, marker, group)])
        for part, marker in zip(parts, group.markers, strict=True)
    )
    common = [
        *_check_totals(requests, group),
        *_check_probes(requests, observed, group),
        *_check_recovery(parts, group),
    ]
    return _merged(parts, common)


def _timed(
    expected: Expectation, seen: Observation, request: UpstreamRequest
) -> _TimedRequest:
    start = seen.started_ns
    last = request.closed_at_ns
    if last is None:
        last = request.sent[-1][0] if request.sent else request.at_ns
    played = expected.for_draft(request.played)
    return _TimedRequest(
        at_ns=start + request.at_ns,
        until_ns=start + max(last, request.at_ns),
        first_ns=start + request.sent[0][0] if request.sent else None,
        failed=played.duty.fails,
    )


def _first_trouble_ns(
    requests: Sequence[_TimedRequest], phases: Sequence[Phase]
) -> int | None:
    """Return when the upstream first failed, and a circuit may open; None: never."""
    failures = [request.at_ns for request in requests if request.failed]
    # A refused connection leaves no trace at the upstream.
    failures += [
        round(phase.from_ms * NS_PER_MS) for phase in phases if phase.answer == "refuse"
    ]
    return min(failures, default=None)


def _judge_part(
    name: str,
    expected: Expectation,
    seen: Observation,
    limits: Limits,
    broken_ns: int | None,
) -> Judgement:
    if seen.upstream:
        judgement = replace(judge(expected, seen, limits), name=name)
        failed = expected.for_draft(seen.upstream[-1].played).duty.fails
        if judgement.correct or not failed:
            return judgement
        # A circuit may open while a retry waits: then the target itself answers.
        own = replace(judge(unasked(expected), seen, limits), name=name)
        return own if own.correct and (seen.status or 0) >= 400 else judgement
    refused_rightly = (
        broken_ns is not None and broken_ns <= seen.started_ns + seen.end_at_ns
    )
    judgement = replace(judge(unasked(expected), seen, limits), name=name)
    never_came = expected.content.prefix_only and seen.status is None
    if refused_rightly or never_came:
        return judgement
    misfire = Violation(
        kind=Kind.BREAKER_MISFIRE,
        where="upstream",
        expected="the upstream is asked: it has not failed before",
        got="the client is answered without it",
    )
    return _with(judgement, [misfire])


def _with(judgement: Judgement, more: list[Violation]) -> Judgement:
    if not more:
        return judgement
    violations = sorted((*judgement.violations, *more), key=lambda item: -item.severity)
    return replace(judgement, violations=tuple(violations), holds_ns=())


def _check_markers(
    part: Judgement, marker: str | None, group: GroupExpectation
) -> Iterator[Violation]:
    """Judge that neither body nor head has anything of another stream."""
    if marker is None:
        return
    seen = part.observation
    heads = b"\n".join(value for _, value in seen.headers)
    for where, data in (("body", seen.body), ("head", heads)):
        foreign = sorted(foreign_markers(data, marker))
        if foreign:
            names = [
                group.names[group.markers.index(found)]
                if found in group.markers
                else found
                for found in foreign
            ]
            yield Violation(
                kind=Kind.CROSS_TALK,
                where=where,
                expected="nothing of another stream",
                got=f"text that was sent only to {names[0]}",
                measured={"streams": len(names)},
            )


def _check_totals(
    requests: Sequence[_TimedRequest], group: GroupExpectation
) -> Iterator[Violation]:
    wanted = group.expect.upstream_requests
    if wanted is not None and len(group.names) > 1 and len(requests) not in wanted:
        yield _wrong_count(f"{wanted} requests over all streams", len(requests))
    for phase, count in _by_phase(requests, group.phases):
        bounds = phase.upstream_requests
        if bounds is not None and count not in bounds:
            words = f"{bounds} requests from {phase.from_ms:g} ms ({phase.answer})"
            yield _wrong_count(words, count)


def _wrong_count(expected: str, count: int) -> Violation:
    return Violation(
        kind=Kind.UPSTREAM_REQUESTS,
        where="upstream",
        expected=expected,
        got="another number",
        measured={"requests": count},
    )


def _by_phase(
    requests: Sequence[_TimedRequest], phases: Sequence[Phase]
) -> Iterator[tuple[Phase, int]]:
    for number, phase in enumerate(phases):
        end_ms = phases[number + 1].from_ms if number + 1 < len(phases) else None
        yield (
            phase,
            sum(
                phase.from_ms * NS_PER_MS <= request.at_ns
                and (end_ms is None or request.at_ns < end_ms * NS_PER_MS)
                for request in requests
            ),
        )


def _check_probes(
    requests: Sequence[_TimedRequest],
    observed: Sequence[Observation],
    group: GroupExpectation,
) -> Iterator[Violation]:
    """Judge that few requests at a time probe the upstream while a circuit is open."""
    most = group.expect.max_probes
    opened_ns = min(
        (
            seen.started_ns + seen.end_at_ns
            for seen in observed
            if not seen.upstream and (seen.status or 0) >= 400
        ),
        default=None,
    )
    if most is None or opened_ns is None:
        return
    closed_ns = min(
        (
            request.first_ns
            for request in requests
            if not request.failed
            and request.first_ns is not None
            and request.first_ns > opened_ns
        ),
        default=None,
    )
    probes = [
        request
        for request in requests
        if request.at_ns > opened_ns
        and (closed_ns is None or request.at_ns < closed_ns)
    ]
    at_once = max(
        (
            sum(other.at_ns <= one.at_ns <= other.until_ns for other in probes)
            for one in probes
        ),
        default=0,
    )
    if at_once > most:
        yield Violation(
            kind=Kind.PROBE_HERD,
            where="upstream",
            expected=f"at most {most} request(s) at a time probe the upstream",
            got="more",
            measured={"requests": at_once},
        )


def _check_recovery(
    parts: Sequence[Judgement], group: GroupExpectation
) -> Iterator[Violation]:
    """Judge that a circuit closes again: else the outage never ends."""
    limit_ms = group.expect.recovers_within_ms
    last = group.phases[-1] if group.phases else None
    if limit_ms is None or last is None or not last.works:
        return
    due_ns = (last.from_ms + limit_ms) * NS_PER_MS
    for part in parts:
        seen = part.observation
        if seen.started_ns >= due_ns and not seen.upstream:
            yield Violation(
                kind=Kind.BREAKER_WEDGED,
                where=part.name,
                expected=f"clients are served {limit_ms:g} ms after the upstream "
                "is back",
                got="a client is answered without it",
            )
            return


def _merged(parts: tuple[Judgement, ...], common: list[Violation]) -> Judgement:
    worst = max(parts, key=lambda part: part.severities)
    requests = tuple(request for part in parts for request in part.observation.upstream)
    invalid = next(
        (part.observation.invalid for part in parts if part.observation.invalid), None
    )
    violations = sorted([*common, *_folded(parts)], key=lambda item: -item.severity)
    return Judgement(
        name="",
        observation=replace(worst.observation, upstream=requests, invalid=invalid),
        reading=worst.reading,
        outcome=worst.outcome,
        violations=tuple(violations),
        holds_ns=()
        if violations
        else tuple(hold for part in parts for hold in part.holds_ns),
        dropped_repeats=frozenset().union(*(part.dropped_repeats for part in parts)),
        liberties=_liberties(parts),
        parts=parts,
    )


def _folded(parts: Sequence[Judgement]) -> Iterator[Violation]:
    """Report a violation that many streams share once, with the first of them."""
    found: dict[tuple[Kind, str], tuple[str, Violation, int]] = {}
    for part in parts:
        for item in part.violations:
            key = (item.kind, item.where)
            name, first, count = found.get(key, (part.name, item, 0))
            found[key] = (name, first, count + 1)
    for name, first, count in found.values():
        measured = dict(first.measured)
        if count > 1:
            measured["streams"] = count
        yield replace(first, where=f"{name}, {first.where}", measured=measured)


def _liberties(parts: Sequence[Judgement]) -> Mapping[str, str]:
    """Return what the targets chose over all streams, where any way was right."""
    merged: dict[str, str] = {}
    for part in parts:
        for name, choice in part.liberties.items():
            if choice or name not in merged:
                merged[name] = choice
    if "retry" in merged:
        count = sum(len(part.observation.upstream) for part in parts)
        merged["retry"] = f"asked {count} times in all"
    without = sum(not part.observation.upstream for part in parts)
    merged["breaker"] = (
        f"answered {without} of {len(parts)} clients without asking" if without else ""
    )
    return merged

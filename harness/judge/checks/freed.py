"""Check of the upstream's connection: freed after the stream, or after the client."""

from __future__ import annotations

from collections.abc import Iterator

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.limits import Limits
from harness.judge.oracle.expectation import Duty
from harness.judge.violation import Kind, Violation
from harness.units import NS_PER_MS

__all__ = ["check_freed"]


def check_freed(
    expected: Duty, got: Observation, limits: Limits
) -> Iterator[Violation]:
    """Judge that no connection to the upstream stays open or is freed late."""
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
        yield from _check_after_client(expected, got, limits)


def _check_after_client(
    expected: Duty, got: Observation, limits: Limits
) -> Iterator[Violation]:
    """Judge the time after the client left: tokens for nobody cost money."""
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
        got="the upstream is read to its end" if ran_on else "it is freed later",
        measured={"lag_ms": round(lag_ms, 3)},
    )

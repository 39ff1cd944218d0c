"""Lateness of the harness itself, which a timing verdict must not blame on a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.judge.evidence.observation import UpstreamRequest
from harness.statistics import nearest_rank
from harness.units import NS_PER_MS

__all__ = ["Lag", "lateness_of", "summarise_lag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """Lateness of all writes of the harness's upstreams; ``count`` is of writes."""

    count: int
    p50_ns: int
    p99_ns: int
    max_ns: int

    @property
    def degraded(self) -> bool:
        """Whether verdicts on live timing are marked: beyond 1 ms at p99."""
        return self.p99_ns > NS_PER_MS


def lateness_of(requests: Iterable[UpstreamRequest]) -> Iterator[int]:
    """Yield the lateness of every write that could have been in time; nanoseconds.

    Of writes that are due at the same instant only the first can be in time: a stream
    cut into thousands of one-byte pieces is long, not late.
    """
    for request in requests:
        last_due: int | None = None
        for (sent_ns, _), lateness in zip(
            request.sent, request.lateness_ns, strict=False
        ):
            due = sent_ns - lateness
            if due != last_due:
                yield lateness
            last_due = due


def summarise_lag(lateness: Iterable[int]) -> Lag:
    """Return median, 99th percentile (nearest rank) and maximum."""
    ordered = sorted(lateness)
    if not ordered:
        return Lag(count=0, p50_ns=0, p99_ns=0, max_ns=0)
    return Lag(
        count=len(ordered),
        p50_ns=nearest_rank(ordered, 0.5),
        p99_ns=nearest_rank(ordered, 0.99),
        max_ns=ordered[-1],
    )

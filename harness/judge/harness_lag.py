"""How late the harness itself was: what a timing verdict must not blame on a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.judge.evidence.observation import UpstreamRequest
from harness.judge.run import Lag
from harness.statistics import nearest_rank

__all__ = ["lateness_of", "summarise_lag"]


def lateness_of(requests: Iterable[UpstreamRequest]) -> Iterator[int]:
    """Yield the lateness of every write that could have been in time; nanoseconds.

    Of writes that are due at one instant only the first can be: a stream cut into
    thousands of one-byte pieces is not late, it is long.
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

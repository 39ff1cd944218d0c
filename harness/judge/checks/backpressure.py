"""Back-pressure: what waits between an upstream and a client that does not read.

The upstream can send no more than fits between it and the client: what the target
holds, and the buffers of the sockets. A target without back-pressure takes all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.oracle.expectation import Duty
from harness.judge.violation import Kind, Violation

__all__ = ["check_backpressure", "most_buffered_bytes"]


def check_backpressure(
    expected: Duty, got: Observation, allowance: int
) -> Iterator[Violation]:
    """Judge how much the target took from the upstream while the client did not read.

    Args:
        expected: Says how large the client's window is, and the largest event: who
            looks at whole events must hold one.
        got: What both ends saw.
        allowance: Bytes that a target, and the sockets, may hold besides.
    """
    if expected.client_window_bytes is None:
        return
    limit = expected.client_window_bytes + expected.largest_event_bytes + allowance
    buffered = most_buffered_bytes(got)
    if buffered > limit:
        yield Violation(
            kind=Kind.UNBOUNDED_BUFFER,
            where="upstream",
            expected=f"at most {limit} bytes between upstream and client, "
            "while it does not read",
            got=f"{buffered} bytes" if got.virtual else "more",
            measured={"bytes": buffered},
        )


def most_buffered_bytes(got: Observation) -> int:
    """Return the most bytes of the body that were sent and not yet read."""
    if not got.upstream:
        return 0
    taken = got.upstream[-1].taken
    times, totals, total = [], [0], 0
    for at_ns, data in got.reads:
        total += len(data)
        times.append(at_ns)
        totals.append(total)
    # A target may write the same answer in fewer bytes; then each of them counts more.
    scale = 1.0
    if got.end is ClientEnd.COMPLETE and taken and 0 < total < taken[-1][1]:
        scale = taken[-1][1] / total
    return max(
        (
            sent - round(totals[bisect_right(times, at_ns)] * scale)
            for at_ns, sent in taken
        ),
        default=0,
    )

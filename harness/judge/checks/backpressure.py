"""Check of back-pressure: bytes that wait for a client that does not read.

The upstream can send only what fits between it and the client: into the target and the
buffers of the sockets. A target without back-pressure takes everything.
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
        expected: Gives the client's window and the largest event: a target that looks
            at whole events must hold one.
        got: The observation.
        allowance: Bytes that target and sockets may hold in addition.
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
            "while the client does not read",
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
    # A target may write the same answer in fewer bytes; then each byte counts more.
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

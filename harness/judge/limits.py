"""Limits of time and memory for a target, where a scenario sets none.

In virtual time the network takes no time, so all hold is the relay's; live, processes,
sockets and the scheduler add theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.units import NS_PER_MS

__all__ = [
    "LIVE_BUFFER_BYTES",
    "LIVE_FREE_MS",
    "LIVE_HOLD_MS",
    "LIVE_SLACK_MS",
    "VIRTUAL_BUFFER_BYTES",
    "VIRTUAL_FREE_MS",
    "VIRTUAL_HOLD_MS",
    "Limits",
    "live_limits",
    "virtual_limits",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of time and memory for a target.

    Attributes:
        hold_ms: Longest hold of any content, event or head.
        free_ms: Longest time from the client's leaving until the upstream is freed.
        slack_ms: Allowance for the harness's own lateness; added to both.
        buffer_bytes: Bytes that target and sockets may hold for a client that does not
            read, in addition to its window and one event.
    """

    hold_ms: float
    free_ms: float = 100.0
    slack_ms: float = 0.0
    buffer_bytes: int = 1 << 16


VIRTUAL_HOLD_MS = 10.0
"""Longest hold in virtual time: a correct relay adds nothing at all, and half the gap
between two chunks of a fast model (20 ms) is room for one that looks ahead briefly."""

LIVE_HOLD_MS = 150.0
"""Longest hold when live, over the harness's own lag: below the 200 ms by which a proxy
without TCP_NODELAY was measured to delay every event, above the scheduling noise of two
busy cores (measured: p99 up to 9 ms, worst 82 ms)."""

VIRTUAL_FREE_MS = 100.0
"""Longest time to free the upstream after the client left: in virtual time only the
relay is between the two."""

LIVE_FREE_MS = 1000.0
"""The same when live, for any proxy: processes, sockets and a busy machine between."""

LIVE_SLACK_MS = 250.0
"""Most of the harness's own lag that is allowed for: without a bound, a harness that
was late once would excuse any delay."""

VIRTUAL_BUFFER_BYTES = 1 << 16
"""Bytes that a relay may hold for a client that does not read, in addition to its
window and one event, in virtual time, where no socket holds anything."""

LIVE_BUFFER_BYTES = 16 << 20
"""The same when live: Linux lets a socket's two buffers grow to 4 and 6 MiB (tcp_wmem,
tcp_rmem), and there are two connections, of which only the client's is kept small."""


def virtual_limits() -> Limits:
    """Return the limits of virtual time."""
    return Limits(
        hold_ms=VIRTUAL_HOLD_MS,
        free_ms=VIRTUAL_FREE_MS,
        buffer_bytes=VIRTUAL_BUFFER_BYTES,
    )


def live_limits(lag_max_ns: int) -> Limits:
    """Return the limits of a live stream.

    Args:
        lag_max_ns: The harness's worst lag in the stream's scenario, over all repeats
            and both targets.
    """
    slack_ms = min(lag_max_ns / NS_PER_MS, LIVE_SLACK_MS)
    return Limits(
        hold_ms=LIVE_HOLD_MS,
        free_ms=LIVE_FREE_MS,
        slack_ms=slack_ms,
        buffer_bytes=LIVE_BUFFER_BYTES,
    )

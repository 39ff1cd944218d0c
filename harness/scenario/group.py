"""What makes a scenario more than one stream."""

from __future__ import annotations

from dataclasses import dataclass

from harness.scenario.bounds import Bounds

__all__ = ["Phase", "Streams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Many clients that ask the same.

    Attributes:
        count: How many.
        every_ms: From one start to the next; 0: all start together.
        canary: Whether the text of each carries a marker of its own.
        abort_ratio: Which share of them leaves in mid stream; the seed says which, and
            where.
        one_connection: Whether they follow one another on one client connection.
    """

    count: int
    every_ms: float = 0.0
    canary: bool = False
    abort_ratio: float = 0.0
    one_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What the upstream does with a request that comes from a time on.

    Attributes:
        from_ms: Since the first client asked.
        answer: ``ok`` (what is recorded), ``refuse``, ``reset``, ``close``, or an error
            status.
        upstream_requests: How many requests may come in this phase; None: any.
    """

    from_ms: float
    answer: str | int
    upstream_requests: Bounds | None = None

    @property
    def works(self) -> bool:
        """Whether the upstream is up."""
        return self.answer == "ok"

"""What the client of a scenario does: how it reads, and whether it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["READ_EVERY_NS", "Abort", "AbortHow", "ClientPlan", "Pause", "ReadPlan"]

READ_EVERY_NS = 20_000_000
"""A client that reads at a rate reads so often, a fiftieth of the rate each time."""


class AbortHow(StrEnum):
    """How a client leaves."""

    FIN = "fin"
    RST = "rst"
    HALF_CLOSE = "half_close"
    """It shuts its sending half only, and goes on reading (FAULTS, class 42)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The client leaves in mid stream; one of the first four says when.

    Attributes:
        after_events: Once so many events (comments not counted) were read; 0: once the
            head was read.
        after_ms: So long after the request was sent, whatever came.
        after_bytes: Once so many bytes of the body were read.
        before_head: Once the upstream has the request, before it answers.
        how: FIN, RST, or the sending half only.
    """

    after_events: int | None = None
    after_ms: float | None = None
    after_bytes: int | None = None
    before_head: bool = False
    how: AbortHow = AbortHow.RST

    @property
    def leaves(self) -> bool:
        """Whether the client reads no more afterwards."""
        return self.how is not AbortHow.HALF_CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The client stops reading.

    Attributes:
        after_bytes: Once so many bytes of the body were read.
        for_ms: So long; None: it never reads again, and leaves at its deadline.
    """

    after_bytes: int
    for_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """How the client reads, where it does not take at once what comes; one of the two.

    Attributes:
        bytes_per_s: It reads so much, a fiftieth of it every 20 ms.
        pause: It stops reading.
    """

    bytes_per_s: int | None = None
    pause: Pause | None = None

    @property
    def bytes_per_read(self) -> int | None:
        """How much it reads at a time; None: it has no rate."""
        return None if self.bytes_per_s is None else max(1, self.bytes_per_s // 50)

    @property
    def stops(self) -> bool:
        """Whether it never reads the rest."""
        return self.pause is not None and self.pause.for_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """What the client does.

    Attributes:
        abort: Leave in mid stream.
        deadline_ms: Stop waiting so long after the request was sent; what has not ended
            by then hangs. None: the mode's default.
        read: How it reads; None: what comes, at once.
        receive_buffer: Bytes that wait for the client to read them before its peer is
            held up: SO_RCVBUF when live, exact in virtual time. None: the system's
            default, and 64 KiB.
    """

    abort: Abort | None = None
    deadline_ms: float | None = None
    read: ReadPlan | None = None
    receive_buffer: int | None = None

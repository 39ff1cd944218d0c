"""The hold buffer: it delays openings, for upstreams that take text back.

It is used if ``STREAMING_HOLD_MS`` is above 0.  From the first text of an opening, all
events are held, so none overtakes another.  They are sent, in order, for one of these
reasons:

* *age*: the first has been held for the allowed time;
* *size*: more bytes are held than ``STREAMING_BUFFER_SIZE``;
* *pattern*: an event arrived after which no text of an opening is taken back: a
  ``finish_reason``, a tool call, usage, an error, ``[DONE]``;
* *confidence*: a delta arrived that is not a stutter, so no held opening is left;
* *end*: the stream is over, for any reason.

Comments do not wait: they are keep-alives, and not part of the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from proxy.v2.events.payload import Edit

__all__ = ["FlushReason", "HeldEvent", "HoldBuffer"]


class FlushReason(Enum):
    """The reason why held events are sent; values are the words of metrics."""

    AGE = "age"
    SIZE = "size"
    PATTERN = "pattern"
    CONFIDENCE = "confidence"
    END = "end"


class HeldEvent(NamedTuple):
    """An event that is held back.

    Attributes:
        payload: Its data.
        chunk: The parsed payload.
        raw: The bytes of the unchanged event.
        head: Its lines other than data.
        edits: Its texts that may change.
        lines: Lines of earlier blocks without data, by name.
    """

    payload: bytes
    chunk: Any
    raw: bytes
    head: bytes
    edits: Sequence[Edit]
    lines: Mapping[bytes, bytes]


class HoldBuffer:
    """Events of one stream that are held back.

    Args:
        limit_bytes: How many bytes may be held.
        hold_ns: How long an event may be held.

    Attributes:
        since_ns: When the first of them arrived; None if nothing is held.
    """

    __slots__ = ("_bytes", "_events", "_limit_bytes", "hold_ns", "since_ns")

    def __init__(self, limit_bytes: int, hold_ns: int) -> None:
        self._limit_bytes = limit_bytes
        self.hold_ns = hold_ns
        self._events: list[HeldEvent] = []
        self._bytes = 0
        self.since_ns: int | None = None

    def add(self, now_ns: int, event: HeldEvent) -> None:
        """Hold an event back."""
        if self.since_ns is None:
            self.since_ns = now_ns
        self._events.append(event)
        self._bytes += len(event.raw)

    def due(
        self, now_ns: int, *, after_text: bool, openings: int
    ) -> FlushReason | None:
        """Return the reason to send the held events now; None: they may stay.

        Args:
            now_ns: The current time.
            after_text: Whether the last event belongs after a text.
            openings: How many openings are in progress of which nothing was sent.
        """
        if self.since_ns is None:
            return None
        if openings == 0:
            return FlushReason.CONFIDENCE
        if after_text:
            return FlushReason.PATTERN
        if self._bytes > self._limit_bytes:
            return FlushReason.SIZE
        return FlushReason.AGE if now_ns - self.since_ns >= self.hold_ns else None

    def take(self) -> list[HeldEvent]:
        """Return all held events in order, and hold none."""
        events, self._events = self._events, []
        self._bytes = 0
        self.since_ns = None
        return events

"""An interaction while it is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cassette.model import (
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.units import NS_PER_MS

__all__ = ["Recording", "RecordingStart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStart:
    """The facts that are known when the response head is complete.

    Attributes:
        at: UTC time of the request in ISO 8601.
        upstream: Base URL.
        http_version: ``HTTP/1.0``, ``HTTP/1.1`` or ``HTTP/2``.
        headers: Of the response.
        notes: For the cassette.
    """

    at: str
    upstream: str
    request: Request
    status: int
    http_version: str
    headers: Headers
    notes: tuple[str, ...] = ()


class Recording:
    """Collector of the segments of one response.

    Bytes beyond the limit are counted and not kept: the segment that crosses it is cut
    there, and the recording ends as stopped, with a note about how the stream went on.

    Args:
        start: Request and response head.
        number: Of the recording, from 1.
        max_bytes: The most bytes of the body that are kept; 0: all.

    Attributes:
        size: Bytes of the body, kept or not.
        last_ns: Time of the last segment, or of the end.
    """

    __slots__ = ("_full_at_ns", "_kept", "_max", "last_ns", "number", "size", "start")

    def __init__(
        self, start: RecordingStart, *, number: int, max_bytes: int = 0
    ) -> None:
        self.start = start
        self.number = number
        self.size = 0
        self.last_ns = 0
        self._max = max_bytes
        self._kept: list[Segment] = []
        self._full_at_ns: int | None = None

    def add(self, at_ns: int, data: bytes) -> None:
        """Take the bytes of one read; an earlier time than the last is corrected."""
        at_ns = self._forward(at_ns)
        room = self._max - self.size if self._max else len(data)
        self.size += len(data)
        if room < len(data) and self._full_at_ns is None:
            self._full_at_ns = at_ns
        if room > 0:
            self._kept.append(Segment(at_ns=at_ns, data=data[:room]))

    def finish(
        self, at_ns: int, kind: EndingKind, notes: tuple[str, ...] = ()
    ) -> Interaction:
        """Return the recorded interaction.

        Args:
            at_ns: When the stream ended.
            kind: How it ended.
            notes: Added to the notes of the start.
        """
        at_ns = self._forward(at_ns)
        notes = (*self.start.notes, *notes)
        ending = Ending(at_ns=at_ns, kind=kind)
        if self._full_at_ns is not None:
            note = (
                f"Recording stopped at the limit of {self._max} bytes; the stream went"
                f" on and ended {kind} at {at_ns / NS_PER_MS:.3f} ms"
                f" after {self.size} bytes."
            )
            notes = (*notes, note)
            ending = Ending(at_ns=self._full_at_ns, kind=EndingKind.RECORDER_STOPPED)
        response = Response(
            status=self.start.status,
            http_version=self.start.http_version,
            headers=self.start.headers,
            segments=tuple(self._kept),
            ending=ending,
        )
        request = self.start.request
        return Interaction(request=request, response=response, notes=notes)

    def _forward(self, at_ns: int) -> int:
        self.last_ns = max(self.last_ns, at_ns)
        return self.last_ns

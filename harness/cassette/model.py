"""What a cassette holds, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "FORMAT",
    "Cassette",
    "Ending",
    "EndingKind",
    "Framing",
    "Headers",
    "Interaction",
    "Recorded",
    "Request",
    "Response",
    "Segment",
]

FORMAT = 1
"""Version of the cassette format that this code reads and writes."""

Headers = tuple[tuple[str, str], ...]
"""Header lines in order, repeats kept; values are latin-1 text (RFC 9110, 5.5)."""


class EndingKind(StrEnum):
    """How a recorded stream stopped."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"
    RESET = "reset"
    TIMEOUT = "timeout"
    CLIENT_CLOSED = "client_closed"
    RECORDER_STOPPED = "recorder_stopped"


class Framing(StrEnum):
    """How the end of a body is marked on the wire (RFC 9112, section 6)."""

    CHUNKED = "chunked"
    CONTENT_LENGTH = "content_length"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The body bytes of one read.

    Attributes:
        at_ns: Nanoseconds since the end of the request.
        data: Bytes after transfer coding and before content coding.
    """

    at_ns: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How and when the stream stopped; ``at_ns`` as in `Segment`."""

    at_ns: int
    kind: EndingKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked. ``path`` is the request target, query included."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What was answered, with the time of every segment.

    Attributes:
        status: HTTP status code.
        http_version: ``HTTP/1.1``, ``HTTP/1.0`` or ``HTTP/2``.
        headers: Header lines in order.
        segments: Body segments in order of arrival.
        ending: How the stream stopped.
    """

    status: int
    http_version: str
    headers: Headers
    segments: tuple[Segment, ...]
    ending: Ending

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(segment.data for segment in self.segments)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None. Names compare without case."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    @property
    def framing(self) -> Framing:
        """How the recorded headers marked the end of the body."""
        coding = self.header("transfer-encoding")
        if coding is not None and "chunked" in coding.lower():
            return Framing.CHUNKED
        if self.header("content-length") is not None:
            return Framing.CONTENT_LENGTH
        return Framing.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One request and its response.

    Attributes:
        request: What was asked.
        response: What was answered.
        notes: What a reader must know of this recording: why it stops before the
            stream did, which times may be late. Sentences of the recorder's own.
    """

    request: Request
    response: Response
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Where a recording comes from.

    Attributes:
        at: UTC time in ISO 8601, or None where it is not known.
        by: The recorder and its version.
        upstream: Base URL or name of the recorded server.
    """

    at: str | None
    by: str
    upstream: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """A recording.

    Attributes:
        recorded: Where it comes from.
        tags: Free words; the dialect is one of them (``openai-chat``).
        interactions: At least one.
        reconstructed: What the source did not hold and an import invented, of
            ``times`` and ``borders``.
    """

    recorded: Recorded
    tags: tuple[str, ...]
    interactions: tuple[Interaction, ...]
    reconstructed: tuple[str, ...] = ()

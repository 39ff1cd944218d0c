"""The content of a cassette, as values."""

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
    """A request. ``path`` is the request target, query included."""

    method: str
    path: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response, with the time of every segment.

    Attributes:
        http_version: ``HTTP/1.1``, ``HTTP/1.0`` or ``HTTP/2``.
        segments: In order of arrival.
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
        notes: Sentences by the recorder that a reader must know: why the recording
            stops before the stream did, which times may be late.
    """

    request: Request
    response: Response
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The origin of a recording.

    Attributes:
        at: UTC time in ISO 8601; None: unknown.
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
        tags: Free words; the dialect is one of them (``openai-chat``).
        interactions: At least one.
        reconstructed: Which of ``times`` and ``borders`` an import invented.
    """

    recorded: Recorded
    tags: tuple[str, ...]
    interactions: tuple[Interaction, ...]
    reconstructed: tuple[str, ...] = ()

"""Interactions from sources that kept neither borders nor all times.

The missing information is invented here, the same way for all sources:

1. Borders and times are those of `harness.cassette.importers.segmentation`. Where the
   source knows when the body began and ended, the events are spread evenly between.
2. Where the source kept the body decoded, its content coding is taken out of the head.
3. A body shorter than its content-length was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.cassette.content_coding import codings_of, content_type_of
from harness.cassette.importers.segmentation import (
    Split,
    borders_of,
    cut_at,
    event_ends,
)
from harness.cassette.model import (
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Request,
    Response,
)
from harness.sse import is_event_stream

__all__ = [
    "ReconstructionOptions",
    "SourceResponse",
    "reconstruct",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionOptions:
    """Options for the borders and times that are invented.

    Attributes:
        split: Where a body is cut into segments; a number cuts after that many bytes.
        pacing_ns: From one event to the next, where no time is known.
        first_ns: When the first event arrives, where no time is known.
    """

    split: Split | int = Split.EVENT
    pacing_ns: int = 20_000_000
    first_ns: int = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResponse:
    """A response from a source without borders.

    Attributes:
        status: HTTP status code.
        http_version: In the source's words; unknown ones become ``HTTP/1.1``.
        headers: As they were sent.
        body: The body; it may be decoded where ``headers`` say that it was coded.
        first_ns: When its first byte arrived; None: unknown.
        last_ns: When it ended; None: unknown.
        ending: How it ended; None: unknown.
        notes: Notes for the interaction.
    """

    status: int
    http_version: str
    headers: Headers
    body: bytes
    first_ns: int | None = None
    last_ns: int | None = None
    ending: EndingKind | None = None
    notes: tuple[str, ...] = ()


def reconstruct(
    request: Request, kept: SourceResponse, how: ReconstructionOptions
) -> Interaction:
    """Return an interaction, with borders and times invented."""
    headers, notes = _fit_headers(kept.headers, kept.body)
    ends = event_ends(kept.body)
    split = how.split
    if split is Split.EVENT and not (
        is_event_stream(content_type_of(headers)) and not codings_of(headers)
    ):
        split = Split.WHOLE
    if kept.first_ns is None or kept.last_ns is None:
        first_ns, pacing_ns = how.first_ns, float(how.pacing_ns)
    else:
        first_ns = kept.first_ns
        pacing_ns = max(0, kept.last_ns - first_ns) / max(1, len(ends) - 1)
    borders = borders_of(kept.body, split, ends)
    if len(borders) == 1 and kept.last_ns is not None:
        first_ns, pacing_ns = max(first_ns, kept.last_ns), 0.0  # whole at the end
    segments = cut_at(borders, kept.body, ends, first_ns=first_ns, pacing_ns=pacing_ns)
    last_ns = segments[-1].at_ns if segments else first_ns
    kind = kept.ending
    if kind is None:
        bodiless = request.method == "HEAD" or kept.status in _BODILESS
        cut = not bodiless and _is_short(headers, kept.body)
        kind = EndingKind.TRUNCATED if cut else EndingKind.COMPLETE
    response = Response(
        status=kept.status,
        http_version=_VERSIONS.get(kept.http_version.lower(), "HTTP/1.1"),
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=max(last_ns, kept.last_ns or 0), kind=kind),
    )
    return Interaction(request=request, response=response, notes=(*kept.notes, *notes))


_VERSIONS = {
    "http/1.0": "HTTP/1.0",
    "h2": "HTTP/2",
    "http/2": "HTTP/2",
    "http/2.0": "HTTP/2",
    # The format knows no later version, and what differs lies below the body.
    "h3": "HTTP/2",
    "http/3": "HTTP/2",
    "http/3.0": "HTTP/2",
}

# No body follows, whatever their length says (RFC 9110, 15.3.5 and 15.4.5).
_BODILESS = frozenset({204, 304})


def _fit_headers(headers: Headers, body: bytes) -> tuple[Headers, tuple[str, ...]]:
    """Return the head that fits the body, and notes on its changes."""
    codings = codings_of(headers)
    if not codings or _is_coded(body, codings[-1]):
        return headers, ()
    kept = []
    for name, value in headers:
        match name.lower():
            case "content-encoding":
                continue
            case "content-length":  # that of the coded body
                kept.append((name, str(len(body))))
            case _:
                kept.append((name, value))
    note = (
        f"The source kept the body decoded: its content coding {', '.join(codings)}"
        " was taken out of the head."
    )
    return tuple(kept), (note,)


def _is_coded(body: bytes, coding: str) -> bool:
    """Return whether a body still has the coding that its head names."""
    match coding:
        case _ if not body:
            return True
        case "gzip" | "x-gzip":
            return body.startswith(b"\x1f\x8b")  # RFC 1952, section 2.3.1
        case "zstd":
            return body.startswith(b"\x28\xb5\x2f\xfd")  # RFC 8878, section 3.1.1
        case _:  # the others have no mark, but are not text
            try:
                body.decode()
            except UnicodeDecodeError:
                return True
            return False


def _is_short(headers: Headers, body: bytes) -> bool:
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    if not lengths or not lengths[0].isdecimal():
        return False
    return len(body) < int(lengths[0][:18])

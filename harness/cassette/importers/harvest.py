"""What an importer brings in, before it becomes a cassette.

An importer returns a `Harvest`: the interactions that it found, and how many it had to
leave out, and why. What the source did not keep is rebuilt here, the same way for all:

1. Borders and times are those of `harness.cassette.importers.segmentation`. Where the
   source knows when the body began and ended, the events are spread evenly in between.
2. Where the source kept the body decoded, its content coding leaves the head.
3. A body shorter than its content-length was cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from harness.cassette.content_coding import codings_of
from harness.cassette.importers.segmentation import (
    Split,
    borders_of,
    cut_at,
    event_ends,
)
from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Recorded,
    Request,
    Response,
)

__all__ = [
    "INVENTED",
    "Found",
    "Harvest",
    "Held",
    "Rebuild",
    "assemble",
    "is_event_stream",
    "rebuild",
    "split_url",
    "utc",
]

INVENTED = ("times", "borders")
"""What an interaction that was rebuilt did not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An interaction, and what the source says around it.

    Attributes:
        interaction: The interaction.
        at: When it was asked, UTC in ISO 8601; None where that is not known.
        upstream: Base URL or name of the server; None where that is not known.
        invented: What the source did not hold, in the words of the cassette.
        tags: Its tags.
    """

    interaction: Interaction
    at: str | None
    upstream: str | None
    invented: tuple[str, ...] = INVENTED
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """What one source file holds.

    Attributes:
        found: Its interactions, in order.
        of: The program that made the file, where the file says so.
        left_out: How many could not be taken, by the reason, in the plural.
    """

    found: tuple[Found, ...]
    of: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """How to invent what the source did not keep.

    Attributes:
        split: Where a body is cut into segments; a number cuts after so many bytes.
        pacing_ns: From one event to the next, where no time is known.
        first_ns: When the first event comes, where no time is known.
    """

    split: Split | int = Split.EVENT
    pacing_ns: int = 20_000_000
    first_ns: int = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A response as a source without borders holds it.

    Attributes:
        status: HTTP status code.
        http_version: In the source's words; unknown ones become ``HTTP/1.1``.
        headers: As they were sent.
        body: The body; it may be decoded where ``headers`` say that it was coded.
        first_ns: When its first byte came; None where that is not known.
        last_ns: When it ended; None where that is not known.
        ending: How it ended; None where that is not known.
        notes: What is to be said of it.
    """

    status: int
    http_version: str
    headers: Headers
    body: bytes
    first_ns: int | None = None
    last_ns: int | None = None
    ending: EndingKind | None = None
    notes: tuple[str, ...] = ()


def rebuild(request: Request, held: Held, how: Rebuild) -> Interaction:
    """Return an interaction, with borders and times invented."""
    headers, notes = _settle(held.headers, held.body)
    ends = event_ends(held.body)
    split = how.split
    if split is Split.EVENT and not (
        is_event_stream(headers) and not codings_of(headers)
    ):
        split = Split.WHOLE
    if held.first_ns is None or held.last_ns is None:
        first_ns, pacing_ns = how.first_ns, float(how.pacing_ns)
    else:
        first_ns = held.first_ns
        pacing_ns = max(0, held.last_ns - first_ns) / max(1, len(ends) - 1)
    borders = borders_of(held.body, split, ends)
    if len(borders) == 1 and held.last_ns is not None:
        first_ns, pacing_ns = max(first_ns, held.last_ns), 0.0  # whole at the end
    segments = cut_at(borders, held.body, ends, first_ns=first_ns, pacing_ns=pacing_ns)
    last_ns = segments[-1].at_ns if segments else first_ns
    kind = held.ending
    if kind is None:
        bodiless = request.method == "HEAD" or held.status in _BODILESS
        cut = not bodiless and _is_short(headers, held.body)
        kind = EndingKind.TRUNCATED if cut else EndingKind.COMPLETE
    response = Response(
        status=held.status,
        http_version=_VERSIONS.get(held.http_version.lower(), "HTTP/1.1"),
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=max(last_ns, held.last_ns or 0), kind=kind),
    )
    return Interaction(request=request, response=response, notes=(*held.notes, *notes))


def assemble(
    found: Sequence[Found], *, by: str, tags: tuple[str, ...] = ()
) -> Cassette:
    """Join interactions to a cassette.

    A cassette names one upstream; where there were several, a note names each.

    Args:
        found: At least one.
        by: What made the cassette.
        tags: Put into it, beside those of the interactions.
    """
    upstreams = list(dict.fromkeys(one.upstream for one in found))
    if len(upstreams) > 1:
        found = [_named(one) for one in found]
    invented = {word for one in found for word in one.invented}
    known = (tag for one in found for tag in one.tags)
    return Cassette(
        recorded=Recorded(
            at=next((one.at for one in found if one.at), None),
            by=by,
            upstream=upstreams[0] if len(upstreams) == 1 else None,
        ),
        tags=tuple(dict.fromkeys((*tags, *known))),
        interactions=tuple(one.interaction for one in found),
        reconstructed=tuple(word for word in INVENTED if word in invented),
    )


def is_event_stream(headers: Headers) -> bool:
    """Tell whether a head announces an event stream, parameters aside."""
    kinds = (value for name, value in headers if name.lower() == "content-type")
    kind = next(kinds, "").partition(";")[0].strip().lower()
    return kind == "text/event-stream"


def split_url(url: str) -> tuple[str | None, str]:
    """Return base URL and request target; user, password and fragment are dropped.

    Raises:
        ValueError: It is no URL.
    """
    parts = urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    if not parts.scheme or not parts.hostname:
        return None, target
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port is not None else ""
    return f"{parts.scheme}://{host}{port}", target


def utc(text: str) -> str | None:
    """Return a time in ISO 8601 as UTC, or None where it is none, or has no zone."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return None
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at.isoformat().replace("+00:00", "Z")


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

# No body follows, whatever length they tell (RFC 9110, sections 15.3.5 and 15.4.5).
_BODILESS = frozenset({204, 304})


def _settle(headers: Headers, body: bytes) -> tuple[Headers, tuple[str, ...]]:
    """Return the head that fits the body, and what had to be changed."""
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
    """Tell whether a body still has the coding that its head names."""
    match coding:
        case _ if not body:
            return True
        case "gzip" | "x-gzip":
            return body.startswith(b"\x1f\x8b")  # RFC 1952, section 2.3.1
        case "zstd":
            return body.startswith(b"\x28\xb5\x2f\xfd")  # RFC 8878, section 3.1.1
        case _:  # nothing marks the others, but text they are not
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


def _named(found: Found) -> Found:
    if found.upstream is None:
        return found
    note = f"The server that was asked is {found.upstream}."
    interaction = found.interaction
    notes = (*interaction.notes, note)
    return replace(found, interaction=replace(interaction, notes=notes))

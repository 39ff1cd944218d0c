"""The result of an importer: interactions of a file, to be made into a cassette."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from harness.cassette.model import Cassette, Interaction, Recorded

__all__ = [
    "RECONSTRUCTED",
    "ImportedFile",
    "ImportedInteraction",
    "assemble_cassette",
    "split_url",
    "utc_time",
]

RECONSTRUCTED = ("times", "borders")
"""What is invented for an interaction whose source has only bodies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInteraction:
    """An interaction, with its origin.

    Attributes:
        at: Time of the request, UTC in ISO 8601; None: unknown.
        upstream: Base URL or name of the server; None: unknown.
        reconstructed: What was invented, in the words of the cassette.
    """

    interaction: Interaction
    at: str | None
    upstream: str | None
    reconstructed: tuple[str, ...] = RECONSTRUCTED
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """The content of one source file.

    Attributes:
        interactions: In the order of the file.
        program: The program that made the file; None: unknown.
        left_out: The number of interactions that could not be imported, by reason; the
            reason is a noun in the plural.
    """

    interactions: tuple[ImportedInteraction, ...]
    program: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)


def assemble_cassette(
    interactions: Sequence[ImportedInteraction], *, by: str, tags: tuple[str, ...] = ()
) -> Cassette:
    """Join interactions to a cassette.

    A cassette names one upstream; where there were several, a note names each.

    Args:
        interactions: At least one.
        by: The program that made the cassette.
        tags: Added to those of the interactions.
    """
    upstreams = list(dict.fromkeys(one.upstream for one in interactions))
    if len(upstreams) > 1:
        interactions = [_with_upstream_note(one) for one in interactions]
    reconstructed = {word for one in interactions for word in one.reconstructed}
    known = (tag for one in interactions for tag in one.tags)
    return Cassette(
        recorded=Recorded(
            at=next((one.at for one in interactions if one.at), None),
            by=by,
            upstream=upstreams[0] if len(upstreams) == 1 else None,
        ),
        tags=tuple(dict.fromkeys((*tags, *known))),
        interactions=tuple(one.interaction for one in interactions),
        reconstructed=tuple(word for word in RECONSTRUCTED if word in reconstructed),
    )


def split_url(url: str) -> tuple[str | None, str]:
    """Return base URL and request target; user, password and fragment are dropped.

    Raises:
        ValueError: The text is not a URL.
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


def utc_time(text: str) -> str | None:
    """Return a time in ISO 8601 as UTC; None: it is not a time, or has no zone."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            return None
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at.isoformat().replace("+00:00", "Z")


def _with_upstream_note(imported: ImportedInteraction) -> ImportedInteraction:
    if imported.upstream is None:
        return imported
    note = f"The server that was asked is {imported.upstream}."
    interaction = imported.interaction
    notes = (*interaction.notes, note)
    return replace(imported, interaction=replace(interaction, notes=notes))

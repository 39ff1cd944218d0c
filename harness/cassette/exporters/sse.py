"""Names for the raw body of a response, as it was sent."""

from __future__ import annotations

from harness.cassette.content_coding import codings_of
from harness.cassette.model import Response
from harness.sse import is_event_stream

__all__ = ["body_suffix"]

_SUFFIXES = {
    "br": ".br",
    "deflate": ".deflate",
    "gzip": ".gz",
    "x-gzip": ".gz",
    "zstd": ".zst",
}


def body_suffix(response: Response) -> str:
    """Return the suffix of a file with the raw body of a response.

    ``.sse`` for an event stream, ``.body`` for anything else, and after it, for each
    content coding, that of its files: the bytes are those of the wire.
    """
    kind = ".sse" if is_event_stream(response.header("content-type")) else ".body"
    codings = codings_of(response.headers)
    return kind + "".join(_SUFFIXES.get(coding, ".coded") for coding in codings)

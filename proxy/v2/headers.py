"""Response heads: the kind of answer, and the headers for the client."""

from __future__ import annotations

from proxy.http.headers import end_to_end, first_value
from proxy.relay import Headers

__all__ = ["client_headers", "is_event_stream"]

_LENGTH = frozenset({b"content-length"})


def is_event_stream(status: int, headers: Headers) -> bool:
    """Tell whether an answer is to be read as an event stream.

    An answer without a content type is taken for one: a stream was requested, and
    lines that do not belong to an event stream pass unchanged.  An error status is
    never one, and a compressed body cannot be read.
    """
    if status >= 400:
        return False
    coding = _first(headers, b"content-encoding")
    if coding not in {b"", b"identity"}:
        return False
    content_type = _first(headers, b"content-type").partition(b";")[0].rstrip()
    return content_type in {b"", b"text/event-stream"}


def client_headers(headers: Headers, *, keep_length: bool) -> Headers:
    """Return the headers meant for the client, their bytes untouched.

    Args:
        headers: The upstream's headers.
        keep_length: Whether the body passes unchanged, so that its length stays
            right, even if ``Connection`` lists it.
    """
    if keep_length:
        return end_to_end(headers, kept=_LENGTH)
    return tuple(line for line in end_to_end(headers) if line[0].lower() not in _LENGTH)


def _first(headers: Headers, name: bytes) -> bytes:
    return (first_value(headers, name) or b"").strip().lower()

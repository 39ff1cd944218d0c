"""Response heads: what kind of answer follows, and which headers go to the client."""

from __future__ import annotations

from proxy.relay import Headers

__all__ = ["end_to_end", "is_event_stream"]

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Headers of one connection (RFC 9110, section 7.6.1); ``Proxy-*`` beside them."""


def is_event_stream(status: int, headers: Headers) -> bool:
    """Tell whether an answer is to be read as an event stream.

    An answer without a content type is taken for one: streaming was asked for, and
    lines that are not of an event stream pass all the same.  An error status never is,
    and what is compressed cannot be read.
    """
    if status >= 400:
        return False
    coding = _first(headers, b"content-encoding")
    if coding not in {b"", b"identity"}:
        return False
    content_type = _first(headers, b"content-type").partition(b";")[0].rstrip()
    return content_type in {b"", b"text/event-stream"}


def end_to_end(headers: Headers, *, keep_length: bool) -> Headers:
    """Return the headers meant for the client, their bytes untouched.

    Args:
        headers: The upstream's headers.
        keep_length: Whether the body passes unchanged, so that its length holds.
    """
    dropped = set(_HOP_BY_HOP)
    for name, value in headers:
        if name.lower() == b"connection":
            dropped.update(token.strip() for token in value.lower().split(b","))
    if keep_length:
        dropped.discard(b"content-length")
    else:
        dropped.add(b"content-length")
    return tuple(
        (name, value)
        for name, value in headers
        if name.lower() not in dropped and not name.lower().startswith(b"proxy-")
    )


def _first(headers: Headers, wanted: bytes) -> bytes:
    for name, value in headers:
        if name.lower() == wanted:
            return value.strip().lower()
    return b""

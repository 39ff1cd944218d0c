"""Header fields: finding one, and filtering those of one connection.

Pure, because the architectures share the filter with the sockets.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.relay import Headers

__all__ = ["end_to_end", "first_value"]

# RFC 9110, section 7.6.1, and the authentication between a proxy and its client
# (sections 11.7.1 and 11.7.2). Not every name with "proxy-": Proxy-Status is for the
# client too (RFC 9209, section 2).
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


def first_value(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first value of the header called ``name`` (lower case), or None."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None


def end_to_end(
    headers: Iterable[tuple[bytes, bytes]], *, kept: frozenset[bytes] = frozenset()
) -> Headers:
    """Return the headers without those that concern one connection only.

    Dropped are the fixed hop-by-hop set and the names that ``Connection`` lists
    (RFC 9110, section 7.6.1). Order, repeats and bytes stay.

    Args:
        headers: The header lines of a message.
        kept: Names in lower case that stay even if ``Connection`` lists them.
    """
    lines = tuple(headers)
    listed = {
        name.strip().lower()
        for key, value in lines
        if key.lower() == b"connection"
        for name in value.split(b",")
    }
    dropped = _HOP_BY_HOP | (listed - kept)
    return tuple(line for line in lines if line[0].lower() not in dropped)

"""HTTP/1.1 heads and the framing of a response body, as bytes.

The rules, from RFC 9112 (sections 6 and 7):

* ``Transfer-Encoding`` belongs to one connection and is written here, never copied.
* A ``Content-Length`` in the head frames the body: bytes beyond it are dropped, and an
  end before it closes the connection without completing, as Go's server does.
* Without one, HTTP/1.1 clients get transfer chunks, one for each piece; HTTP/1.0
  clients get a body that ends with the connection.
* HEAD, 204 and 304 have no body.
* Names and values are bytes and stay unchanged; a line break or NUL in one is refused,
  because the next reader would see another header there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from proxy.relay import Headers

__all__ = [
    "ARCHITECTURE_HEADER",
    "BadHeadError",
    "ResponseFramer",
    "request_head",
]

ARCHITECTURE_HEADER = b"x-streaming-architecture"
"""The header that says what served an answer: ``v1``, ``v2`` or ``none``."""

_REASONS: Mapping[int, bytes] = {
    status.value: status.phrase.encode("ascii") for status in HTTPStatus
}
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN = re.compile(rb"[\r\n\0]")
_BODILESS = frozenset({204, 304})


class BadHeadError(ValueError):
    """A response head that must not reach a client."""


def request_head(method: bytes, target: bytes, headers: Headers) -> bytes:
    """Return the bytes of an HTTP/1.1 request head, blank line included."""
    lines = [b"%b %b HTTP/1.1\r\n" % (method, target)]
    lines += [b"%b: %b\r\n" % line for line in headers]
    lines.append(b"\r\n")
    return b"".join(lines)


class ResponseFramer:
    """Frames one response on a connection to a client.

    Args:
        method: The request's method; ``HEAD`` gets no body.
        http_11: Whether the client speaks HTTP/1.1 and so reads transfer chunks.
        keep_alive: Whether the client would keep the connection.
        architecture: The value of ``x-streaming-architecture``.

    Attributes:
        started: Whether the head has been framed.
        keep_alive: After the head: whether another request may follow a whole answer.
    """

    __slots__ = (
        "_architecture",
        "_chunked",
        "_http_11",
        "_no_body",
        "_remaining",
        "keep_alive",
        "started",
    )

    def __init__(
        self, *, method: bytes, http_11: bool, keep_alive: bool, architecture: str
    ) -> None:
        self._http_11 = http_11
        self._architecture = architecture.encode("ascii")
        self._no_body = method == b"HEAD"
        self._chunked = False
        self._remaining: int | None = None
        self.keep_alive = keep_alive and http_11
        self.started = False

    def head(self, status: int, headers: Headers) -> bytes:
        """Return the bytes of the head and decide the framing of the body.

        Raises:
            BadHeadError: A name is not a token, a value holds CR, LF or NUL, the
                status is not a final one, or the lengths contradict each other.
        """
        if not 200 <= status <= 999:
            raise BadHeadError(f"status {status} is not a final status")
        kept, length, close = _examine(headers)
        bodiless = status in _BODILESS
        if status == 204:
            kept = [line for line in kept if line[0].lower() != b"content-length"]
        self._no_body = self._no_body or bodiless
        if not self._no_body:
            self._remaining = length
            self._chunked = length is None and self._http_11
            if length is None and not self._http_11:
                close = True
        if close or not self._http_11:
            self.keep_alive = False
        self.started = True
        lines = [b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, b""))]
        if not self.keep_alive:
            kept = [line for line in kept if line[0].lower() != b"connection"]
            kept.append((b"connection", b"close"))
        lines += [b"%b: %b\r\n" % line for line in kept]
        lines.append(b"%b: %b\r\n" % (ARCHITECTURE_HEADER, self._architecture))
        # The framing of HEAD is that of GET (RFC 9110, section 9.3.2).
        if self._http_11 and length is None and not bodiless:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    def body(self, data: bytes) -> bytes:
        """Return ``data`` framed for the wire; empty data gives no bytes."""
        # An empty transfer chunk would be the terminator.
        if not data or self._no_body:
            return b""
        if self._chunked:
            return b"%x\r\n%b\r\n" % (len(data), data)
        if self._remaining is not None:
            data = data[: self._remaining]
            self._remaining -= len(data)
        return data

    def end(self) -> bytes:
        """Return the bytes that mark a clean end."""
        return b"0\r\n\r\n" if self._chunked else b""

    @property
    def short(self) -> bool:
        """Whether the head promised more bytes than the body has."""
        return bool(self._remaining)


def _examine(
    headers: Headers,
) -> tuple[list[tuple[bytes, bytes]], int | None, bool]:
    """Return the lines that may pass, the body's length, and whether to close."""
    kept: list[tuple[bytes, bytes]] = []
    length: int | None = None
    close = False
    for line in headers:
        name, value = line
        if not _TOKEN.fullmatch(name):
            raise BadHeadError("a header name is no token")
        if _FORBIDDEN.search(value):
            raise BadHeadError(
                f"header {name.decode('ascii')} holds CR, LF or NUL in its value"
            )
        lower = name.lower()
        if lower in (b"transfer-encoding", ARCHITECTURE_HEADER):
            continue
        if lower == b"content-length":
            if not value.isdigit() or len(value) > 18:
                raise BadHeadError("content-length is no number")
            if length is not None and length != int(value):
                raise BadHeadError("two different values of content-length")
            length = int(value)
        elif lower == b"connection":
            close = close or b"close" in value.lower()
        kept.append(line)
    return kept, length, close

"""Reads the requests that reach the upstream, one after another on a connection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httptools

__all__ = ["ReceivedRequest", "RequestReader"]


@dataclass(slots=True, kw_only=True)
class ReceivedRequest:
    """One request, as sent.

    Attributes:
        head_at_ns: When its head was complete.
        read_at_ns: When it was read whole: the zero of the script that answers it.
        method: As sent.
        path: Request target as sent.
        headers: As sent, in order.
        body: After transfer decoding.
        keep_alive: Whether another request may follow on the connection.
    """

    head_at_ns: int = 0
    read_at_ns: int = 0
    method: str = ""
    path: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    keep_alive: bool = True

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header; ``name`` is in lower case."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


class RequestReader:
    """Turns bytes into requests; llhttp parses.

    Args:
        clock: Monotonic nanoseconds.
        on_request: Called with every request that was read whole.
        on_continue: Called where the client waits for leave to send its body
            (``Expect: 100-continue``; RFC 9110, section 10.1.1).
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        on_request: Callable[[ReceivedRequest], None],
        on_continue: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._on_request = on_request
        self._on_continue = on_continue
        self._parser: Any = httptools.HttpRequestParser(self)
        self._request = ReceivedRequest()
        self._target = b""
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Read the next bytes.

        Raises:
            ValueError: They are not HTTP/1; the reader cannot be used any more.
        """
        try:
            # An offer to upgrade (h2c) is ignored: the request is served as it is.
            with contextlib.suppress(httptools.HttpParserUpgrade):
                self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise ValueError(str(error)) from error

    # What follows is called by httptools, under these names.

    def on_message_begin(self) -> None:
        """The start of a request."""
        self._request = ReceivedRequest()
        self._target = b""
        self._body = []

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line, or a trailer."""
        if not self._request.head_at_ns:
            self._request.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The end of the head."""
        request = self._request
        request.head_at_ns = self._clock()
        request.method = self._parser.get_method().decode("latin-1")
        request.path = self._target.decode("latin-1")
        request.keep_alive = self._parser.should_keep_alive()
        expectation = request.header(b"expect")
        if expectation is not None and expectation.lower() == b"100-continue":
            self._on_continue()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The whole request was read."""
        request = self._request
        request.body = b"".join(self._body)
        request.read_at_ns = self._clock()
        self._on_request(request)

"""The connection to the upstream: one request, one answer, and exactly how it ended.

Every exchange has a connection of its own. It costs a handshake, and buys that no
answer can hold bytes of another, that closing it stops the upstream's work at once, and
that a stale connection cannot fail a stream.

How an answer ended (DESIGN, section 8):

* ``complete``: the framing said so; or FIN, where the answer has neither a length nor
  transfer chunks and so ends with its connection (RFC 9112, section 6.3).
* ``truncated``: FIN before that, also before the head.
* ``reset``: the connection broke, whatever the framing.
* ``refused``: there was never a connection.
* ``protocol_error``: the bytes are not HTTP. What came before them is delivered first.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

from proxy.framing import end_to_end, request_head
from proxy.relay import Ending, Event, Headers

__all__ = ["Origin", "OriginError", "UpstreamCall", "UpstreamProtocol"]

Deliver = Callable[[list[Event]], None]
"""Takes the events of one turn, in order: ``head``, ``data``, ``ended``."""

_BODILESS_METHODS = frozenset({b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"})
_REWRITTEN = frozenset({b"host", b"content-length", b"accept-encoding", b"expect"})
_MAX_HEAD_BYTES = 256 * 1024


class OriginError(ValueError):
    """The upstream's URL cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the upstream is.

    Attributes:
        host: Host name or address, without brackets.
        port: TCP port.
        tls: Whether to speak TLS, with the certificate checked.
        prefix: Path put before every target, without a slash at its end.
    """

    host: str
    port: int
    tls: bool
    prefix: bytes = b""

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Read a base URL such as ``https://api.example`` or ``http://host:9/llm/v1``.

        A ``/v1`` at its end is the one that every target begins with already.

        Raises:
            OriginError: It is no http or https URL, or says more than a base.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise OriginError(f"{error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OriginError("it must begin with http:// or https:// and name a host")
        if parts.username is not None or parts.query or parts.fragment:
            raise OriginError("it must not hold credentials, a query or a fragment")
        if not url.isascii() or any(c <= " " for c in url):
            raise OriginError("it must be ASCII without spaces")
        tls = parts.scheme == "https"
        path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
        return cls(
            host=parts.hostname,
            port=port or (443 if tls else 80),
            tls=tls,
            prefix=path.encode("ascii"),
        )

    @property
    def authority(self) -> bytes:
        """The value of ``Host``: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        own = 443 if self.tls else 80
        return (host if self.port == own else f"{host}:{self.port}").encode("ascii")

    def request(
        self, method: bytes, target: bytes, headers: Headers, body: bytes
    ) -> bytes:
        """Return the request as it goes to the upstream.

        End-to-end headers keep their order, credentials too. ``Host`` is the
        upstream's, the length is that of ``body``, and the answer is asked for
        uncompressed, since a relay reads it.
        """
        kept = [(b"host", self.authority)]
        kept += [
            line for line in end_to_end(headers) if line[0].lower() not in _REWRITTEN
        ]
        kept.append((b"accept-encoding", b"identity"))
        if body or method not in _BODILESS_METHODS:
            kept.append((b"content-length", b"%d" % len(body)))
        return request_head(method, self.prefix + target, tuple(kept)) + body


class UpstreamProtocol(asyncio.Protocol):
    """Sends one request, parses one answer, tells how it ended, then is silent.

    Args:
        request: The bytes to send once connected.
        deliver: Called once a turn with the events of that turn.
        no_body: Whether the answer has no body whatever its head says (HEAD).
    """

    def __init__(self, request: bytes, deliver: Deliver, *, no_body: bool) -> None:
        self._request = request
        self._deliver = deliver
        self._no_body = no_body
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._head: Event | None = None
        self._head_bytes = 0
        self._in_body = False
        self._framed = False
        self._raw = False
        self._complete = False
        self._paused = False
        self._over = False

    # What the driver calls.

    def close(self) -> None:
        """Close at once; nothing is delivered any more."""
        self._finish()

    def refuse(self) -> None:
        """Deliver that no connection came about."""
        self._end("refused")

    def pause(self) -> None:
        """Stop reading, so that the upstream feels that the client does not read."""
        self._paused = True
        if self._transport is not None and not self._over:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on reading."""
        self._paused = False
        if self._transport is not None and not self._over:
            self._transport.resume_reading()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self._transport = cast("asyncio.Transport", transport)
        if self._over:
            self._transport.abort()
            return
        self._transport.write(self._request)
        self._request = b""
        if self._paused:
            self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Deliver what these bytes hold: the head, then the body, then the end."""
        if self._over:
            return
        kind = self._feed(data)
        events: list[Event] = []
        if self._head is not None:
            events.append(self._head)
            self._head = None
        if self._pieces:
            pieces = self._pieces
            events.append(("data", pieces[0] if len(pieces) == 1 else b"".join(pieces)))
            self._pieces = []
        if kind is not None:
            self._finish()
            events.append(("ended", kind))
        if events:
            self._deliver(events)

    def eof_received(self) -> None:
        """Judge a FIN by the framing."""
        self._end("truncated" if self._framed or not self._in_body else "complete")

    def connection_lost(self, exc: Exception | None) -> None:
        """Judge a broken connection; a FIN has been judged before."""
        if exc is None:
            self.eof_received()
        else:
            self._end("reset")

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Forget an informational answer that came before."""
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; those after the body are trailers and are dropped."""
        if not self._in_body:
            # White space around a value is no part of it (RFC 9112, section 5.1).
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Settle how the body is framed, unless this was informational."""
        status: int = self._parser.get_status_code()
        if status < 200:
            if status == 101:
                raise ValueError("an upgrade that nobody asked for")
            return
        if self._in_body:
            return
        names = {name.lower(): value for name, value in self._headers}
        coding = names.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise ValueError("an unknown transfer coding")
        self._framed = coding is not None or b"content-length" in names
        self._in_body = True
        self._head = ("head", status, tuple(self._headers))
        if self._no_body:
            self._complete = True

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body; the pieces of one turn travel together."""
        if not self._complete:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Note the end that the framing names."""
        if self._in_body:
            self._complete = True

    def _feed(self, data: bytes) -> Ending | None:
        """Parse, and return how the answer ended if it did."""
        if self._raw:
            self._pieces.append(data)
            return None
        if not self._in_body:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # An offer ("Upgrade: h2c") beside a body that ends with the connection:
            # llhttp stops there, the body goes on.
            if not self._in_body:
                return "protocol_error"
            if not self._complete:
                self._raw = True
                self._pieces.append(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            # Bytes behind a complete answer are nobody's.
            return "complete" if self._complete else "protocol_error"
        if self._complete:
            return "complete"
        if not self._in_body and self._head_bytes > _MAX_HEAD_BYTES:
            return "protocol_error"
        return None

    def _end(self, kind: Ending) -> None:
        if not self._over:
            self._finish()
            self._deliver([("ended", kind)])

    def _finish(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.abort()


class UpstreamCall:
    """One attempt: connects, then is the handle on the connection.

    Args:
        origin: Where to connect.
        request: The bytes to send.
        deliver: Called once a turn with the events of that turn.
        no_body: Whether the answer has no body whatever its head says.
        tls: How to check the certificate, where the origin speaks TLS.
        connect_timeout_s: Seconds until a connection that does not come about counts
            as refused.
    """

    def __init__(  # noqa: PLR0913 - all it touches is handed in
        self,
        origin: Origin,
        request: bytes,
        deliver: Deliver,
        *,
        no_body: bool,
        tls: ssl.SSLContext | None,
        connect_timeout_s: float,
    ) -> None:
        self._origin = origin
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._protocol = UpstreamProtocol(request, deliver, no_body=no_body)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._connect(loop))

    def close(self) -> None:
        """Close at once, while connecting too; nothing is delivered any more."""
        self._task.cancel()
        self._protocol.close()

    def pause(self) -> None:
        """Stop reading."""
        self._protocol.pause()

    def resume(self) -> None:
        """Go on reading."""
        self._protocol.resume()

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await loop.create_connection(
                    lambda: self._protocol,
                    self._origin.host,
                    self._origin.port,
                    ssl=self._tls,
                )
        except (OSError, UnicodeError):
            # Also a timeout, a bad certificate, a name that is unknown or no name.
            self._protocol.refuse()

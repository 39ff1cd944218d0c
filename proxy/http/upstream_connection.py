"""One exchange on a connection to the upstream: a request, an answer, its ending.

The endings:

* ``complete``: the framing said so; or FIN, where the answer has neither a length nor
  transfer chunks and so ends with its connection (RFC 9112, section 6.3).
* ``truncated``: FIN before the end, also before the head, or in a content coding.
* ``reset``: the connection broke, whatever the framing.
* ``refused``: there was never a connection; ``connect_timeout``: not in time.
* ``protocol_error``: the bytes are not HTTP, or not in the coding that the head names.
  The bytes before them are delivered first.

The connection may serve another exchange only if its state is certain: an answer of
HTTP/1.1 with a body, framed by a length or by transfer chunks, that ended at the last
byte that was read, for a request that was sent whole, without ``Connection: close``.
Every other connection is closed, also after answers that must not have a body: a server
that sends one would put it before the next answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Literal, cast

import httptools

from proxy.http.decoding import Decoder, DecodingError, decoded_head, decoder_for
from proxy.relay import Ending, Event

__all__ = ["Deliver", "UpstreamConnection"]

Deliver = Callable[[list[Event]], None]
"""Takes the events of one turn, in order: ``head``, ``data``, ``ended``."""

_MAX_HEAD_BYTES = 256 * 1024
_BODILESS = frozenset({204, 304})
_HEAD_END = b"\r\n\r\n"
_EXACT_END = re.compile(rb"[^\r\n]\r\n\r\n\Z")
"""The end of transfer chunks: the last chunk or a trailer, then one empty line."""


class UpstreamConnection(asyncio.Protocol):
    """A connection for one exchange: it sends a request and parses the answer.

    Args:
        request: The bytes to send once connected.
        deliver: Called once per turn with the events of that turn.
        no_body: Whether the answer has no body, whatever its head says (HEAD).
        decode: Whether to decode a compressed event stream.
        release: Takes a connection that may serve again, with the seconds for which
            the upstream promised to keep it, if it did.
        stale: Called if the connection dies before any byte of an answer; True: the
            exchange continues elsewhere, and nothing is delivered here.
    """

    __slots__ = (
        "_complete",
        "_decode",
        "_decoder",
        "_deliver",
        "_framing",
        "_head",
        "_head_bytes",
        "_headers",
        "_in_body",
        "_keep_s",
        "_no_body",
        "_over",
        "_parser",
        "_paused",
        "_pieces",
        "_release",
        "_remaining",
        "_request",
        "_reusable",
        "_stale",
        "_surplus",
        "_tail",
        "_transport",
    )

    def __init__(  # noqa: PLR0913 - all it touches is handed in
        self,
        request: bytes,
        deliver: Deliver,
        *,
        no_body: bool,
        decode: bool = False,
        release: Callable[[asyncio.Transport, float | None], None] | None = None,
        stale: Callable[[], bool] | None = None,
    ) -> None:
        self._request = request
        self._deliver = deliver
        self._no_body = no_body
        self._decode = decode
        self._release = release
        self._stale = stale
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._head: Event | None = None
        self._head_bytes = 0
        self._tail = b""
        self._in_body = False
        self._framing: Literal["none", "chunked", "length", "close"] = "close"
        self._remaining = 0
        self._decoder: Decoder | None = None
        self._keep_s: float | None = None
        self._reusable = False
        self._complete = False
        self._surplus = False
        self._paused = False
        self._over = False

    # Called by the driver.

    def close(self) -> None:
        """Close immediately; nothing more is delivered."""
        self._finish()

    def drain(self, limit_bytes: int) -> bool:
        """Read an answer to its end without delivering it.

        Args:
            limit_bytes: Bytes of body after which it is closed.

        Returns:
            Whether there is anything to read; if not, it was closed.
        """
        if self._over or not self._in_body or self._release is None:
            self._finish()
            return False
        left = limit_bytes

        def discard(events: list[Event]) -> None:
            nonlocal left
            left -= sum(len(event[1]) for event in events if event[0] == "data")
            if left < 0:
                self._finish()

        self._deliver = discard
        self._stale = None
        if self._paused:
            self.resume()
        return True

    def fail(self, kind: Literal["refused", "connect_timeout"]) -> None:
        """Deliver that no connection was made."""
        self._end(kind)

    def pause(self) -> None:
        """Stop reading, so that the upstream is slowed down by a slow client."""
        self._paused = True
        if self._transport is not None and not self._over:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Continue reading."""
        self._paused = False
        if self._transport is not None and not self._over:
            self._transport.resume_reading()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request; also called when a connection is reused."""
        self._transport = cast("asyncio.Transport", transport)
        if self._over:
            self._transport.abort()
            return
        self._transport.write(self._request)
        self._request = b""
        if self._paused:
            self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Deliver the events of these bytes: the head, then the body, then the end."""
        if self._over:
            return
        self._stale = None
        kind = self._feed(data)
        events: list[Event] = []
        if self._head is not None:
            events.append(self._head)
            self._head = None
        if self._pieces:
            pieces = self._pieces
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._pieces = []
            if self._decoder is not None:
                body, kind = self._decoded(body, kind)
            if body:
                events.append(("data", body))
        if kind is not None:
            kind = self._judged(kind)
            self._finish(reuse=kind == "complete")
            events.append(("ended", kind))
        if events:
            self._deliver(events)

    def eof_received(self) -> None:
        """Judge a FIN by the framing."""
        whole = self._in_body and self._framing == "close"
        self._end("complete" if whole else "truncated")

    def connection_lost(self, exc: Exception | None) -> None:
        """Judge a broken connection; a FIN has been judged before."""
        if exc is None:
            self.eof_received()
        else:
            self._end("reset")

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Forget an informational answer; note bytes after a complete one."""
        self._headers = []
        self._surplus = self._surplus or self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; those after the body are trailers and are dropped."""
        if not self._in_body:
            # White space around a value does not belong to it (RFC 9112, section 5.1).
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Decide the framing of the body, unless this was informational."""
        status: int = self._parser.get_status_code()
        if self._head_bytes > _MAX_HEAD_BYTES:
            raise ValueError("a head that is too large")
        if status < 200:
            if status == 101:
                raise ValueError("an upgrade that nobody asked for")
            return
        if self._in_body:
            return
        headers = tuple(self._headers)
        names = {name.lower(): value for name, value in headers}
        coding = names.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise ValueError("an unknown transfer coding")
        self._in_body = True
        if self._no_body or status in _BODILESS:
            self._framing = "none"
            self._complete = True
        elif coding is not None:
            self._framing = "chunked"
        elif b"content-length" in names:
            self._framing = "length"
            self._remaining = int(names[b"content-length"])
            self._complete = self._remaining == 0
        self._reusable = self._parser.get_http_version() == "1.1" and not any(
            name.lower() == b"connection" and b"close" in value.lower()
            for name, value in headers
        )
        self._keep_s = _promised(names.get(b"keep-alive", b""))
        if self._decode and self._framing != "none":
            self._decoder = decoder_for(status, headers)
            if self._decoder is not None:
                headers = decoded_head(headers)
        self._head = ("head", status, headers)
        self._headers = []

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body; the pieces of one turn travel together."""
        if not self._complete:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Note the end of the transfer chunks."""
        if self._in_body and self._framing == "chunked":
            self._complete = True

    # Reading.

    def _feed(self, data: bytes) -> Ending | None:
        """Parse bytes, and return the ending of the answer if it ended."""
        try:
            while not self._in_body and data:
                data = self._feed_head(data)
            if data and self._in_body:
                self._feed_body(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # Bytes after a complete answer belong to nobody.
            self._surplus = True
            return "complete" if self._complete else "protocol_error"
        if self._complete:
            return "complete"
        if not self._in_body and self._head_bytes > _MAX_HEAD_BYTES:
            return "protocol_error"
        return None

    def _feed_head(self, data: bytes) -> bytes:
        """Parse up to the end of a head, and return the bytes after it.

        The parser does not say how far it has read, and the bytes after the head are
        read by the framing that the head names.
        """
        before = self._tail
        end = (before + data).find(_HEAD_END)
        cut = len(data) if end < 0 else end + len(_HEAD_END) - len(before)
        self._head_bytes += cut
        self._tail = b"" if end >= 0 else (before + data)[-3:]
        try:
            self._parser.feed_data(data[:cut])
        except httptools.HttpParserUpgrade:
            # An offer ("Upgrade: h2c") with a body that ends with the connection:
            # llhttp stops there, the body continues.
            if not self._in_body:
                raise
        return data[cut:]

    def _feed_body(self, data: bytes) -> None:
        if self._framing == "chunked":
            self._tail = (self._tail + data)[-5:] if len(data) < 5 else data[-5:]
            self._parser.feed_data(data)
            if self._complete and not _EXACT_END.search(self._tail):
                self._surplus = True
        elif self._framing == "length":
            body = data[: self._remaining]
            self._surplus = self._surplus or len(body) < len(data)
            self._remaining -= len(body)
            self._complete = self._remaining == 0
            if body:
                self._pieces.append(body)
        elif self._framing == "none":
            self._surplus = True
        else:
            self._pieces.append(data)

    def _decoded(self, body: bytes, kind: Ending | None) -> tuple[bytes, Ending | None]:
        assert self._decoder is not None  # noqa: S101 - the caller looked
        try:
            return self._decoder.feed(body), kind
        except DecodingError:
            return b"", "protocol_error"

    def _judged(self, kind: Ending) -> Ending:
        """Return the ending; it is a cut if the content coding is incomplete."""
        cut = self._decoder is not None and not self._decoder.whole
        return "truncated" if cut and kind == "complete" else kind

    # The end.

    def _end(self, kind: Ending) -> None:
        if self._over:
            return
        self._finish()
        if self._stale is None or not self._stale():
            self._deliver([("ended", self._judged(kind))])

    def _finish(self, *, reuse: bool = False) -> None:
        self._over = True
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if reuse and self._release is not None and self._exact(transport):
            if self._paused:
                transport.resume_reading()
            self._release(transport, self._keep_s)
        else:
            transport.abort()

    def _exact(self, transport: asyncio.Transport) -> bool:
        return (
            self._reusable
            and not self._surplus
            and self._framing in ("chunked", "length")
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )


def _promised(keep_alive: bytes) -> float | None:
    """Return the seconds of ``Keep-Alive: timeout=5``; None if there are none."""
    match = re.search(rb"timeout=([0-9]{1,6})", keep_alive)
    return float(match[1]) if match else None

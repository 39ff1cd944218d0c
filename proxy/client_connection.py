"""The connection of one client: requests in, one after another, answers out."""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

import httptools

from proxy.http.error_responses import LocalResponse, error_response
from proxy.http.headers import first_value
from proxy.http.response_framer import ResponseFramer, request_head
from proxy.http.routing import Request, TargetError, origin_form

if TYPE_CHECKING:
    from proxy.driver import Driver

__all__ = ["MAX_BODY_BYTES", "MAX_HEAD_BYTES", "ClientConnection"]

MAX_BODY_BYTES = 32 * 1024 * 1024
"""The largest request body; the limits of providers are similar."""

MAX_HEAD_BYTES = 64 * 1024
"""The largest request line and header section."""

_HEAD_TOO_LARGE = (431, "the request's head is too large")
_HOST = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=%:\[\]]*")
"""The characters of a host (RFC 3986, section 3.2.2)."""

_NOT_FORWARDED = frozenset({b"CONNECT", b"TRACE"})
"""This proxy opens no tunnels, and an echo shows credentials to scripts."""

_MAX_BACKLOG_BYTES = 64 * 1024
_WATCH_S = 0.05
_IDLE_S = 75.0
_LINGER_S = 2.0

MakeDriver = Callable[["ClientConnection", Request], "Driver"]
RespondLocally = Callable[[Request, "str | None"], "LocalResponse | None"]


class ClientConnection(asyncio.Protocol):
    """The connection of one client; ``answer`` drives the forwarded requests.

    Args:
        answer: Makes the driver for a request that may be forwarded.
        closed: Called when this connection is closed.
        write_limit_s: Seconds that a client may leave a full buffer unread.
        request_limit_s: Seconds from the first byte of a request to its last.
        respond: Answers requests for the proxy itself; it gets the peer's address.
        refused: Called with the status of every refusal.
    """

    __slots__ = (
        "_answer",
        "_backlog",
        "_begun",
        "_body",
        "_closed",
        "_closing",
        "_coming",
        "_deadline",
        "_dispatching",
        "_draining",
        "_driver",
        "_head_bytes",
        "_headers",
        "_in_head",
        "_parser",
        "_queue",
        "_refusal",
        "_refused",
        "_request_limit_s",
        "_respond",
        "_transport",
        "_url",
        "_write_limit_s",
    )

    def __init__(  # noqa: PLR0913 - all it touches is handed in
        self,
        answer: MakeDriver,
        closed: Callable[[ClientConnection], None],
        write_limit_s: float,
        *,
        request_limit_s: float = 60.0,
        respond: RespondLocally = lambda _request, _peer: None,
        refused: Callable[[int], None] = lambda _status: None,
    ) -> None:
        self._answer = answer
        self._closed = closed
        self._write_limit_s = write_limit_s
        self._request_limit_s = request_limit_s
        self._respond = respond
        self._refused = refused
        self._parser: httptools.HttpRequestParser | None = None
        self._transport: asyncio.Transport | None = None
        self._driver: Driver | None = None
        self._queue: list[Request] = []
        self._backlog = bytearray()
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._head_bytes = 0
        self._in_head = True
        self._refusal: tuple[int, str] | None = None
        self._dispatching = False
        self._closing = False
        self._draining = False
        self._deadline: asyncio.TimerHandle | None = None
        self._begun = False
        # Whether the deadline is that of a request that is arriving.
        self._coming = False

    # Called by the driver and the proxy.

    def write(self, data: bytes) -> None:
        """Send bytes now."""
        if self._transport is not None:
            self._transport.write(data)

    def finished(self, *, keep_alive: bool) -> None:
        """Take the next request, or flush and close."""
        self._driver = None
        if not keep_alive or self._draining:
            self._close()
            return
        self._coming = False
        self._arm(self._idle_s())
        if not self._dispatching:
            self._next()

    def close_when_idle(self) -> None:
        """Take no further request."""
        self._draining = True
        if self._driver is None:
            self._close()

    def stop(self) -> None:
        """Close now: an answer in progress is broken off."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.stop()
        self._close()

    def abort(self) -> None:
        """Close without sending what is still in the buffer."""
        if self._transport is not None:
            self._transport.abort()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, for a limited time."""
        self._transport = cast("asyncio.Transport", transport)
        self._arm(_IDLE_S)

    def data_received(self, data: bytes) -> None:
        """Parse requests; while an answer is in progress, keep the bytes for later."""
        if self._closing:
            return
        if self._driver is None:
            self._parse(data)
            self._next()
            return
        self._backlog += data
        if len(self._backlog) > _MAX_BACKLOG_BYTES and self._transport is not None:
            self._transport.pause_reading()
            self._watch()

    def eof_received(self) -> bool:
        """Take a FIN: the client has left."""
        self._gone("fin")
        # The rest is still flushed, for a limited time.
        self._arm(self._write_limit_s)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Free everything."""
        self._gone("rst" if exc is not None else "fin")
        self._transport = None
        self._disarm()
        self._closed(self)

    def pause_writing(self) -> None:
        """Let the driver stop reading the upstream, for a limited time."""
        self._arm(self._write_limit_s)
        if self._driver is not None:
            self._driver.client_blocked()

    def resume_writing(self) -> None:
        """Let the driver continue."""
        if self._driver is not None:
            self._disarm()
            self._driver.client_writable()
        elif not self._closing:
            self._coming = False
            self._await_request()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Start a request."""
        self._begun = True
        self._url = b""
        self._headers = []
        self._body = bytearray()
        self._in_head = True

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; trailers are dropped."""
        if self._in_head:
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Refuse what is too large; send ``100 Continue`` where asked."""
        self._in_head = False
        self._head_bytes = 0
        headers = tuple(self._headers)
        size = len(self._url) + sum(len(n) + len(v) + 4 for n, v in headers)
        if size > MAX_HEAD_BYTES:
            self._refuse(*_HEAD_TOO_LARGE)
        length = first_value(headers, b"content-length")
        if length is not None and int(length) > MAX_BODY_BYTES:
            self._refuse(413, "the request body is too large")
        codings = [v for n, v in headers if n.lower() == b"transfer-encoding"]
        if codings and not self._parser_is_11():
            self._refuse(400, "transfer coding is not for HTTP/1.0")
        if codings and b",".join(codings).strip().lower() != b"chunked":
            # Without its chunks a coded body would pass as a plain one.
            self._refuse(501, "no transfer coding but chunked is read here")
        if self._parser is not None and self._parser.should_upgrade():
            # Its head will be read again; see _feed.
            return
        expect = first_value(headers, b"expect") or b""
        if expect.lower() != b"100-continue" or not self._parser_is_11():
            return
        # Within a pipeline an earlier answer is first, and the client, which must not
        # wait indefinitely, sends its body without it (RFC 9110, section 10.1.1).
        if self._driver is None and not self._queue:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body."""
        self._body += data
        if len(self._body) > MAX_BODY_BYTES:
            self._refuse(413, "the request body is too large")

    def on_message_complete(self) -> None:
        """Queue the request."""
        self._begun = False
        assert self._parser is not None  # noqa: S101 - it calls this
        self._queue.append(
            Request(
                method=self._parser.get_method(),
                target=self._url,
                headers=tuple(self._headers),
                body=bytes(self._body),
                http_11=self._parser_is_11(),
                keep_alive=self._parser.should_keep_alive(),
            )
        )
        self._body = bytearray()
        self._headers = []
        self._in_head = True

    # Requests.

    def _parser_is_11(self) -> bool:
        return self._parser is not None and self._parser.get_http_version() == "1.1"

    def _refuse(self, status: int, message: str) -> None:
        self._refusal = (status, message)
        raise ValueError(message)

    def _await_request(self) -> None:
        """Limit the time to a request's first byte, or from there to its last.

        The latter is not prolonged by further bytes: a client that sends a byte now
        and then would keep its connection without a limit.
        """
        if not self._begun:
            self._coming = False
            self._arm(self._idle_s())
        elif not self._coming:
            self._coming = True
            self._arm(self._request_limit_s)

    def _parse(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            while data:
                data = self._feed(data)
        except httptools.HttpParserError:
            self._refusal = self._refusal or (400, "the request is not valid HTTP")
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refusal = self._refusal or _HEAD_TOO_LARGE

    def _feed(self, data: bytes) -> bytes:
        """Parse bytes, and return those to parse instead.

        After the head of an offer to upgrade, the parser takes everything for another
        protocol, even a body, as that of Java's HTTP client, which offers h2c with
        every first request. The proxy accepts no offer (RFC 9110, section 7.8), so the
        request is read again without it, as the connection's last.
        """
        assert self._parser is not None  # noqa: S101 - the caller made it
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            request = self._queue.pop()
            if request.method == b"CONNECT":
                # It is refused, and the rest would be in another protocol.
                self._draining = True
                self._queue.append(replace(request, keep_alive=False))
                return b""
            self._parser = httptools.HttpRequestParser(self)
            return _without_offer(request) + data[offer.args[0] :]
        return b""

    def _next(self) -> None:
        """Answer queued requests until one has to wait for the upstream."""
        self._dispatching = True
        try:
            while self._driver is None and not self._closing:
                if self._queue:
                    self._dispatch(self._queue.pop(0))
                elif self._refusal is not None:
                    self._send_refusal(None, error_response(*self._refusal))
                elif self._backlog:
                    data = bytes(self._backlog)
                    self._backlog.clear()
                    if self._transport is not None:
                        self._transport.resume_reading()
                    self._parse(data)
                else:
                    self._await_request()
                    break
        finally:
            self._dispatching = False

    def _dispatch(self, request: Request) -> None:
        if request.method in _NOT_FORWARDED:
            self._send_refusal(
                request, error_response(405, "this method is not forwarded")
            )
            return
        hosts = [value for name, value in request.headers if name.lower() == b"host"]
        lacks = request.http_11 and not hosts
        if lacks or len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)):
            self._send_refusal(
                request, error_response(400, "the request must name one host")
            )
            return
        own = self._respond(request, self._peer())
        if own is not None:
            self._send_local(request, own)
            return
        try:
            target = origin_form(request.target)
        except TargetError as error:
            self._send_refusal(request, error_response(error.status, str(error)))
            return
        if target != request.target:
            request = replace(request, target=target)
        self._disarm()
        self._coming = False
        if not self._begun and not self._queue:
            # Nothing is parsed while an answer is in progress, which may take hours.
            self._parser = None
        self._driver = driver = self._answer(self, request)
        driver.start(("request", request.method, target, request.headers, request.body))

    def _peer(self) -> str | None:
        if self._transport is None:
            return None
        name = self._transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else None

    # Answers of our own, and the end of the connection.

    def _send_refusal(self, request: Request | None, response: LocalResponse) -> None:
        self._refused(response.status)
        self._send_local(request, response)

    def _send_local(self, request: Request | None, response: LocalResponse) -> None:
        """Send an answer of our own; without a request, hang up after it."""
        framer = ResponseFramer(
            method=request.method if request else b"",
            http_11=request.http_11 if request else True,
            keep_alive=request.keep_alive if request else False,
            architecture="none",
        )
        head = framer.head(response.status, response.headers)
        self.write(head + framer.body(response.body) + framer.end())
        if request is None:
            self._linger()
        elif not framer.keep_alive or self._draining:
            self._close()

    def _linger(self) -> None:
        """Hang up, but continue reading: unread bytes would turn the FIN into a RST.

        The RST can overtake the answer, and the client would never see why it was
        refused (RFC 9112, section 9.6).
        """
        self._closing = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
            self._arm(_LINGER_S)

    def _close(self) -> None:
        """Flush, then close."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()
            self._arm(self._write_limit_s)

    def _gone(self, how: Literal["fin", "rst"]) -> None:
        self._closing = True
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.client_gone(how)

    def _watch(self) -> None:
        """Poll for a FIN behind unread bytes, while nothing is read.

        Only Linux reports it (``POLLRDHUP``), and only if the unread bytes leave room
        for it in the receive window; otherwise a client that left is noticed when
        writing to it fails.
        """
        full = len(self._backlog) > _MAX_BACKLOG_BYTES
        if self._driver is None or self._transport is None or not full:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is None or not hasattr(select, "POLLRDHUP"):
            return
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLRDHUP)
        if poll.poll(0):
            self._gone("fin")
            self.abort()
            return
        asyncio.get_running_loop().call_later(_WATCH_S, self._watch)

    def _idle_s(self) -> float:
        """Limit the time to the next request; longer if an answer is still unread.

        Its end may be in our buffer, and would be cut off with the connection.
        """
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size():
            return max(_IDLE_S, self._write_limit_s)
        return _IDLE_S

    def _arm(self, delay_s: float) -> None:
        self._disarm()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(delay_s, self._expired)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expired(self) -> None:
        """Close a connection that was idle, unread or half closed for too long.

        A client whose request did not arrive whole in time gets a 408.
        """
        if self._coming and self._driver is None and not self._closing:
            self._send_refusal(
                None, error_response(408, "the request did not come in time")
            )
            return
        self._gone("rst")
        self.abort()


def _without_offer(request: Request) -> bytes:
    """Return a request's head without ``Upgrade``, with ``Connection: close``."""
    headers = [line for line in request.headers if line[0].lower() != b"upgrade"]
    headers.append((b"connection", b"close"))
    head = request_head(request.method, request.target, tuple(headers))
    return head if request.http_11 else head.replace(b"HTTP/1.1", b"HTTP/1.0", 1)

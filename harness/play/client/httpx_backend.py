"""The one module that knows httpx: it writes requests as the clients of users do.

httpx writes the request and reads the head of the answer, over a network backend that
is a `StampedConnection`. The answer is not taken from it: how it was framed and how it
ended is judged from the bytes that the connection stamped.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import httpx

from harness.cassette.model import Request
from harness.errors import InputError
from harness.play.client.connect import connect, start_tls
from harness.play.client.kept_connection import KeptConnection
from harness.play.client.stamped_connection import StampedConnection

__all__ = ["PER_CONNECTION", "refusal", "send_request"]

PER_CONNECTION = frozenset(
    {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
)
"""Headers of one connection, in lower case; this one gets those that it needs."""


async def send_request(
    url: str,
    request: Request,
    connection: StampedConnection,
    kept: KeptConnection | None,
) -> None:
    """Send a request and read the head of its answer.

    Args:
        url: Base URL of the server; the request's path is appended.
        request: What is sent.
        connection: Connects, sends, and stamps what it reads.
        kept: The connection to use again, if it holds one; None: a new one.

    Raises:
        Exception: Whatever httpx finds wrong; see `refusal`.
    """
    base = httpx.URL(url)
    target = base.raw_path.rstrip(b"/") + request.path.encode("latin-1")
    message = httpx.Request(
        request.method,
        base,
        headers=[
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers
        ],
        content=request.body or None,
        extensions={"target": target},
    )
    # No proxy or credentials from the environment: they would change the request.
    async with httpx.AsyncClient(
        transport=_Transport(connection, kept), trust_env=False
    ) as client:
        response = await client.send(message, stream=True)
        connection.stop_buffering()
        await response.aclose()


def refusal(error: BaseException | None) -> str | None:
    """Return why no connection was made, or None where one was.

    What httpx finds wrong with an answer is ignored: the stamped bytes are judged.

    Args:
        error: What `send_request` raised; None: nothing so far.

    Raises:
        InputError: The URL or the request cannot be sent.
    """
    if isinstance(error, httpcore.ConnectError):
        return str(error)
    if error is None or isinstance(
        error, httpcore.RemoteProtocolError | httpcore.NetworkError
    ):
        return None
    raise InputError(f"the request cannot be sent: {error}") from error


class _Transport(httpx.AsyncBaseTransport):
    """Sends a request of httpx on a stamped connection."""

    def __init__(
        self, connection: StampedConnection, kept: KeptConnection | None
    ) -> None:
        backend = _Backend(connection, kept)
        self._pool = httpcore.AsyncConnectionPool(network_backend=backend)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The rest of the answer, which nobody reads through httpx."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


class _Backend(httpcore.AsyncNetworkBackend):
    """Connects one stamped connection, once."""

    def __init__(
        self, connection: StampedConnection, kept: KeptConnection | None
    ) -> None:
        self._connection = connection
        self._kept = kept

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature; `fetch` has the deadline
        local_address: str | None = None,  # noqa: ARG002 - as above
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.AsyncNetworkStream:
        try:
            await connect(self._connection, host, port, self._kept)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return _Stream(self._connection)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A stamped connection behind the interface of httpcore."""

    def __init__(self, connection: StampedConnection) -> None:
        self._connection = connection

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - as above
        try:
            return await self._connection.read(max_bytes)
        except ConnectionResetError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - as above
        if not buffer:
            return
        try:
            await self._connection.send(buffer)
        except BrokenPipeError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Leave the connection open: its answer is not over yet."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - as above
    ) -> httpcore.AsyncNetworkStream:
        try:
            await start_tls(self._connection, ssl_context, server_hostname)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return self

    def get_extra_info(self, info: str) -> Any:
        transport = self._connection.transport
        if info == "ssl_object" and transport is not None:
            return transport.get_extra_info("ssl_object")
        return None

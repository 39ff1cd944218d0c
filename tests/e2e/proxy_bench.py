"""A proxy in this process between a raw upstream and raw clients.

Shared by the tests of the proxy on the wire: exact bytes, exact endings.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import h11

from proxy.http.origin import Origin
from proxy.rollout.config import (
    DEFAULT_LIMITS,
    ConnectionLimits,
    ListenAddress,
    LiveSettings,
)
from proxy.server import Proxy

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
CLOSE_DELIMITED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
TERMINATOR = b"0\r\n\r\n"
FIN, RST, HOLD = "fin", "rst", "hold"
ALL = {"NEW_STREAMING_ROLLOUT_PERCENTAGE": "100"}


class Pipe:
    """A relay that forwards everything."""

    def __init__(self, *_: object) -> None:
        self.headed = False

    def handle(self, _now_ns: int, event: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        match event:
            case ("request", *_):
                return [("connect", 1)]
            case ("head", status, headers):
                self.headed = True
                kept = [h for h in headers if h[0].lower() != b"connection"]
                return [("send_head", status, tuple(kept))]
            case ("data", data):
                return [("send", data)]
            case ("ended", "complete"):
                return [("end",)]
            case ("ended", kind) if not self.headed:
                head = ("send_head", 502, ((b"x-kind", kind.encode()),))
                return [head, ("send", kind.encode()), ("end",)]
            case ("ended", _):
                return [("abort",)]
        return []


def chunk(data: bytes) -> bytes:
    """Return the data as one transfer chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a RST."""
    sock = writer.get_extra_info("socket")
    linger = struct.pack("ii", 1, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    match = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(match[1]) if match else 0)


class Upstream:
    """Plays one script for each request, and sees when the proxy closes it.

    Attributes:
        closed: Set when the proxy closed a connection on which a script waited.
        freed: Set when a script reached its end, or could not write any more.
        open: Number of connections on which a script is in progress.
    """

    def __init__(self, *scripts: list[Any]) -> None:
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self.written = 0
        self.again: dict[asyncio.StreamWriter, bytes] = {}
        self.writers: list[asyncio.StreamWriter] = []
        self.closed = asyncio.Event()
        self.freed = asyncio.Event()
        self.open = 0
        self.asked = asyncio.Event()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.writers.append(writer)
        self.open += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.requests.append(await read_message(reader))
            while True:
                self.asked.set()
                more = len(self.scripts) > 1
                script = self.scripts.pop(0) if more else self.scripts[0]
                for step in script:
                    await self.play(step, reader, writer)
                if script[-1:] != [HOLD] or writer not in self.again:
                    break
                self.requests.append(
                    self.again.pop(writer) + await read_message(reader)
                )
        self.open -= 1
        self.freed.set()
        writer.close()

    async def play(
        self, step: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
            self.written += len(step)
        elif isinstance(step, float):
            await asyncio.sleep(step)
        elif step == RST:
            # Sent bytes must be read before the RST can discard them.
            await asyncio.sleep(0.05)
            reset(writer)
        elif step == HOLD:
            # Until the proxy closes the connection, or uses it again.
            if data := await reader.read(1):
                self.again[writer] = data
            else:
                self.closed.set()
        elif step == FIN:
            writer.close()


TICK_S, ROUNDING_S = 0.005, 0.002


class Stopwatch:
    """A stopwatch that leaves out the time in which the machine ran other processes.

    While it runs, a task sleeps again and again. What a sleep takes longer than it
    should, without this thread using the processor, is the lag of the machine.
    """

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._began_s = self._tick_s = self._used_s = self._lag_s = 0.0

    async def __aenter__(self) -> Self:
        self._began_s = time.monotonic()
        self._start_tick()
        self._task = asyncio.ensure_future(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end_tick()
        self._seconds = time.monotonic() - self._began_s - self._lag_s
        if self._task is not None:
            self._task.cancel()

    @property
    def seconds(self) -> float:
        """The time between entry and exit."""
        assert self._seconds is not None
        return self._seconds

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._end_tick()
            self._start_tick()

    def _start_tick(self) -> None:
        self._tick_s, self._used_s = time.monotonic(), time.thread_time()

    def _end_tick(self) -> None:
        took_s = time.monotonic() - self._tick_s
        used_s = time.thread_time() - self._used_s
        self._lag_s += max(0.0, took_s - used_s - TICK_S - ROUNDING_S)


class Bench:
    """A proxy in front of an upstream, and raw clients."""

    def __init__(self, url: str, proxy: Proxy) -> None:
        self.url = url
        self.proxy = proxy
        self.port = int(url.rpartition(":")[2])

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, request: bytes) -> tuple[bytes, str]:
        """Send, then read to the end; return the bytes and the kind of end."""
        reader, writer = await self.open()
        writer.write(request)
        received = b""
        try:
            while data := await asyncio.wait_for(reader.read(65536), 5):
                received += data
        except ConnectionResetError:
            return received, RST
        finally:
            writer.close()
        return received, FIN


def post(body: dict[str, Any], *, version: str = "1.1", extra: str = "") -> bytes:
    """Return a request with a JSON body."""
    payload = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/{version}\r\nHost: proxy\r\n"
        f"Content-Length: {len(payload)}\r\n{extra}\r\n"
    )
    return head.encode() + payload


STREAM = {"model": "m", "stream": True}
ONCE = "Connection: close\r\n"


def bench(
    scripts: list[list[Any]],
    scene: Callable[[Bench, Upstream], Awaitable[None]],
    *,
    environ: Mapping[str, str] = ALL,
    relay: Any = Pipe,
    upstream_url: str | None = None,
    settings: Path | None = None,
    limits: ConnectionLimits = DEFAULT_LIMITS,
    tls: ssl.SSLContext | None = None,
    server_tls: ssl.SSLContext | None = None,
) -> None:
    """Run a scene against a proxy in this process.

    Args:
        scripts: What the upstream plays for one request after another.
        scene: What clients do.
        environ: The proxy's variables.
        relay: A factory for both architectures, or one for each by name.
        upstream_url: Where the proxy connects, if not to the upstream of the scripts.
        settings: The proxy's settings file.
        limits: What the proxy's sockets may take.
        tls: How the proxy checks the upstream's certificate.
        server_tls: With what the upstream speaks TLS.
    """

    async def run() -> None:
        upstream = Upstream(*scripts)
        server = await asyncio.start_server(
            upstream.serve, "127.0.0.1", 0, ssl=server_tls
        )
        port = server.sockets[0].getsockname()[1]
        scheme = "https" if server_tls else "http"
        proxy = Proxy(
            origin=Origin.parse(upstream_url or f"{scheme}://127.0.0.1:{port}"),
            live=LiveSettings(environ, None, settings),
            architectures=(
                relay if isinstance(relay, dict) else {"v1": relay, "v2": relay}
            ),
            logger=logging.getLogger("proxy"),
            limits=limits,
            tls=tls,
        )
        url = await proxy.start(ListenAddress(host="127.0.0.1", port=0))
        try:
            async with asyncio.timeout(20):
                await scene(Bench(url, proxy), upstream)
        finally:
            await proxy.stop(0)
            server.close()
            for writer in upstream.writers:
                writer.transport.abort()
            await asyncio.sleep(0.02)

    asyncio.run(run())


def exchange(scripts: list[list[Any]], request: bytes, **kw: Any) -> tuple[bytes, str]:
    """Return what one request brings, and how the connection ended."""
    result: list[tuple[bytes, str]] = []

    async def scene(bench: Bench, _: Upstream) -> None:
        result.append(await bench.ask(request))

    bench(scripts, scene, **kw)
    return result[0]


def split(answer: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of the head, and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def referee(answer: bytes, *, eof: bool = True) -> list[Any]:
    """Let h11 read the answer; it raises where the framing is wrong."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "p")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    if eof:
        connection.receive_data(b"")
    events = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return events
        events.append(event)
        if isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            return events


def text(events: list[Any]) -> bytes:
    """Return the body that was read."""
    return b"".join(bytes(e.data) for e in events if isinstance(e, h11.Data))


SSE = [b'data: {"a": 1}\n\n', b"data: [DONE]\n\n"]

"""The model server of a bench, in a separate process, so that its cost is its own.

``python -m harness.bench.generator [HOST:PORT]`` prints ``listening on http://…`` and
then takes one line of JSON at a time from its standard input, ``{"events": n, "rate":
r}``, for the requests after it. It ends with its input.

An event is one send and one transfer chunk. At a pace, the streams of a load are spread
over the gap between two events, as if they had begun at different times.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from typing import cast

from harness.bench.workload import DONE, FINISH, event
from harness.play.upstream.requests import ReceivedRequest, RequestReader
from harness.sse import EVENT_STREAM

__all__ = ["Generator", "main"]

_HEAD = (
    f"HTTP/1.1 200 OK\r\ncontent-type: {EVENT_STREAM}; charset=utf-8\r\n"
    "transfer-encoding: chunked\r\n\r\n"
).encode()
_BURST = 16
"""Events that an unpaced stream sends before the next one has its turn."""

_GOLDEN_RATIO = 0.6180339887
"""Its multiples, modulo 1, are spread evenly from 0 to 1, however many there are."""


class Generator:
    """What all connections share.

    Attributes:
        events: Text deltas of a stream.
        rate: Events per second; 0: as fast as they are taken.
    """

    def __init__(self) -> None:
        self.events = 100
        self.rate = 0.0
        self._streams = 0

    def configure(self, line: str) -> None:
        """Read a line of the standard input."""
        said = json.loads(line)
        self.events = int(said["events"])
        self.rate = float(said["rate"])
        self._streams = 0

    def phase(self) -> float:
        """Return the start of the next stream within a gap, 0 to 1."""
        self._streams += 1
        return self._streams * _GOLDEN_RATIO % 1.0


class _Connection(asyncio.Protocol):
    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._next = 0
        self._count = 0
        self._paused = False
        self._waiting = False
        self._due_s = 0.0
        self._gap_s = 0.0
        self._keep_alive = True
        self._reader = RequestReader(
            clock=time.monotonic_ns,
            on_request=self._answer,
            on_continue=lambda: None,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        with contextlib.suppress(ValueError):
            self._reader.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._transport = None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._waiting:
            self._waiting = False
            self._step()

    def _answer(self, request: ReceivedRequest) -> None:
        generator = self._generator
        self._keep_alive = request.keep_alive
        self._next, self._count = 0, generator.events
        self._gap_s = 1 / generator.rate if generator.rate else 0.0
        if self._transport is None:
            return
        self._transport.write(_HEAD)
        self._due_s = self._loop.time() + self._gap_s * generator.phase()
        self._loop.call_at(self._due_s, self._step)

    def _step(self) -> None:
        if self._transport is None:
            return
        if self._paused:
            self._waiting = True
            return
        if self._gap_s:
            self._send_one()
            self._due_s += self._gap_s
            if self._next < self._count:
                self._loop.call_at(self._due_s, self._step)
        else:
            for _ in range(_BURST):
                if self._next >= self._count or self._paused:
                    break
                self._send_one()
            if self._next < self._count:
                self._loop.call_soon(self._step)
        if self._next >= self._count:
            self._finish()

    def _send_one(self) -> None:
        data = event(self._next, time.monotonic_ns())
        self._next += 1
        if self._transport is not None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _finish(self) -> None:
        if self._transport is None:
            return
        last = FINISH + DONE
        self._transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last))
        if not self._keep_alive:
            self._transport.close()


async def _serve(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    generator = Generator()
    server = await loop.create_server(
        lambda: _Connection(generator), host, port, backlog=1024
    )
    where = server.sockets[0].getsockname()
    print(f"listening on http://{where[0]}:{where[1]}", flush=True)  # noqa: T201 - shows readiness
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        generator.configure(line.decode())
        print("ready", flush=True)  # noqa: T201 - the line was read
    server.close()


def main() -> None:
    """Serve until the standard input ends."""
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:0").rpartition(
        ":"
    )
    asyncio.run(_serve(host, int(port)))


if __name__ == "__main__":
    main()

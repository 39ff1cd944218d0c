"""A client that knows nothing of the harness: a socket, a clock, and RFC 9112 by hand.

What it reads is what was on the wire. Nothing here is shared with what wrote it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from dataclasses import dataclass, field

REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: u\r\nx-harness-stream: %s\r\n"
    b"connection: %s\r\ncontent-length: 2\r\n\r\n{}"
)


class RawSocket(asyncio.Protocol):
    """Keeps every read with its time, and how the connection ended."""

    def __init__(self) -> None:
        self.reads: list[tuple[int, bytes]] = []
        self.end: str | None = None
        self.end_ns = 0
        self.over = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.reads.append((time.monotonic_ns(), data))

    def eof_received(self):
        self._ended("fin")
        return True  # the other direction stays open: what follows is seen as well

    def connection_lost(self, exc):
        self._ended("rst" if isinstance(exc, ConnectionError) else "closed")

    def _ended(self, how):
        if self.end is None:
            self.end, self.end_ns = how, time.monotonic_ns()
        elif how == "rst" and self.end == "fin":
            self.end = "fin, then rst"
        self.over.set()


@dataclass
class Seen:
    """One connection, as it was seen from outside; times in milliseconds."""

    zero_ns: int
    reads: list[tuple[int, bytes]]
    end: str  # fin, rst, or open at the deadline
    end_ms: float
    wire: bytes = b""
    head: list[bytes] = field(default_factory=list)
    body: bytes = b""
    chunks: list[tuple[bytes, bytes]] = field(default_factory=list)  # size line, data
    bad_line: bytes | None = None  # what stands where a chunk size should
    short: int = 0  # bytes that the last chunk promised and that did not come
    trailers: list[bytes] = field(default_factory=list)
    terminated: bool = False
    tail: bytes = b""  # behind the end of a chunked answer

    def __post_init__(self) -> None:
        self.wire = b"".join(data for _, data in self.reads)
        if b"\r\n\r\n" not in self.wire:
            return
        head, _, rest = self.wire.partition(b"\r\n\r\n")
        self.head = head.split(b"\r\n")
        self.body_start = len(head) + 4
        if any(line.lower() == b"transfer-encoding: chunked" for line in self.head):
            self._read_chunks(rest)
        else:
            self.body = rest

    def _read_chunks(self, rest: bytes) -> None:
        while True:
            line, found, after = rest.partition(b"\r\n")
            if not found:
                self.tail = rest
                return
            size = re.fullmatch(rb"([0-9a-f]+)(;.*)?", line)
            if size is None:
                self.bad_line, self.tail = line, after
                return
            length = int(size[1], 16)
            if length == 0:
                while not after.startswith(b"\r\n"):
                    trailer, found, after = after.partition(b"\r\n")
                    if not found:
                        return
                    self.trailers.append(trailer)
                self.terminated, self.tail = True, after[2:]
                return
            data = after[:length]
            self.chunks.append((line, data))
            self.body += data
            self.short = length - len(data)
            if after[length : length + 2] != b"\r\n":
                self.tail = after[length:]
                return
            rest = after[length + 2 :]

    def header(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        start = name.lower() + b":"
        lines = [line for line in self.head if line.lower().startswith(start)]
        return [line.partition(b":")[2].strip() for line in lines]

    def ms(self, data: bytes) -> float:
        """When the read came that completed the first occurrence of these bytes."""
        end = self.wire.index(data) + len(data)
        total = 0
        for at_ns, read in self.reads:
            total += len(read)
            if total >= end:
                return (at_ns - self.zero_ns) / 1e6
        raise AssertionError(data)

    @property
    def sizes(self) -> list[int]:
        """The sizes of the transfer chunks."""
        return [len(data) for _, data in self.chunks]


@dataclass
class Asked:
    """How a case asks: several requests may follow on one connection."""

    keep: bool = False  # does the request allow another one?
    open_ms: float = 0.0  # how long what stays open is watched; 0: until it ends
    requests: int = 1
    pause_ms: float = 0.0  # between two requests on the connection
    poke: bool = False  # write a byte behind the upstream's FIN
    quick_ack: bool = True  # False: acknowledge late, as the kernel may


async def ask(port: int, token: str, asked: Asked, deadline_s: float) -> list[Seen]:
    """Ask over one connection; one `Seen` for every request."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    raw = RawSocket()
    await loop.create_connection(lambda: raw, sock=sock)
    seen = []
    try:
        for number in range(asked.requests):
            raw.reads = []
            zero_ns = time.monotonic_ns()
            how = b"keep-alive" if asked.keep else b"close"
            raw.transport.write(REQUEST % (token.encode(), how))
            if not asked.quick_ack:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            await _wait(raw, asked, deadline_s, last=number + 1 == asked.requests)
            end = "open" if raw.end is None else raw.end
            end_ms = (raw.end_ns - zero_ns) / 1e6 if raw.end else 0.0
            seen.append(Seen(zero_ns, list(raw.reads), end, end_ms))
            await asyncio.sleep(asked.pause_ms / 1000)
        if asked.poke:
            for _ in range(3):  # a closed peer answers the first with a reset
                raw.transport.write(b"x")
                await asyncio.sleep(0.05)
            seen[-1].end = raw.end or "open"
    finally:
        if sock.fileno() >= 0:  # a reset has closed it
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raw.transport.abort()
        await asyncio.sleep(0)
    return seen


async def _wait(raw: RawSocket, asked: Asked, deadline_s: float, *, last: bool) -> None:
    """Wait for the end, or for the time that an open connection is watched."""
    limit_s = deadline_s if last and not asked.open_ms else asked.open_ms / 1000
    try:
        async with asyncio.timeout(limit_s):
            await raw.over.wait()
    except TimeoutError:
        return

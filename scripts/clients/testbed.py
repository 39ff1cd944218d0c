"""Plays every shape through every way with an upstream, proxies and readers."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from harness.config import Target, read_config
from harness.play.target.process import running_target
from harness.play.upstream.server import Upstream
from scripts.clients.python_sdks import PythonClient
from scripts.clients.reading import TIMEOUT, Reading
from scripts.clients.shapes import Shape

__all__ = [
    "DIRECTLY",
    "PATIENCE_S",
    "WAYS",
    "Reader",
    "Readings",
    "Testbed",
    "read_all",
    "start_testbed",
    "with_threads",
]

DIRECTLY = "directly"
WAYS = (DIRECTLY, "v1", "v2")

Reader = Callable[[Sequence[tuple[str, str]]], Awaitable[list[Reading]]]
"""Reads the streams of base URLs and tokens, and returns a reading of each."""

Readings = Mapping[str, Mapping[str, Reading]]
"""By shape, then by way."""

PATIENCE_S = 1.2
"""Time that a proxy waits for its upstream, and retries: shorter than the client waits,
so an error still reaches it."""

_ROOT = Path(__file__).parents[2]
_AT_ONCE = 16
_ENVIRONMENT = {
    # Most of these streams fail by design, and must not open the circuit for others.
    "STREAMING_MAX_ERRORS": "1000000",
    "STREAMING_FIRST_BYTE_TIMEOUT_SECONDS": str(PATIENCE_S),
    "STREAMING_IDLE_TIMEOUT_SECONDS": str(PATIENCE_S),
    "STREAMING_RETRY_MAX_SECONDS": str(PATIENCE_S),
}


class Testbed:
    """An upstream with the ways that lead to it.

    Attributes:
        upstream: Plays the shapes.
        urls: Base URLs for clients, by way.
    """

    def __init__(self, upstream: Upstream, urls: Mapping[str, str]) -> None:
        self.upstream = upstream
        self.urls = urls


@asynccontextmanager
async def start_testbed(ways: Sequence[str] = WAYS) -> AsyncIterator[Testbed]:
    """Start one upstream, and in front of it a process for each architecture.

    Args:
        ways: `DIRECTLY`, and names of targets of ``harness.yaml``.

    Raises:
        HarnessError: A proxy does not start.
    """
    targets = read_config(_ROOT / "harness.yaml").targets
    async with Upstream(clock=time.monotonic_ns) as upstream, AsyncExitStack() as stack:
        urls = {DIRECTLY: upstream.url}
        for way in ways:
            if way != DIRECTLY:
                target = _with_short_timeouts(targets[way])
                started = await stack.enter_async_context(
                    running_target(target, upstream.url)
                )
                urls[way] = started.url
        yield Testbed(upstream, urls)


async def read_all(
    bed: Testbed,
    shapes: Sequence[Shape],
    reader: Reader,
    ways: Sequence[str] = WAYS,
) -> Readings:
    """Let one SDK read every shape through every way.

    If it gives up on a shape on which no client of the table does, it reads that once
    more: on a busy machine the time limit may pass although nothing is wrong. A real
    hang hangs again.

    Args:
        bed: Upstream and proxies.
        shapes: Each is read by every way.
        reader: Reads with the SDK.
        ways: Names of the ways.
    """
    jobs = [(shape, way) for shape in shapes for way in ways]
    got = await _read(bed, jobs, reader)
    again = [
        place
        for place, (shape, _) in enumerate(jobs)
        if got[place].error == TIMEOUT and not shape.hangs
    ]
    if again:
        once_more = await _read(bed, [jobs[place] for place in again], reader)
        for place, reading in zip(again, once_more, strict=True):
            got[place] = reading
    readings: dict[str, dict[str, Reading]] = {shape.name: {} for shape in shapes}
    for (shape, way), reading in zip(jobs, got, strict=True):
        readings[shape.name][way] = reading
    return readings


async def _read(
    bed: Testbed, jobs: Sequence[tuple[Shape, str]], reader: Reader
) -> list[Reading]:
    tokens = [f"clients-{secrets.token_hex(12)}" for _ in jobs]
    with ExitStack() as stack:
        slots = [
            bed.upstream.expect(token, shape.script)
            for token, (shape, _) in zip(tokens, jobs, strict=True)
        ]
        for slot in slots:
            stack.callback(slot.close)
        urls = [bed.urls[way] for _, way in jobs]
        got = await reader(list(zip(urls, tokens, strict=True)))
        return [
            replace(reading, requests=slot.attempts)
            for reading, slot in zip(got, slots, strict=True)
        ]


def with_threads(connect: Callable[[str], PythonClient]) -> Reader:
    """Return a reader that shares one client of each base URL among threads.

    Args:
        connect: Makes a client of a base URL.
    """

    async def read(jobs: Sequence[tuple[str, str]]) -> list[Reading]:
        clients = {url: connect(url) for url in {url for url, _ in jobs}}
        loop = asyncio.get_running_loop()
        try:
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                started = [
                    loop.run_in_executor(threads, clients[url].read, token)
                    for url, token in jobs
                ]
                return list(await asyncio.gather(*started))
        finally:
            for client in clients.values():
                client.close()

    return read


def _with_short_timeouts(target: Target) -> Target:
    return replace(target, env={**target.env, **_ENVIRONMENT})

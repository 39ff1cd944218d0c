"""Readiness probes: whether a target serves yet, and where."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from harness.cassette.model import Request
from harness.config import Ready
from harness.judge.evidence.observation import ClientEnd
from harness.play.client.fetch import fetch
from harness.play.target.output import TargetOutput

__all__ = ["Probe", "http_probe", "make_probe", "output_probe", "tcp_probe"]

Probe = Callable[[], Awaitable[str | None]]
"""Returns the target's URL once it serves, None while it does not."""

_PROBE_S = 2.0


def make_probe(ready: Ready | None, url: str | None, output: TargetOutput) -> Probe:
    """Return the probe that a target's configuration asks for.

    Args:
        ready: How readiness is seen; None: the target accepts connections.
        url: Where it listens, if that is known.
        output: Output of the target.

    Raises:
        ValueError: Neither says where it listens.
    """
    if ready is not None and ready.stdout is not None:
        return output_probe(output, ready.stdout, url)
    if url is None:
        raise ValueError("a target needs a URL, or output with its URL")
    if ready is not None and ready.http is not None:
        return http_probe(url, ready.http)
    return tcp_probe(url)


def output_probe(output: TargetOutput, pattern: str, url: str | None) -> Probe:
    """Return a probe for a line of output, whose group ``url`` overrides ``url``."""
    line_pattern = re.compile(pattern)

    async def probe() -> str | None:
        for line in output.since():
            match = line_pattern.search(line)
            if match is not None:
                found = match.groupdict().get("url") or url
                return None if found is None else found.rstrip("/")
        return None

    return probe


def http_probe(url: str, path: str) -> Probe:
    """Return a probe for an HTTP status below 400."""
    request = Request(method="GET", path=path, headers=(), body=b"")

    async def probe() -> str | None:
        exchange = await fetch(url, request, deadline_s=_PROBE_S)
        if exchange.end is not ClientEnd.COMPLETE or exchange.status is None:
            return None
        return url if exchange.status < 400 else None

    return probe


def tcp_probe(url: str) -> Probe:
    """Return a probe for a connection that is accepted."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)

    async def probe() -> str | None:
        try:
            async with asyncio.timeout(_PROBE_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, TimeoutError):
            return None
        writer.close()
        return url

    return probe

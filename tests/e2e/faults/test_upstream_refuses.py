"""A port that is closed, as of a server that is down, and open again after."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.faults.registry import FaultCall
from harness.play.upstream.server import Upstream
from tests.e2e.faults.raw import Asked, ask
from tests.e2e.faults.stage import script, wire_of
from tests.e2e.faults.stream import TEXT

pytestmark = pytest.mark.e2e

REFUSE = FaultCall(name="close_before_head", parameters={"how": "refuse"})


async def connects(port: int) -> bool:
    """Whether a connection comes about."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def test_a_port_is_closed_and_opened_again():
    """Nobody gets in meanwhile, on a kept connection neither; then all do."""

    async def main():
        async with asyncio.timeout(10), Upstream() as upstream:
            port = int(upstream.url.rpartition(":")[2])
            upstream.expect("t1", script(wire_of(TEXT, ())))
            kept = asyncio.ensure_future(
                ask(port, "t1", Asked(keep=True, open_ms=5000), 5)
            )
            await asyncio.sleep(0.4)
            assert await connects(port)
            async with upstream.refusing():
                assert [await connects(port) for _ in range(3)] == [False] * 3
                (seen,) = await kept
            assert (seen.terminated, seen.end) == (True, "fin")
            assert await connects(port)
            started = time.monotonic()
            async with upstream.refusing(for_s=0.2):
                assert not await connects(port)
                await asyncio.sleep(0.1)
                assert time.monotonic() - started > 0.2 or not await connects(port)
                await asyncio.sleep(0.3)
                assert await connects(port)
            assert await connects(port)

    asyncio.run(main())

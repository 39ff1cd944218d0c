"""A port that is closed, as of a server that is down, and open again after."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace

import pytest

from harness.cassette.model import Request
from harness.config import Proof, Ready, Target
from harness.faults.registry import FaultCall
from harness.judge.observation import ClientEnd
from harness.judge.oracle import Contract
from harness.play.live import live_target
from harness.play.upstream import Upstream
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


def test_a_target_whose_upstream_refuses_answers_502():
    """No request is seen, which is no lack of proof; streams beside it pass."""
    target = Target(
        name="v2",
        command=(
            sys.executable,
            *("-m", "proxy", "--listen", "127.0.0.1:0", "--upstream", "{upstream}"),
        ),
        env={"ENABLE_NEW_STREAMING_ARCHITECTURE": "true"},
        ready=Ready(stdout=r"listening on (?P<url>http://\S+)"),
        proof=Proof(header=("x-streaming-architecture", "v2")),
        contract=Contract.REPAIRING,
    )
    body = b'{"model":"m","stream":true,"messages":[]}'
    asked = Request(method="POST", path="/v1/chat/completions", headers=(), body=body)
    refused = replace(script(wire_of(TEXT, (REFUSE,))), request=asked)
    plain = replace(script(wire_of(TEXT, ())), request=asked)
    later = replace(refused, attempts=(*refused.attempts, *plain.attempts))

    async def main():
        async with asyncio.timeout(60), live_target(target, time.monotonic_ns) as live:
            return await asyncio.gather(
                *(live.play(one) for one in (plain, refused, plain, later, plain))
            )

    first, gone, second, retried, third = asyncio.run(main())
    assert (gone.status, gone.upstream, gone.invalid) == (502, (), None)
    for whole in (first, second, third):
        assert (whole.body, whole.end) == (b"".join(TEXT), ClientEnd.COMPLETE)
        assert whole.invalid is None
    # The second attempt of a target that asks again plays the second script.
    assert retried.invalid is None or not retried.upstream
    if retried.upstream:
        assert retried.body == b"".join(TEXT)

"""Faults of the connection, with the reference proxy in between."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import pytest

from harness.cassette.model import Request
from harness.config import Proof, Ready, Target
from harness.faults.registry import FaultCall
from harness.judge.evidence.observation import ClientEnd
from harness.judge.oracle.oracle import Contract
from harness.play.target.live import live_target
from harness.scenario.script import Script
from tests.e2e.faults.stage import script, wire_of
from tests.e2e.faults.stream import TEXT

pytestmark = pytest.mark.e2e

REFUSE = FaultCall(name="close_before_head", parameters={"how": "refuse"})
GHOST = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nGHOST"
ASKED = Request(
    method="POST",
    path="/v1/chat/completions",
    headers=(),
    body=b'{"model":"m","stream":true,"messages":[]}',
)
V2 = Target(
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


def played(*faults: FaultCall) -> Script:
    """Return the script of a stream that a client asks for."""
    return replace(script(wire_of(TEXT, faults)), request=ASKED)


def test_a_target_whose_upstream_refuses_answers_502():
    """No request is seen, which is no lack of proof; streams beside it pass."""
    refused = played(REFUSE)
    plain = played()
    later = replace(refused, attempts=(*refused.attempts, *plain.attempts))

    async def main():
        async with asyncio.timeout(60), live_target(V2) as live:
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


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bytes_after_terminator", {"data": GHOST, "keep_open": True}),
        ("framing", {"mode": "content_length", "cl_delta": -30, "keep_open": True}),
        ("keepalive_close", {"idle_ms": 1}),
        ("keepalive_close", {"after_requests": 1}),
    ],
)
def test_the_next_answer_has_nothing_of_the_last_one(name, parameters):
    """Whatever lay on the kept connection, and however it was closed."""
    first = played(FaultCall(name=name, parameters=parameters))

    async def main():
        async with asyncio.timeout(60), live_target(V2) as live:
            before = await live.play(first)
            await asyncio.sleep(0.05)  # the idle connection is closed meanwhile
            return before, await live.play(played()), await live.play(played())

    before, *later = asyncio.run(main())
    assert before.surplus == b""
    for one in later:
        assert (one.status, one.end) == (200, ClientEnd.COMPLETE)
        assert (one.body, len(one.upstream)) == (b"".join(TEXT), 1)

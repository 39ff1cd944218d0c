"""All cases, and many scripts played at once to raw sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from harness.cassette.model import Request
from harness.faults.draft.lowering import draft_response
from harness.faults.draft.wire import WireDraft
from harness.faults.registry import FaultCall, apply_faults
from harness.play.upstream.server import Upstream
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script
from tests.e2e.faults.answers import ANSWERS, HEADS
from tests.e2e.faults.borders import BORDERS
from tests.e2e.faults.chunks import CHUNKS, CODINGS
from tests.e2e.faults.endings import ENDINGS, NAMES
from tests.e2e.faults.inserts import FIELDS, INJECTED
from tests.e2e.faults.lines import LINE_CASES
from tests.e2e.faults.raw import Asked, Seen, ask
from tests.e2e.faults.repeats import CUMULATIVE, REPEATED
from tests.e2e.faults.stream import response
from tests.e2e.faults.times import TIMES
from tests.e2e.faults.tools import TOOL

CASES = [
    *(*REPEATED, *CUMULATIVE, *ENDINGS, *TOOL, *NAMES, *INJECTED, *FIELDS),
    *LINE_CASES,
    *(*ANSWERS, *HEADS, *CHUNKS, *CODINGS, *BORDERS, *TIMES),
]
AT_ONCE = 24
DEADLINE_S = 8.0


def wire_of(
    stream: tuple[bytes, ...], faults: Sequence[FaultCall], seed: int = 3
) -> WireDraft:
    """Return what faults make of a stream."""
    return apply_faults(draft_response(response(stream)), tuple(faults), Random(seed))


def script(wire: WireDraft) -> Script:
    """Return the script that plays one draft."""
    return Script(
        scenario_id="a/b",
        seed=1,
        request=Request(method="POST", path="/v1/x", headers=(), body=b"{}"),
        attempts=(wire,),
        client=ClientPlan(),
    )


def play_all(
    wanted: Sequence[tuple[WireDraft, Asked]],
) -> list[list[Seen] | BaseException]:
    """Play every draft, many side by side, each to a socket of its own."""
    return asyncio.run(_play_all(wanted))


async def _play_all(
    wanted: Sequence[tuple[WireDraft, Asked]],
) -> list[list[Seen] | BaseException]:
    places = asyncio.Semaphore(AT_ONCE)
    async with Upstream() as upstream:
        port = int(upstream.url.rpartition(":")[2])

        async def play(number: int, wire: WireDraft, asked: Asked) -> list[Seen]:
            async with places:
                slot = upstream.expect(f"t{number}", script(wire))
                try:
                    return await ask(port, f"t{number}", asked, DEADLINE_S)
                finally:
                    slot.close()

        return await asyncio.gather(
            *(play(number, *one) for number, one in enumerate(wanted)),
            return_exceptions=True,
        )

"""Clients that read slowly, stop reading, or leave in their own way."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.checks.backpressure import most_buffered_bytes
from harness.judge.evidence.observation import ClientEnd, Observation
from harness.play.client.fetch import fetch
from harness.play.client.kept_connection import KeptConnection
from harness.play.upstream.server import Upstream
from harness.scenario.model import Abort, AbortHow, ClientPlan, Pause, ReadPlan
from harness.scenario.script import Script

pytestmark = pytest.mark.e2e

MS = 1_000_000
LATE = 10_000 * MS
"""When something happens that no test waits for."""

REQUEST = Request(
    method="POST",
    path="/v1/chat/completions",
    headers=(("content-type", "application/json"),),
    body=b'{"stream": true}',
)


def draft(*writes: Write, **more) -> WireDraft:
    """An answer of those writes."""
    whole = WireDraft(
        status=200,
        http_version="HTTP/1.1",
        headers=(("content-type", "text/event-stream"),),
        framing=Framing.CHUNKED,
        head_at_ns=5 * MS,
        writes=writes,
        spans=(),
        end=StreamEnd.COMPLETE,
        end_at_ns=writes[-1].at_ns,
    )
    return replace(whole, **more)


def script(answer: WireDraft, plan: ClientPlan | None = None) -> Script:
    """Wrap an answer into the script of one stream."""
    return Script(
        scenario_id="a/b",
        seed=1,
        request=REQUEST,
        attempts=(answer,),
        client=plan or ClientPlan(),
    )


def play(answer: WireDraft, plan: ClientPlan):
    """Play an answer to a client; return its exchange and the upstream's request."""

    async def main():
        async with asyncio.timeout(60), Upstream() as upstream:
            slot = upstream.expect("t1", script(answer, plan))
            exchange = await fetch(
                upstream.url, REQUEST, token="t1", plan=plan, leave_when=slot.asked
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await slot.settled()
            return exchange, slot.requests(exchange.zero_ns)[0]

    return asyncio.run(main())


BIG = draft(*(Write(10 * MS, b"data: " + b"x" * 9992 + b"\n\n") for _ in range(2000)))
"""20 MB: more than all buffers between two sockets hold."""


def backlog(exchange, request) -> int:
    """How much waited between the two ends at most."""
    return most_buffered_bytes(
        Observation(
            target="t",
            virtual=False,
            status=exchange.status,
            http_version=exchange.http_version,
            headers=(),
            head_at_ns=None,
            reads=exchange.reads,
            end=exchange.end,
            end_at_ns=exchange.end_at_ns,
            upstream=(request,),
        )
    )


def test_who_never_reads_again_holds_up_the_upstream():
    """It leaves at its deadline; most of the answer was not even sent."""
    read = ReadPlan(pause=Pause(after_bytes=50_000, for_ms=None))
    plan = ClientPlan(read=read, receive_buffer=4096, deadline_ms=2_000)
    exchange, request = play(BIG, plan)

    assert ClientEnd.CLIENT_CLOSED is exchange.end
    assert exchange.end_at_ns >= 2_000 * MS
    assert 50_000 <= sum(len(data) for _, data in exchange.reads) < 70_000
    assert not request.finished
    assert backlog(exchange, request) < 12_000_000


def test_who_pauses_gets_everything_once_in_the_end():
    """Nothing is lost and nothing doubled; for the pause nothing is read."""
    read = ReadPlan(pause=Pause(after_bytes=50_000, for_ms=400))
    exchange, request = play(BIG, ClientPlan(read=read, receive_buffer=8192))
    times = [at_ns for at_ns, _ in exchange.reads]
    gaps = [two - one for one, two in pairwise(times)]

    assert ClientEnd.COMPLETE is exchange.end
    assert BIG.body == b"".join(data for _, data in exchange.reads)
    assert max(gaps) >= 400 * MS
    assert request.finished


def test_who_reads_slowly_takes_no_more_than_it_says():
    """A fiftieth of the rate every 20 ms, and never more in one read."""
    answer = draft(*(Write(10 * MS, b"y" * 1000) for _ in range(20)))
    plan = ClientPlan(read=ReadPlan(bytes_per_s=50_000), receive_buffer=4096)
    exchange, _ = play(answer, plan)

    assert answer.body == b"".join(data for _, data in exchange.reads)
    assert max(len(data) for _, data in exchange.raw) <= 1000
    # 20 KB at 50 KB/s.
    assert exchange.end_at_ns >= 380 * MS


def test_who_leaves_before_the_head_is_seen_by_the_upstream():
    """The upstream has the request, and the client left before an answer."""
    answer = draft(Write(LATE, b"a"), head_at_ns=LATE)
    plan = ClientPlan(abort=Abort(before_head=True, how=AbortHow.FIN))
    exchange, request = play(answer, plan)

    assert (ClientEnd.CLIENT_CLOSED, None) == (exchange.end, exchange.status)
    assert exchange.end_at_ns < LATE
    assert request.closed_at_ns is not None


def three_events() -> WireDraft:
    """Three events, and a fourth that nobody waits for."""
    return draft(
        *(Write(at, b"data: abc\n\n") for at in (20 * MS, 40 * MS, 60 * MS, LATE))
    )


def test_who_leaves_after_bytes_has_read_them():
    """It leaves in the middle of an event."""
    exchange, request = play(three_events(), ClientPlan(abort=Abort(after_bytes=25)))

    assert ClientEnd.CLIENT_CLOSED is exchange.end
    assert 33 == sum(len(data) for _, data in exchange.reads)
    assert request.closed_at_ns is not None


def test_who_shuts_its_sending_half_goes_on_reading():
    """The peer reads FIN, as the upstream's own socket shows, and may go on."""
    plan = ClientPlan(abort=Abort(after_events=3, how=AbortHow.HALF_CLOSE))
    exchange, request = play(three_events(), plan)

    # The upstream takes it for a peer that left: this client then sees a cut.
    assert ClientEnd.TRUNCATED is exchange.end
    assert request.closed_at_ns is not None


def test_exchanges_follow_one_another_on_one_connection():
    """The second finds the first one's connection, and a broken one is not kept."""
    good = draft(Write(10 * MS, b"data: abc\n\n"))
    cut = replace(good, end=StreamEnd.TRUNCATED)

    async def main():
        seen = []
        kept = KeptConnection()
        async with asyncio.timeout(30), Upstream() as upstream:
            for number, answer in enumerate((good, good, cut, good)):
                slot = upstream.expect(f"t{number}", script(answer))
                exchange = await fetch(
                    upstream.url, REQUEST, token=f"t{number}", kept=kept
                )
                seen.append((exchange.reused, exchange.end.value))
                slot.close()
            kept.close()
            await asyncio.sleep(0.05)
        return seen

    assert [
        (False, "complete"),
        (True, "complete"),
        (True, "truncated"),
        (False, "complete"),
    ] == asyncio.run(main())

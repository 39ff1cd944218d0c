"""Fidelity of `harness record` against the sender's own stamps, and its cost.

Run with an interpreter that has the extra ``record``. Sender and client share this
process and one clock; the recorder is a process of its own between them.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tabulate import tabulate

from harness.cassette.codec import dump_cassette, load_cassette
from harness.cassette.files import read_cassette
from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Framing,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.lowering import draft_response, lower
from harness.faults.draft.wire import WireDraft, Write
from harness.judge.evidence.observation import UpstreamRequest
from harness.play.client.fetch import Exchange, fetch
from harness.play.gc_pause import gc_paused
from harness.play.upstream.server import Upstream
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script

REQUEST = Request(
    method="POST",
    path="/v1/chat/completions",
    headers=(("Content-Type", "application/json"),),
    body=b'{"model":"m","messages":[],"stream":true}',
)
EVENT = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,'
    b'"model":"m","choices":[{"index":0,"delta":{"content":" word%06d"},'
    b'"finish_reason":null}]}\n\n'
)
HEADERS = (("Content-Type", "text/event-stream"),)


def script(events: int, seed: int) -> Script:
    """Return a chunked stream with gaps of 1 to 20 ms."""
    rng = random.Random(seed)
    due, writes = 0, []
    for index in range(events):
        due += rng.randrange(1_000_000, 20_000_000)
        writes.append(Write(due, EVENT % index))
    return played(
        WireDraft(
            status=200,
            http_version="HTTP/1.1",
            headers=HEADERS,
            framing=Framing.CHUNKED,
            head_at_ns=0,
            writes=tuple(writes),
            spans=(),
            end=StreamEnd.COMPLETE,
            end_at_ns=due,
        )
    )


def played(wire: WireDraft) -> Script:
    plan = ClientPlan(deadline_ms=300_000)
    return Script(
        scenario_id="benchmark", seed=0, request=REQUEST, attempts=(wire,), client=plan
    )


@asynccontextmanager
async def recorder(upstream: str, folder: Path) -> AsyncIterator[str]:
    """Run `harness record` in front of an upstream."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "harness", "record", "--upstream", upstream),
        *("--out", str(folder), "--name", "{number}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        while line := await process.stdout.readline():
            if found := re.search(rb"listening on (http://\S+)", line):
                drain = asyncio.ensure_future(process.stdout.read())
                yield found[1].decode()
                break
        else:
            raise RuntimeError("the recorder did not start")
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()
        await drain


async def stream(
    upstream: Upstream, url: str, wanted: Script, token: str
) -> tuple[Exchange, UpstreamRequest]:
    slot = upstream.expect(token, wanted)
    exchange = await fetch(url, REQUEST, token=token, plan=wanted.client)
    [seen] = slot.requests(exchange.zero_ns)
    slot.close()
    return exchange, seen


def added(exchange: Exchange, seen: UpstreamRequest) -> list[int]:
    """Return arrival at the client minus departure, for every event."""
    total, arrivals = 0, []
    for at_ns, data in exchange.reads:
        total += len(data)
        arrivals.append((total, at_ns))
    found, position = [], 0
    for sent_ns, length in seen.sent:
        while arrivals[position][0] < length:
            position += 1
        found.append(arrivals[position][1] - sent_ns)
    return found


def errors(cassette: Cassette, seen: UpstreamRequest) -> tuple[bool, bool, list[int]]:
    """Return whether bytes and borders are the sender's, and each event's time error.

    The zero of a cassette is the end of the request at the recorder, so the median of a
    stream, which is common to all events, is subtracted.
    """
    [interaction] = cassette.interactions
    segments = interaction.response.segments
    borders, total = [], 0
    for segment in segments:
        total += len(segment.data)
        borders.append(total)
    sent = [length for _, length in seen.sent]
    same = borders == sent
    off = []
    if same:
        apart = [
            segment.at_ns - at_ns
            for segment, (at_ns, _) in zip(segments, seen.sent, strict=True)
        ]
        constant = statistics.median(apart)
        off = [round(abs(one - constant)) for one in apart]
    return total == sent[-1], same, off


def quantile(values: list[int], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] / 1e6


def recorded_in(folder: Path) -> list[Cassette]:
    return [read_cassette(path) for path in sorted(folder.glob("*.yaml"))]


async def fidelity(events: int, streams: int, folder: Path) -> None:
    """Play streams side by side, first directly, then through the recorder."""
    through: list[int] = []
    direct: list[int] = []
    seen: list[UpstreamRequest] = []
    async with (
        Upstream() as upstream,
        recorder(upstream.url, folder) as url,
    ):
        for way, kept in ((upstream.url, direct), (url, through)):
            with gc_paused():
                results = await asyncio.gather(
                    *(
                        stream(upstream, way, script(events, seed), f"{seed}-{way}")
                        for seed in range(streams)
                    )
                )
            for exchange, request in results:
                kept.extend(added(exchange, request))
                if way == url:
                    seen.append(request)
    cassettes = recorded_in(folder)
    # The token in its request assigns a cassette to its stream.
    by_token = {
        dict(found.interactions[0].request.headers).get("x-harness-stream"): found
        for found in cassettes
    }
    whole = borders = 0
    off: list[int] = []
    for request in seen:
        token = dict(request.headers)[b"x-harness-stream"].decode()
        bytes_same, borders_same, times = errors(by_token[token], request)
        whole += bytes_same
        borders += borders_same
        off += times
    print(f"\n{streams} stream(s) of {events} events, 1 to 20 ms apart")
    print(f"  bytes exact {whole}/{streams}, borders exact {borders}/{streams}")
    half, most = quantile(off, 0.5), quantile(off, 0.99)
    print(f"  time error p50 {half:.3f} ms, p99 {most:.3f} ms")
    rows = [
        [name, quantile(found, 0.5), quantile(found, 0.95)]
        for name, found in (("direct", direct), ("through the recorder", through))
    ]
    rows.append(["added", rows[1][1] - rows[0][1], rows[1][2] - rows[0][2]])
    print(tabulate(rows, ["latency, ms", "p50", "p95"], floatfmt=".3f"))


async def round_trip(folder: Path) -> None:
    """Record, replay the recording, and record that."""
    async with Upstream() as upstream, recorder(upstream.url, folder / "a") as url:
        await stream(upstream, url, script(500, 7), "first")
    [one] = recorded_in(folder / "a")
    first = one.interactions[0].response
    again = played(lower(draft_response(first)))
    async with Upstream() as upstream, recorder(upstream.url, folder / "b") as url:
        await stream(upstream, url, again, "second")
    [two] = recorded_in(folder / "b")
    second = two.interactions[0].response
    borders = [len(segment.data) for segment in first.segments]
    same = borders == [len(segment.data) for segment in second.segments]
    gaps = [
        abs((b.at_ns - a.at_ns) - (d.at_ns - c.at_ns))
        for a, b, c, d in zip(
            first.segments,
            first.segments[1:],
            second.segments,
            second.segments[1:],
            strict=False,
        )
    ]
    print("\nrecord, replay, record: 500 events")
    print(
        f"  bytes {'same' if first.body == second.body else 'DIFFERENT'}, borders "
        f"{'same' if same else 'DIFFERENT'}, ending {first.ending.kind} and "
        f"{second.ending.kind}, inter-segment time error p50 "
        f"{quantile(gaps, 0.5):.3f} ms, p95 {quantile(gaps, 0.95):.3f} ms"
    )


def large() -> None:
    """Save and load a body of 20 MB."""
    count = 20_000_000 // len(EVENT % 1)
    segments = tuple(
        Segment(at_ns=index * 1_000_000, data=EVENT % index) for index in range(count)
    )
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=HEADERS,
        segments=segments,
        ending=Ending(at_ns=count * 1_000_000, kind=EndingKind.COMPLETE),
    )
    interaction = Interaction(request=REQUEST, response=response)
    recorded = Recorded(at=None, by="benchmark", upstream=None)
    cassette = Cassette(recorded=recorded, tags=(), interactions=(interaction,))
    size = sum(len(segment.data) for segment in segments)
    before = peak()
    start = time.perf_counter()
    text = dump_cassette(cassette)
    saved = time.perf_counter()
    after_save = peak()
    loaded = load_cassette(text, source="benchmark")
    done = time.perf_counter()
    same = loaded.interactions[0].response.body == response.body
    print(
        f"\n{size / 1e6:.1f} MB in {count} segments, {'same' if same else 'DIFFERENT'}"
    )
    to_save, to_load = (after_save - before) / size, (peak() - after_save) / size
    print(f"  save {saved - start:.2f} s, load {done - saved:.2f} s")
    print(f"  text {len(text) / size:.2f} x the body")
    print(f"  peak memory +{to_save:.1f} x to save, +{to_load:.1f} x more to load")


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def main() -> None:
    print("load", *(f"{load:.2f}" for load in os.getloadavg()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await fidelity(2000, 1, folder / "one")
        await fidelity(100, 50, folder / "fifty")
        await round_trip(folder / "trip")
    large()


if __name__ == "__main__":
    asyncio.run(main())

"""Record the answers of real servers to ``requests.yaml`` into cassettes.

Run it after ``check_requests.py``, on an idle machine::

    python record.py [--takes N] [--into FOLDER] [SERVER | SERVER/NAME ...]

Without a name it records everything.

1. Every take has a server of its own, freshly started and warmed up: a server that
   remembers prompts would answer a second take differently.
2. The calmest take is kept: its first byte has the usual delay, and no long gap
   follows. A stall that only some takes have is due to the machine's scheduler, not the
   server. If it delays the recorder, it joins reads; if that happens before the start
   of the times is taken, the first byte seems to be early.
3. Takes must have the same bytes, apart from ids and the server's own times.
4. A take is written unchanged, or not at all.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import itertools
import os
import re
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

from check_cassettes import FOLDER, find_flaw, to_send
from servers import MODEL, SERVERS, Request, Running, load_requests, serving, versions

from harness.cassette.files import write_cassette
from harness.cassette.model import Cassette, Interaction, Recorded
from harness.cassette.model import Request as Sent
from harness.errors import HarnessError
from harness.play.client.capture import capture
from harness.play.gc_pause import gc_paused
from harness.scenario.model import Abort, ClientPlan

__all__ = ["main"]

_WARM_UP = Sent(
    method="POST",
    path="/v1/chat/completions",
    headers=(("content-type", "application/json"),),
    body=(
        f'{{"model":"{MODEL}","stream":true,"max_tokens":64,'
        '"messages":[{"role":"user","content":"Warm up"}]}'
    ).encode(),
)
"""No request has its prompt, so the server caches no part of an answer."""

_WARM_UPS = 3

# Values in which two answers of one server may differ.
_VOLATILE = re.compile(
    rb'"(?:id|created|timings)": ?(?:"[^"]*"|[0-9]+|\{[^}]*\})', re.ASCII
)


async def capture_answer(server: Running, request: Request) -> Interaction:
    """Send a request to a warm server; break the answer off if it says so."""
    for _ in range(_WARM_UPS):
        await capture(server.url, _WARM_UP)
    plan = None
    if request.leave_after_events is not None:
        plan = ClientPlan(abort=Abort(after_events=request.leave_after_events))
    with gc_paused():
        if request.kill_after_ms is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(request.kill_after_ms / 1000, server.kill)
        return await capture(server.url, to_send(request), plan=plan)


def take(request: Request) -> Cassette:
    """Record one answer of a fresh server."""
    packages = [("harness", importlib.metadata.version("stream-rollout-harness"))]
    packages += versions(request.server).items()
    with serving(request.server) as server:
        at = datetime.now(UTC)
        interaction = asyncio.run(capture_answer(server, request))
    return Cassette(
        recorded=Recorded(
            at=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            by=", ".join(" ".join(package) for package in packages),
            upstream=request.server,
        ),
        tags=("openai-chat", request.server),
        interactions=(interaction,),
    )


def first_ms(cassette: Cassette) -> float:
    """Return the time of the first byte of the body."""
    return cassette.interactions[0].response.segments[0].at_ns / 1e6


def gaps_ms(cassette: Cassette) -> list[float]:
    """Return the times between reads, and from the last one to the end."""
    response = cassette.interactions[0].response
    times = sorted({segment.at_ns for segment in response.segments})
    times.append(response.ending.at_ns)
    return [(after - before) / 1e6 for before, after in itertools.pairwise(times)]


def stalls_ms(takes: list[Cassette]) -> list[float]:
    """Return the stall of every take in milliseconds; the calmest has the least."""
    firsts = [first_ms(one) for one in takes]
    usual = statistics.median(firsts)
    return [
        abs(first - usual) + max(gaps_ms(one))
        for first, one in zip(firsts, takes, strict=True)
    ]


def say_the_same(takes: list[Cassette], *, whole: bool) -> bool:
    """Tell whether the takes are equal except for volatile values.

    Args:
        takes: At least one.
        whole: Compare whole answers; False: only as far as each goes.
    """
    bodies = [
        _VOLATILE.sub(b"", cassette.interactions[0].response.body) for cassette in takes
    ]
    if whole:
        return len(set(bodies)) == 1
    longest = max(bodies, key=len)
    return all(longest.startswith(body) for body in bodies)


def record(request: Request, *, takes: int, folder: Path) -> bool:
    """Write the calmest of several takes; tell whether all were good."""
    made = [take(request) for _ in range(takes)]
    flaws = [flaw for one in made if (flaw := find_flaw(one, request))]
    if flaws:
        print(f"BAD {request.name:34}{flaws[0]}", flush=True)
        return False
    same = say_the_same(made, whole=not request.is_broken_off)
    stalls = stalls_ms(made)
    best = made[stalls.index(min(stalls))]
    path = folder / f"{request.name}.yaml"
    write_cassette(path, best)
    segments = best.interactions[0].response.segments
    print(
        f"{'ok' if same else 'BAD':4}{request.name:34}{path.stat().st_size:8} bytes"
        f"{len(segments):5} segments"
        f"{first_ms(best):8.2f} ms to the first"
        f"{statistics.median(gaps_ms(best)):7.2f} ms median gap"
        f"{max(gaps_ms(best)):7.2f} ms longest"
        f" (takes: {' '.join(f'{stall:.1f}' for stall in stalls)}),"
        f" load {os.getloadavg()[0]:.2f}"
        f"{'' if same else '  the takes differ'}",
        flush=True,
    )
    return same


def main(arguments: list[str]) -> int:
    """Record the named requests; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="SERVER|SERVER/NAME")
    parser.add_argument("--takes", type=int, default=5)
    parser.add_argument("--into", type=Path, default=FOLDER, metavar="FOLDER")
    options = parser.parse_args(arguments)
    requests = load_requests()
    known = {*SERVERS, *(request.name for request in requests)}
    for name in options.names:
        if name not in known:
            parser.error(f"no server and no request is named {name}")
    good = True
    for request in requests:
        if not options.names or {request.name, request.server} & {*options.names}:
            try:
                done = record(request, takes=options.takes, folder=options.into)
            except HarnessError as error:
                print(f"BAD {request.name:34}{error}", flush=True)
                done = False
            good = done and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A target between upstream and client: who runs alone, and what is no evidence.

Upstream, client and process are stand-ins.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.cassette.model import Framing, Request
from harness.config import Proof, Target
from harness.errors import EvidenceError
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft
from harness.judge.evidence.observation import ClientEnd, UpstreamRequest
from harness.judge.oracle.oracle import Contract
from harness.play.client.fetch import Exchange
from harness.play.target import live as module
from harness.play.target.live import LiveTarget
from harness.play.target.output import TargetOutput
from harness.play.upstream.correlation import MatchedBy
from harness.scenario.model import ClientPlan, Expect
from harness.scenario.program import Program, ScriptedStream
from harness.scenario.script import Script

EXCHANGE = Exchange(
    zero_ns=1000,
    status=200,
    http_version="HTTP/1.1",
    headers=((b"x-arm", b"v2"),),
    framing=Framing.CHUNKED,
    head_at_ns=1,
    reads=((2, b"x"),),
    pieces=(),
    raw=(),
    end=ClientEnd.COMPLETE,
    end_at_ns=3,
)
ASKED = UpstreamRequest(
    at_ns=0,
    method="POST",
    path="/v1",
    headers=(),
    body=b"",
    sent=(),
    lateness_ns=(),
    finished=True,
    closed_at_ns=None,
)
WIRE = WireDraft(
    status=200,
    http_version="HTTP/1.1",
    headers=(),
    framing=Framing.CHUNKED,
    head_at_ns=0,
    writes=(),
    spans=(),
    end=StreamEnd.COMPLETE,
    end_at_ns=0,
)
SCRIPT = Script(
    scenario_id="a/b",
    seed=1,
    request=Request(method="POST", path="/v1", headers=(), body=b'{"stream":true}'),
    attempts=(WIRE,),
    client=ClientPlan(),
)
REFUSED = replace(WIRE, end=StreamEnd.REFUSED)


class Slot:
    """The place of a stream, whose request was read already."""

    def __init__(self, upstream):
        self.matched_by = upstream.matched_by
        self.found = upstream.found
        self.closed = False

    async def asked(self):
        return None

    async def settled(self):
        return None

    def requests(self, zero_ns):
        return self.found

    def close(self):
        self.closed = True


class Stand:
    """An upstream, and a client whose exchanges take some turns of the loop."""

    def __init__(self):
        self.matched_by = MatchedBy.HEADER
        self.found = (ASKED,)
        self.exchange = EXCHANGE
        self.serial = None
        self.unmatched = []
        self.slots = []
        self.tokens = []
        self.refused = []
        self.running = 0
        self.together = 0

    def expect(self, token, script, zero_ns=0):
        self.tokens.append(token)
        self.slots.append(Slot(self))
        return self.slots[-1]

    @asynccontextmanager
    async def refusing(self, *, for_s=None):
        self.refused.append(for_s)
        yield

    async def fetch(self, url, request, **options):
        self.running += 1
        self.together = max(self.together, self.running)
        for _ in range(5):
            await asyncio.sleep(0)
        self.running -= 1
        return self.exchange


@pytest.fixture
def stand(monkeypatch):
    """Put stand-ins in place of both ends."""
    stand = Stand()
    monkeypatch.setattr(module, "fetch", stand.fetch)
    return stand


def target(proof=None, exit_code=None):
    """A target that runs, or has ended."""
    return SimpleNamespace(
        target=Target(
            name="mine", contract=Contract.TRANSPARENT, url="http://h", proof=proof
        ),
        url="http://h",
        output=TargetOutput(None),
        process=None,
        exit_code=exit_code,
    )


def play(stand, *scripts, routing=MatchedBy.HEADER, **options):
    """Play scripts side by side; return what was observed."""

    async def main():
        live = LiveTarget(target(**options), stand)
        live.routing = routing
        return await asyncio.gather(*(live.play(script) for script in scripts))

    return asyncio.run(main())


def test_streams_run_side_by_side_where_requests_can_be_told_apart(stand):
    """Each has a token of its own, and its slot is closed in the end."""
    play(stand, SCRIPT, SCRIPT, SCRIPT)
    assert 3 == stand.together
    assert 3 == len(set(stand.tokens))
    assert all(slot.closed for slot in stand.slots)


@pytest.mark.parametrize(
    ("routing", "proof"),
    [(MatchedBy.TURN, None), (MatchedBy.HEADER, Proof(log="served"))],
)
def test_streams_run_one_at_a_time_where_they_cannot(stand, routing, proof):
    """Requests without a token, and lines of a log, belong to the one that runs."""
    play(stand, SCRIPT, SCRIPT, routing=routing, proof=proof)
    assert 1 == stand.together


def test_a_stream_whose_upstream_refuses_has_the_target_for_itself(stand):
    """A port is closed for all; for ever where every attempt is refused."""
    some = replace(SCRIPT, attempts=(REFUSED, REFUSED, WIRE))
    play(stand, SCRIPT, replace(SCRIPT, attempts=(REFUSED,)), some, SCRIPT)
    assert [None, 0.2] == stand.refused
    assert 1 == stand.together


def test_a_group_has_the_target_for_itself(stand):
    """Its streams run together, the others wait."""
    parts = tuple(
        ScriptedStream(name=f"stream {number}", script=SCRIPT, expect=Expect())
        for number in (1, 2)
    )

    async def main():
        live = LiveTarget(target(), stand)
        live.routing = MatchedBy.HEADER
        seen, _ = await asyncio.gather(
            live.play_program(Program(streams=parts)), live.play(SCRIPT)
        )
        return seen

    assert 2 == len(asyncio.run(main()))
    assert 2 == stand.together


@pytest.mark.parametrize(
    ("proof", "exit_code", "words"),
    [
        (None, None, None),
        (Proof(header=("x-arm", "v2")), None, None),
        (Proof(header=("x-arm", "v1")), None, 'x-arm: v1, got "v2"'),
        (None, 3, "mine ended by itself with exit code 3 (the client saw: complete)"),
    ],
)
def test_an_observation_without_proof_is_marked(stand, proof, exit_code, words):
    """The other architecture answered, or the target ended meanwhile."""
    [seen] = play(stand, SCRIPT, proof=proof, exit_code=exit_code)
    assert (words is None) is (seen.invalid is None)
    assert (words or "") in (seen.invalid or "")


def test_what_is_no_stream_needs_no_proof_of_an_architecture(stand):
    """Only streams are served by one."""
    plain = replace(SCRIPT, request=replace(SCRIPT.request, body=b"[]"))
    [seen] = play(stand, plain, proof=Proof(header=("x-arm", "v1")))
    assert seen.invalid is None


def test_a_refused_target_need_not_ask_again(stand):
    """No request reaches the upstream then, and that is no missing evidence."""
    stand.found = ()
    first, second = play(stand, SCRIPT, replace(SCRIPT, attempts=(REFUSED,)))
    assert "no request of mine reached its upstream" in first.invalid
    assert second.invalid is None


def test_requests_of_no_stream_end_a_run(stand):
    """Those for other paths, such as health checks, do not."""
    live = LiveTarget(target(), stand)
    stand.unmatched = [
        SimpleNamespace(method="GET", path="/healthz", why="no token"),
        SimpleNamespace(method="POST", path="/v1", why="its stream is over"),
    ]
    live.check_unmatched({"/v2"})
    words = r"1 request\(s\) of mine .* POST /v1: its stream is over"
    with pytest.raises(EvidenceError, match=words):
        live.check_unmatched({"/v1"})


@pytest.mark.parametrize(
    ("matched_by", "serial"),
    [(MatchedBy.HEADER, False), (MatchedBy.USER, False), (MatchedBy.TURN, True)],
)
def test_the_preflight_finds_out_how_requests_are_told_apart(stand, matched_by, serial):
    """Without a token, the upstream goes on with one stream at a time."""
    stand.matched_by = matched_by
    live = LiveTarget(target(proof=Proof(header=("x-arm", "v2"))), stand)
    asyncio.run(live.preflight())
    assert (matched_by, "v2", serial) == (live.routing, live.served_by, stand.serial)


def test_a_preflight_that_proves_nothing_ends_the_run(stand):
    """Nothing that follows would be evidence."""
    stand.found, stand.matched_by = (), None
    live = LiveTarget(target(), stand)
    words = "target mine at http://h: no request of mine reached its upstream"
    with pytest.raises(EvidenceError, match=words):
        asyncio.run(live.preflight())

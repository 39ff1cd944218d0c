"""Streams, scenarios and plays for the tests of the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from harness.cassette.model import Ending, EndingKind, Request, Response, Segment
from harness.faults.registry import FaultCall
from harness.judge.check import judge
from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.judge.group import GroupExpectation, judge_group
from harness.judge.judgement import Judgement
from harness.judge.limits import virtual_limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.judge.oracle.policy import Policy
from harness.judge.violation import Kind
from harness.play.virtual.player import play_program, play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import Answer, ClientPlan, ExchangePlan, Expect, Scenario
from harness.scenario.program import make_program
from harness.scenario.script import make_script

MS = 1_000_000
WORDS = ("Once", " upon", " a", " time", ".")


def chunk(delta: dict, *, index: int = 0, finish: str | None = None, **more) -> str:
    """One chat.completion.chunk as data."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
            **more,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def answer(*texts: str) -> list[str]:
    """A right answer of those deltas: role, text, finish, usage, sentinel."""
    usage = {"prompt_tokens": 3, "completion_tokens": len(texts), "total_tokens": 9}
    tail = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": []}
    return [
        chunk({"role": "assistant", "content": texts[0]}),
        *(chunk({"content": text}) for text in texts[1:]),
        chunk({}, finish="stop"),
        json.dumps({**tail, "usage": usage}, separators=(",", ":")),
        "[DONE]",
    ]


def response(
    events: list[str],
    *,
    itl_ms: int = 30,
    ending: EndingKind = EndingKind.COMPLETE,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (
        ("Content-Type", "text/event-stream"),
        ("Transfer-Encoding", "chunked"),
    ),
) -> Response:
    """A response with its events at that pace."""
    segments = tuple(
        Segment(
            at_ns=(100 + position * itl_ms) * MS,
            data=(event if event.startswith(":") else f"data: {event}").encode()
            + b"\n\n",
        )
        for position, event in enumerate(events)
    )
    return Response(
        status=status,
        http_version="HTTP/1.1",
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=segments[-1].at_ns if segments else 0, kind=ending),
    )


def scenario(
    given: Response | list[str],
    *faults: tuple[str, dict],
    client: ClientPlan | None = None,
    expect: Expect | None = None,
    attempts: tuple[Answer, ...] = (),
) -> Scenario:
    """A scenario of a response and faults, or of attempts."""
    if isinstance(given, list):
        given = response(given)
    only = Answer(response=given, recorded=False, faults=calls(*faults))
    return Scenario(
        id="test/one",
        why="a test",
        tags=(),
        exchange=ExchangePlan(
            request=Request(
                method="POST",
                path="/v1/chat/completions",
                headers=(("Content-Type", "application/json"),),
                body=b'{"model":"m","messages":[],"stream":true}',
            ),
            answers=attempts or (only,),
            client=client or ClientPlan(),
            expect=expect or Expect(),
            by_attempt=bool(attempts),
        ),
    )


def calls(*faults: tuple[str, dict]) -> tuple[FaultCall, ...]:
    """Faults as a scenario names them."""
    return tuple(FaultCall(name=name, parameters=use) for name, use in faults)


def attempt(given: list[str], *faults: tuple[str, dict]) -> Answer:
    """What the upstream plays for one attempt."""
    return Answer(response=response(given), recorded=False, faults=calls(*faults))


def play(
    relay: str,
    wanted: Scenario,
    contract: Contract = Contract.REPAIRING,
    **switches: str,
) -> Judgement:
    """Judge the play of a scenario into a relay, in virtual time."""
    script = make_script(wanted, seed=1)
    observed = play_virtual(relay, load_relay(relay), script, {})
    expected = expectation(script, contract, wanted.exchange.expect, Policy(**switches))
    return judge(expected, observed, virtual_limits())


def play_group(
    relay: str, wanted: Scenario, contract: Contract = Contract.REPAIRING
) -> Judgement:
    """Judge the play of all streams of a scenario into relays with shared state."""
    program = make_program(wanted, seed=1)
    observed = play_program(relay, load_relay(relay), program, wanted.settings)
    expected = [
        expectation(part.script, contract, part.expect) for part in program.streams
    ]
    group = GroupExpectation(
        names=tuple(part.name for part in program.streams),
        markers=tuple(part.script.marker for part in program.streams),
        phases=program.phases,
        expect=wanted.exchange.expect,
    )
    return judge_group(expected, observed, virtual_limits(), group)


def sse(events):
    """Events as bytes."""
    return [
        (event if event.startswith(":") else f"data: {event}").encode() + b"\n\n"
        for event in events
    ]


def observed(events, *, wanted=None, delay_ms=0.0, **changes):
    """The observation of an answer of those events, each ``delay_ms`` late."""
    wanted = wanted or scenario(answer(*WORDS))
    wire = make_script(wanted, seed=1).attempts[0]
    total = 0
    sent = []
    for write in wire.writes:
        total += len(write.data)
        sent.append((write.at_ns, total))
    reads = tuple(
        (sent[min(index, len(sent) - 1)][0] + round(delay_ms * MS), data)
        for index, data in enumerate(sse(events))
    )
    request = UpstreamRequest(
        at_ns=0,
        method="POST",
        path="/v1/chat/completions",
        headers=(),
        body=b"",
        sent=tuple(sent),
        lateness_ns=(),
        finished=True,
        closed_at_ns=None,
    )
    observation = Observation(
        target="t",
        virtual=True,
        status=200,
        http_version="HTTP/1.1",
        headers=((b"content-type", b"text/event-stream"),),
        head_at_ns=wire.head_at_ns,
        reads=reads,
        end=ClientEnd.COMPLETE,
        end_at_ns=reads[-1][0] if reads else 0,
        upstream=(request,),
    )
    return replace(observation, **changes)


def answer_kinds(events, *, wanted=None, contract=Contract.REPAIRING, **changes):
    """The kinds of violation of such an answer, without ``client_worse``.

    That one follows from the others, and has tests of its own (`test_client_check.py`).
    """
    wanted = wanted or scenario(answer(*WORDS))
    expected = expectation(
        make_script(wanted, seed=1), contract, wanted.exchange.expect
    )
    seen = observed(events, wanted=wanted, **changes)
    return [
        violation.kind
        for violation in judge(expected, seen, virtual_limits()).violations
        if violation.kind is not Kind.CLIENT_WORSE
    ]


class Bench:
    """Everything that the tests need, in one fixture."""

    answer = staticmethod(answer)
    attempt = staticmethod(attempt)
    answer_kinds = staticmethod(answer_kinds)
    chunk = staticmethod(chunk)
    observed = staticmethod(observed)
    play = staticmethod(play)
    play_group = staticmethod(play_group)
    response = staticmethod(response)
    scenario = staticmethod(scenario)
    sse = staticmethod(sse)
    rng = staticmethod(Random)
    script = staticmethod(make_script)
    expectation = staticmethod(expectation)

    @staticmethod
    def kinds(judgement: Judgement) -> list[str]:
        """The kinds of violation, worst first, without ``client_worse``."""
        kinds = [violation.kind.value for violation in judgement.violations]
        return [kind for kind in kinds if kind != "client_worse"]


@pytest.fixture
def bench() -> Callable[..., object]:
    """Give streams, scenarios and plays."""
    return Bench

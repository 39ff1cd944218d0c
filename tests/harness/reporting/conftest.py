"""Runs of the reference relays in virtual time, to report on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

import harness.faults  # noqa: F401 - registers the faults
from harness.cassette.model import Ending, EndingKind, Request, Response, Segment
from harness.faults.registry import FaultCall
from harness.judge.check import judge
from harness.judge.harness_lag import Lag
from harness.judge.judgement import Judgement
from harness.judge.limits import Limits
from harness.judge.oracle.oracle import Contract, expectation
from harness.judge.run import (
    RunRecord,
    RunSettings,
    ScenarioRecord,
    TargetFacts,
)
from harness.judge.verdict import decide, verdict_of
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.model import (
    Abort,
    AbortHow,
    Answer,
    ClientPlan,
    ExchangePlan,
    Mode,
    Scenario,
    Waiver,
)
from harness.scenario.script import make_script

MS = 1_000_000
SEED = 7


def stream(*texts: str, model: str = "m") -> Response:
    """Return a recorded answer: a role, the texts 20 ms apart, a finish, [DONE]."""
    deltas = [{"role": "assistant"}, *({"content": text} for text in texts), {}]
    segments = []
    at_ns = 100 * MS
    for delta in deltas:
        chunk = {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "delta": delta,
                    "finish_reason": None if delta else "stop",
                }
            ],
        }
        data = f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()
        segments.append(Segment(at_ns=at_ns, data=data))
        at_ns += 20 * MS
    segments.append(Segment(at_ns=at_ns, data=b"data: [DONE]\n\n"))
    return Response(
        status=200,
        http_version="HTTP/1.1",
        headers=(
            ("content-type", "text/event-stream"),
            ("transfer-encoding", "chunked"),
        ),
        segments=tuple(segments),
        ending=Ending(at_ns=at_ns, kind=EndingKind.COMPLETE),
    )


def scenario(
    name: str,
    *faults: FaultCall,
    response: Response | None = None,
    abort: Abort | None = None,
    why: str = "seen in production",
    allow: tuple[Waiver, ...] = (),
) -> Scenario:
    """Return a scenario about a short answer."""
    words = ("The", " quick", " brown", " fox", " jumps.")
    return Scenario(
        id=name,
        why=why,
        tags=("pr",),
        exchange=ExchangePlan(
            request=Request(
                method="POST",
                path="/v1/chat/completions",
                headers=(("content-type", "application/json"),),
                body=b'{"stream": true}',
            ),
            answers=(
                Answer(
                    response=response or stream(*words), recorded=True, faults=faults
                ),
            ),
            client=ClientPlan(abort=abort),
        ),
        allow=allow,
    )


def call(name: str, **parameters: object) -> FaultCall:
    """Return a fault as a scenario names it."""
    return FaultCall(name=name, parameters=parameters)


SCENARIOS = (
    scenario("clean/short-answer"),
    scenario("stuttering/first-chunk-twice", call("repeat_first", times=2)),
    scenario(
        "truncation/cut-in-an-event",
        call("close_at", at={"event": 3, "offset": 40}, how="fin"),
    ),
    scenario("truncation/no-done", call("done", mode="omit")),
    scenario("errors/in-band", call("inject_error", at={"event": 3}, shape="openai")),
    scenario("status/429", call("status", code=429)),
    scenario(
        "client/leaves-by-reset",
        abort=Abort(after_events=2, how=AbortHow.RST),
    ),
)
"""The scenarios of a run, unless a test names others."""


def record_of(
    wanted: Scenario,
    mode: Mode = Mode.VIRTUAL,
    *,
    swapped: bool = False,
    lag_ns: int = 0,
    change: Callable[[Judgement], Judgement] | None = None,
) -> ScenarioRecord:
    """Play a scenario through both relays and judge it.

    Args:
        wanted: The scenario.
        mode: Live: the same answers, as if over sockets.
        swapped: Whether the new architecture is the baseline.
        lag_ns: For a live record, how much later everything arrived.
        change: Applied to the candidate's judgement, to make up evidence.
    """
    script = make_script(wanted, SEED)
    expected = expectation(script, Contract.REPAIRING, wanted.exchange.expect)
    judgements = []
    for name in ("v2", "v1") if swapped else ("v1", "v2"):
        factory = load_relay(f"proxy.{name}:make_relay")
        seen = play_virtual(name, factory, script, {})
        if mode is Mode.LIVE:
            seen = replace(
                seen,
                virtual=False,
                reads=tuple((at_ns + lag_ns, data) for at_ns, data in seen.reads),
                end_at_ns=seen.end_at_ns + lag_ns,
            )
        judgements.append(judge(expected, seen, Limits(hold_ms=20)))
    baseline, candidate = judgements
    if change is not None:
        candidate = change(candidate)
    return ScenarioRecord(
        scenario=wanted,
        script=script,
        mode=mode,
        expected=(expected, expected),
        baseline=(baseline,),
        candidate=(candidate,),
        result=verdict_of([baseline], [candidate], wanted.allow),
    )


def run_of(*records: ScenarioRecord, lag: Lag | None = None) -> RunRecord:
    """Return the run of these records."""
    modes = {record.mode for record in records}
    decision = decide([record.result for record in records])
    facts = {
        name: TargetFacts(
            name=name,
            kind="command",
            contract=Contract.REPAIRING,
            relay=f"proxy.{name}:make_relay",
            proof="the header x-streaming-architecture",
        )
        for name in ("v1", "v2")
    }
    return RunRecord(
        settings=RunSettings(
            seed=SEED,
            modes=tuple(mode for mode in Mode if mode in modes),
            repeats=1,
            speed=1.0,
            suite="pr",
        ),
        baseline=facts["v1"],
        candidate=facts["v2"],
        records=records,
        decision=decision,
        reasons=(f"{len(records)} scenarios were judged",),
        lag=lag,
        routing={"v1": "header", "v2": "header"},
    )


VOLATILE = {
    "run": "20261123-091500-seed7",
    "started_at": "2026-11-23T09:15:00Z",
    "duration_s": 12.5,
    "machine": {
        "python": "CPython 3.11.2",
        "platform": "Linux 6.1 x86_64",
        "cores": 2,
        "load_average": [0.5, 0.4, 0.3],
    },
    "targets": {
        "v1": {"url": "http://127.0.0.1:40001", "served_by": "v1"},
        "v2": {"url": "http://127.0.0.1:40002", "served_by": "v2"},
    },
}
"""Facts of the caller of a run."""


@pytest.fixture(name="make_scenario")
def _make_scenario():
    return scenario


@pytest.fixture(name="make_call")
def _make_call():
    return call


@pytest.fixture(name="make_stream")
def _make_stream():
    return stream


@pytest.fixture(name="make_record")
def _make_record():
    return record_of


@pytest.fixture(name="make_run")
def _make_run():
    return run_of


@pytest.fixture(name="scenarios")
def _scenarios():
    return SCENARIOS


@pytest.fixture(name="volatile")
def _volatile():
    return VOLATILE


@pytest.fixture(name="virtual_run", scope="session")
def _virtual_run():
    """Every scenario in virtual time; the candidate is the new architecture."""
    return run_of(*(record_of(wanted) for wanted in SCENARIOS))


@pytest.fixture(name="worse_run", scope="session")
def _worse_run():
    """The candidate is the legacy architecture: nearly everything gates."""
    return run_of(*(record_of(wanted, swapped=True) for wanted in SCENARIOS))


@pytest.fixture(name="both_modes_run", scope="session")
def _both_modes_run():
    """Every scenario in both modes, the live ones a little later."""
    return run_of(
        *(record_of(wanted, mode) for wanted in SCENARIOS for mode in Mode),
        lag=Lag(count=100, p50_ns=40_000, p99_ns=200_000, max_ns=900_000),
    )


@pytest.fixture(name="tagged")
def _tagged(make_scenario, make_call, make_record):
    """Play scenarios of given names, faults and tags."""

    def play(name, *tags, faults=(), modes=(Mode.VIRTUAL,), change=None):
        wanted = make_scenario(name, *(make_call(n, **given) for n, given in faults))
        wanted = replace(wanted, tags=tags)
        return [make_record(wanted, mode, change=change) for mode in modes]

    return play

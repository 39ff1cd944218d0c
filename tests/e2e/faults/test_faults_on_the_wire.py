"""Each fault proves itself: its bytes, pauses and ending, read from a raw socket.

What must come is written out by hand in the modules beside this one; nothing of the
harness reads it. All cases are played at once, and each is then judged by itself.
"""

from __future__ import annotations

import asyncio
import types
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest

import harness.faults  # noqa: F401 - registers the faults
from harness.cassette.model import Request
from harness.faults.draft import draft_response
from harness.faults.registry import REGISTRY, FaultCall, apply_faults
from harness.play.upstream import Upstream
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script
from tests.e2e.faults.answers import ANSWERS, HEADS
from tests.e2e.faults.borders import BORDERS
from tests.e2e.faults.case import Case
from tests.e2e.faults.chunks import CHUNKS, CODINGS
from tests.e2e.faults.endings import ENDINGS, NAMES
from tests.e2e.faults.inserts import FIELDS, INJECTED
from tests.e2e.faults.lines import LINE_CASES
from tests.e2e.faults.raw import Seen, ask
from tests.e2e.faults.repeats import CUMULATIVE, REPEATED
from tests.e2e.faults.stream import response
from tests.e2e.faults.times import TIMES
from tests.e2e.faults.tools import TOOL

pytestmark = pytest.mark.e2e

CASES = [
    *(*REPEATED, *CUMULATIVE, *ENDINGS, *TOOL, *NAMES, *INJECTED, *FIELDS),
    *LINE_CASES,
    *(*ANSWERS, *HEADS, *CHUNKS, *CODINGS, *BORDERS, *TIMES),
]
AT_ONCE = 24
DEADLINE_S = 8.0


def script(case: Case) -> Script:
    """Return what is played for a case."""
    calls = [
        FaultCall(name=name, parameters=parameters)
        for entry in case.before
        for name, parameters in entry.items()
    ]
    calls.append(FaultCall(name=case.fault, parameters=case.parameters))
    draft = draft_response(response(case.stream))
    wire = apply_faults(draft, tuple(calls), Random(3))
    return Script(
        scenario_id="a/b",
        seed=1,
        request=Request(method="POST", path="/v1/x", headers=(), body=b"{}"),
        attempts=(wire,),
        client=ClientPlan(),
    )


async def play_all() -> list[list[Seen] | Exception]:
    """Play every case, many side by side."""
    places = asyncio.Semaphore(AT_ONCE)
    async with Upstream() as upstream:
        port = int(upstream.url.rpartition(":")[2])

        async def play(number: int, case: Case) -> list[Seen]:
            async with places:
                ticket = upstream.expect(f"t{number}", script(case))
                try:
                    return await ask(port, f"t{number}", case.asked, DEADLINE_S)
                finally:
                    ticket.close()

        return await asyncio.gather(
            *(play(number, case) for number, case in enumerate(CASES)),
            return_exceptions=True,
        )


@pytest.fixture(scope="module")
def played() -> list[list[Seen] | Exception]:
    """What every case saw."""
    return asyncio.run(play_all())


@pytest.mark.parametrize("number", range(len(CASES)), ids=[c.name for c in CASES])
def test_a_fault_is_on_the_wire_as_promised(number, played):
    """Bytes, pauses, ending."""
    found = played[number]
    if isinstance(found, Exception):
        raise found
    case = CASES[number]
    for check in case.checks:
        check(found[-1])
    if case.every is not None:
        case.every(found)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_fault_has_a_proof(name):
    """A new fault, or a new mode of one, comes with the bytes that it promises."""
    cases = [case for case in CASES if case.fault == name]
    assert cases, f"write down what {name} puts on the wire, in tests/e2e/faults"
    for parameter, annotation in REGISTRY[name].types.items():
        default = REGISTRY[name].parameters[parameter].default
        shown = [case.parameters.get(parameter, default) for case in cases]
        flat = [
            one
            for value in shown
            for one in (value if isinstance(value, list) else [value])
        ]
        missing = [value for value in literals(annotation) if value not in flat]
        assert not missing, f"no case has {parameter}: {missing}"
        assert any(parameter in case.parameters for case in cases), parameter


def literals(annotation: Any) -> list[Any]:
    """Return every value that an annotation names."""
    origin = get_origin(annotation)
    if origin is Literal:
        return list(get_args(annotation))
    if origin in {Union, types.UnionType, Annotated, list}:
        return [value for part in get_args(annotation) for value in literals(part)]
    return []

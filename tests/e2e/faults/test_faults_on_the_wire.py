"""Each fault proves itself: its bytes, pauses and ending, read from a raw socket.

What must come is written out by hand in the modules beside this one; nothing of the
harness reads it. All cases are played at once, and each is then judged by itself.
"""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest

import harness.faults  # noqa: F401 - registers the faults
from harness.faults.draft.wire import WireDraft
from harness.faults.registry import REGISTRY, FaultCall
from tests.e2e.faults.case import Case
from tests.e2e.faults.raw import Seen
from tests.e2e.faults.stage import CASES, play_all, wire_of

pytestmark = pytest.mark.e2e


def draft(case: Case) -> WireDraft:
    """Return what is played for a case."""
    calls = [
        FaultCall(name=name, parameters=parameters)
        for entry in case.before
        for name, parameters in entry.items()
    ]
    own = FaultCall(name=case.fault, parameters=case.parameters)
    return wire_of(case.stream, [*calls, own])


@pytest.fixture(scope="module")
def played() -> list[list[Seen] | BaseException]:
    """What every case saw."""
    return play_all([(draft(case), case.asked) for case in CASES])


@pytest.mark.parametrize("number", range(len(CASES)), ids=[c.name for c in CASES])
def test_a_fault_is_on_the_wire_as_promised(number, played):
    """Bytes, pauses, ending."""
    found = played[number]
    if isinstance(found, BaseException):
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

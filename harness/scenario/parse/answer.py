"""Parser of the upstream's answers: a recording or a stream, and faults."""

from __future__ import annotations

from collections.abc import Callable

from harness.cassette.model import Cassette, Interaction, Request
from harness.documents.node import Node
from harness.errors import InputError, joined
from harness.faults.registry import FaultCall, FaultError, check_call, find_fault
from harness.scenario.model import Answer
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, inline_response

__all__ = ["FindCassette", "check_answer", "parse_answer"]

FindCassette = Callable[[Node], Cassette]
"""Returns the cassette that a node names; raises `InputError` where there is none."""

_OF_A_STREAM = ("status", "headers", "framing", "ending", "itl_ms")


def check_answer(node: Node, scenario: Node, *, required: bool) -> None:
    """Check that a mapping names the upstream's answer, and names it once.

    Args:
        node: The mapping.
        scenario: The scenario around it, which may name a cassette for all.
        required: Whether it must name one at all.
    """
    keys = node.keys
    if {"cassette", "stream"} <= keys:
        message = "expected one of cassette and stream, got both"
        with node.mistakes:
            raise InputError(message, at=node.at("stream"))
    if required and not {"cassette", "stream"} & keys:
        message = "expected one of cassette and stream, got none"
        with node.mistakes:
            raise node.error(message, missing="cassette")
    for key in _OF_A_STREAM:
        if key in node.mapping and "stream" not in keys:
            message = "belongs to a stream written by hand"
            with node.mistakes:
                raise InputError(message, at=node.at(key))
    if "interaction" in node.mapping and "cassette" not in (keys | scenario.keys):
        message = "belongs to a cassette"
        with node.mistakes:
            raise InputError(message, at=node.at("interaction"))


def parse_answer(
    node: Node, scenario: Node, find_cassette: FindCassette
) -> tuple[Request, Answer] | None:
    """Return request and answer; None: there is a mistake.

    Args:
        node: The mapping; where it names neither cassette nor stream, those of the
            scenario are used.
        scenario: The scenario around it.
        find_cassette: Returns a cassette by its name.
    """
    entries = list(node.at("faults"))
    faults = tuple(entry.read(_parse_fault) for entry in entries)
    own = {"cassette", "stream"} & node.keys
    source = node if own else scenario
    if "cassette" in source.mapping:
        chooser = node if "interaction" in node.mapping else source
        number = chooser.at("interaction")
        cassette = source.at("cassette").read(find_cassette)
        # `read` returns None for a cassette that has mistakes, here or in its file.
        found = cassette and _choose(number, cassette)
        if not found or not all(entry.is_sound for entry in entries):
            return None
        answer = Answer(response=found.response, recorded=True, faults=faults)
        return found.request, answer
    if "stream" not in source.mapping:
        return None
    response = inline_response(source)
    if response is None or not all(entry.is_sound for entry in entries):
        return None
    return DEFAULT_REQUEST, Answer(response=response, recorded=False, faults=faults)


def _choose(number: Node, cassette: Cassette) -> Interaction | None:
    if not number.is_sound:
        return None
    chosen: int = number.value or 0
    count = len(cassette.interactions)
    if chosen < count:
        return cassette.interactions[chosen]
    message = f"the cassette has {count} interaction(s), counted from 0; got {chosen}"
    with number.mistakes:
        raise InputError(message, at=number)
    return None


def _parse_fault(entry: Node) -> FaultCall:
    [fault] = entry
    call = FaultCall(name=fault.name, parameters=fault.value or {})
    try:
        check_call(find_fault(call.name), call.parameters)
    except FaultError as error:
        raise joined(_with_place(one, fault) for one in error.all) from None
    except InputError as error:
        raise InputError(error.message, at=fault, nearest=error.nearest) from None
    return call


def _with_place(error: InputError, fault: Node) -> InputError:
    inner = error.key.split(".") if error.key else ()
    return InputError(error.message, at=fault.at(*inner), nearest=error.nearest)

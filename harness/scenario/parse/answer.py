"""What the upstream of a scenario answers: a recording or a stream, and faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.cassette.model import Cassette, Interaction, Request
from harness.documents.node import Node
from harness.errors import InputError
from harness.faults.registry import FaultCall, FaultError, check_call, find_fault
from harness.scenario.model import Answer
from harness.scenario.parse.inline_stream import DEFAULT_REQUEST, inline_response

__all__ = ["check_answer", "named_cassettes", "parse_answer"]

_BESIDE_STREAM = ("status", "headers", "framing", "ending", "itl_ms")


def named_cassettes(scenario: Node) -> Iterator[Node]:
    """Yield every name of a cassette in a scenario."""
    parts = (*scenario.at("attempts"), *scenario.at("sequence"))
    for node in (scenario, *parts):
        if "cassette" in node.value:
            yield node.at("cassette")


def check_answer(node: Node, scenario: Node, *, required: bool) -> None:
    """Refuse a mapping that does not say, or says twice, what the upstream answers.

    Args:
        node: The mapping.
        scenario: The scenario around it, which may name the cassette of all.
        required: Whether it must say it at all.

    Raises:
        InputError: With line and key.
    """
    has_cassette, has_stream = "cassette" in node.value, "stream" in node.value
    if has_cassette and has_stream:
        message = "expected one of cassette and stream, came both"
        raise InputError(message, at=node.at("stream"))
    if required and not (has_cassette or has_stream):
        raise InputError("expected one of cassette and stream, came none", at=node)
    for key in _BESIDE_STREAM:
        if key in node.value and not has_stream:
            raise InputError("belongs to a stream written by hand", at=node.at(key))
    if "interaction" in node.value and not (
        has_cassette or "cassette" in scenario.value
    ):
        raise InputError("belongs to a cassette", at=node.at("interaction"))


def parse_answer(
    node: Node, scenario: Node, cassettes: Mapping[str, Cassette]
) -> tuple[Request, Answer]:
    """Return what is asked and what the upstream answers.

    Args:
        node: The mapping that says it; where it names neither cassette nor stream,
            those of the scenario are meant.
        scenario: The scenario around it.
        cassettes: The recordings that the scenario names, by that name.

    Raises:
        InputError: With line, key and the nearest valid name.
    """
    faults = tuple(_parse_fault(entry) for entry in node.at("faults"))
    own = "cassette" in node.value or "stream" in node.value
    source = node if own else scenario
    if "cassette" in source.value:
        chooser = node if "interaction" in node.value else source
        cassette = cassettes[source.value["cassette"]]
        found = _interaction(chooser.at("interaction"), cassette)
        answer = Answer(response=found.response, recorded=True, faults=faults)
        return found.request, answer
    response = inline_response(source)
    return DEFAULT_REQUEST, Answer(response=response, recorded=False, faults=faults)


def _interaction(number: Node, cassette: Cassette) -> Interaction:
    chosen: int = number.value or 0
    count = len(cassette.interactions)
    if chosen >= count:
        raise InputError(
            f"the cassette has {count} interaction(s), counted from 0; came {chosen}",
            at=number,
        )
    return cassette.interactions[chosen]


def _parse_fault(entry: Node) -> FaultCall:
    [fault] = entry
    call = FaultCall(name=fault.name, parameters=fault.value or {})
    try:
        check_call(find_fault(call.name), call.parameters)
    except FaultError as error:
        inner = error.key.split(".") if error.key else ()
        raise InputError(
            error.message, at=fault.at(*inner), nearest=error.nearest
        ) from None
    except InputError as error:
        raise InputError(error.message, at=fault, nearest=error.nearest) from None
    return call

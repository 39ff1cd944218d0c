"""Scenarios from cassettes alone: each whole, and each with every given fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.cassette.model import Cassette
from harness.documents.yaml_document import load
from harness.errors import InputError
from harness.faults.registry import (
    FaultCall,
    FaultError,
    check_call,
    find_fault,
    find_live_only,
)
from harness.scenario.model import Answer, ExchangePlan, Expect, Mode, Scenario

__all__ = ["WHOLE", "cassette_scenarios", "parse_fault", "with_fault"]

WHOLE = "whole"
"""The family of scenarios that play a cassette as it was recorded."""


def cassette_scenarios(
    cassettes: Iterable[tuple[str, str, Cassette]], faults: Sequence[FaultCall] = ()
) -> list[Scenario]:
    """Make a scenario of every interaction, and one more for every fault.

    Args:
        cassettes: Name, file and content; the name becomes part of the id.
        faults: Each is a family of its own, with the fault's name.
    """
    return [
        _scenario(name, source, cassette, position, calls)
        for name, source, cassette in cassettes
        for position in range(len(cassette.interactions))
        for calls in ((), *((call,) for call in faults))
    ]


def _scenario(
    name: str,
    source: str,
    cassette: Cassette,
    position: int,
    calls: tuple[FaultCall, ...],
) -> Scenario:
    interaction = cassette.interactions[position]
    number = f"/{position}" if len(cassette.interactions) > 1 else ""
    answer = Answer(response=interaction.response, recorded=True, faults=calls)
    return Scenario(
        id=f"{calls[0].name if calls else WHOLE}/{name}{number}",
        why=_why(calls),
        tags=cassette.tags,
        exchange=ExchangePlan(request=interaction.request, answers=(answer,)),
        modes=(Mode.LIVE,) if find_live_only(calls) else tuple(Mode),
        source=source,
    )


def with_fault(scenario: Scenario, call: FaultCall) -> Scenario:
    """Return a scenario of one answer with one more fault, after its own.

    The scenario's demands beyond the oracle were made without that fault, and are
    dropped.
    """
    [answer] = scenario.exchange.answers
    answer = replace(answer, faults=(*answer.faults, call))
    return replace(
        scenario,
        id=f"{scenario.id}+{call.name}",
        exchange=replace(scenario.exchange, answers=(answer,), expect=Expect()),
        added=(call,),
        allow=(),
    )


def parse_fault(text: str) -> FaultCall:
    """Read a fault as a scenario would name it, on one line.

    Args:
        text: A name, or YAML such as ``close_at: {at: {frac: 0.5}}``.

    Raises:
        InputError: There is no such fault; the error names the nearest.
    """
    data = load(text, source="--fault").value
    if isinstance(data, str):
        data = {data: {}}
    if not isinstance(data, dict) or len(data) != 1:
        raise InputError(
            f"expected one fault, such as 'repeat_first: {{times: 2}}', got {text!r}",
            source="--fault",
        )
    [(name, parameters)] = data.items()
    call = FaultCall(name=name, parameters=parameters or {})
    definition = find_fault(name)
    try:
        check_call(definition, call.parameters)
    except FaultError as error:
        key = f"{name}.{error.key}" if error.key else name
        raise FaultError(
            error.message, source="--fault", key=key, nearest=error.nearest
        ) from None
    return call


def _why(calls: tuple[FaultCall, ...]) -> str:
    if not calls:
        return "A recorded stream must arrive unchanged."
    return f"A recorded stream, and {calls[0].name} on top of it."

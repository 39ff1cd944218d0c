"""Scenarios made of cassettes alone: each whole, and each with every given fault."""

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
from harness.scenario.model import Expect, Mode, Scenario

__all__ = ["WHOLE", "cassette_scenarios", "parse_fault", "put_on_top"]

WHOLE = "whole"
"""The family of cassettes that are played as they were recorded."""


def cassette_scenarios(
    cassettes: Iterable[tuple[str, str, Cassette]], faults: Sequence[FaultCall] = ()
) -> list[Scenario]:
    """Make a scenario of every interaction, and one more for every fault.

    Args:
        cassettes: Name, file and content; the name becomes part of the id.
        faults: Each makes a family of its own, named like the fault.
    """
    scenarios = []
    for name, source, cassette in cassettes:
        for position, interaction in enumerate(cassette.interactions):
            number = f"/{position}" if len(cassette.interactions) > 1 else ""
            for calls in ((), *((call,) for call in faults)):
                family = calls[0].name if calls else WHOLE
                scenarios.append(
                    Scenario(
                        id=f"{family}/{name}{number}",
                        why=_why(calls),
                        tags=cassette.tags,
                        request=interaction.request,
                        response=interaction.response,
                        recorded=True,
                        faults=calls,
                        modes=(Mode.LIVE,) if find_live_only(calls) else tuple(Mode),
                        source=source,
                    )
                )
    return scenarios


def put_on_top(scenario: Scenario, call: FaultCall) -> Scenario:
    """Return a scenario with one fault more, behind its own.

    What the scenario demands beyond the oracle was said of it without that fault, and
    is not demanded.
    """
    return replace(
        scenario,
        id=f"{scenario.id}+{call.name}",
        faults=(*scenario.faults, call),
        added=(call,),
        expect=Expect(),
        allow=(),
    )


def parse_fault(text: str) -> FaultCall:
    """Read a fault as a scenario would name it, on one line.

    Args:
        text: A name, or YAML such as ``close_at: {at: {frac: 0.5}}``.

    Raises:
        InputError: If it is no such fault; it names the nearest.
    """
    data = load(text, source="--fault").data
    if isinstance(data, str):
        data = {data: {}}
    if not isinstance(data, dict) or len(data) != 1:
        raise InputError(
            f"expected one fault, such as 'repeat_first: {{times: 2}}', came {text!r}",
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
        return "A recorded stream must come through as it was."
    return f"A recorded stream, and {calls[0].name} on top of it."

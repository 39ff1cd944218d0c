"""Scenarios made of cassettes alone: each whole, and each with every given fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.cassette.model import Cassette
from harness.faults.registry import FaultCall
from harness.scenario.model import Scenario

__all__ = ["WHOLE", "cassette_scenarios"]

WHOLE = "whole"
"""The family of cassettes that are played as they were recorded."""


def cassette_scenarios(
    cassettes: Iterable[tuple[str, Cassette]], faults: Sequence[FaultCall] = ()
) -> list[Scenario]:
    """Make a scenario of every interaction, and one more for every fault.

    Args:
        cassettes: Name and content; the name becomes part of the id.
        faults: Each makes a family of its own, named like the fault.
    """
    scenarios = []
    for name, cassette in cassettes:
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
                        source=name,
                    )
                )
    return scenarios


def _why(calls: tuple[FaultCall, ...]) -> str:
    if not calls:
        return "A recorded stream must come through as it was."
    return f"A recorded stream, and {calls[0].name} on top of it."

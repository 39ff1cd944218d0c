"""From a scenario to the timed steps that an upstream performs."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from harness.cassette.model import Request
from harness.faults.draft import WireDraft, draft_response
from harness.faults.registry import FaultError, apply_faults
from harness.scenario.model import ClientPlan, Scenario

__all__ = ["Script", "make_script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that is played for one scenario.

    Attributes:
        scenario_id: Its id.
        seed: The seed of every random choice in it.
        request: What the client asks.
        attempts: Attempt *n* of the target plays entry *n*, the last one repeating.
        client: What the client does.
    """

    scenario_id: str
    seed: int
    request: Request
    attempts: tuple[WireDraft, ...]
    client: ClientPlan

    def attempt(self, number: int) -> WireDraft:
        """Return what the upstream plays for the target's attempt, counted from 1."""
        return self.attempts[min(number, len(self.attempts)) - 1]


def make_script(scenario: Scenario, seed: int) -> Script:
    """Apply a scenario's faults to its recording.

    Args:
        scenario: What to play.
        seed: The run's seed; the scenario's id is mixed in, so that adding a scenario
            does not change the others.

    Raises:
        FaultError: If a fault cannot apply; it names the scenario and the fault.
    """
    rng = Random(f"{seed}:{scenario.id}")  # noqa: S311 - repeatable, not secret
    draft = draft_response(scenario.response)
    try:
        wire = apply_faults(draft, scenario.faults, rng)
    except FaultError as error:
        raise FaultError(
            error.message,
            source=scenario.source or scenario.id,
            key=f"faults.{error.key}",
            nearest=error.nearest,
        ) from None
    return Script(
        scenario_id=scenario.id,
        seed=seed,
        request=scenario.request,
        attempts=(wire,),
        client=scenario.client,
    )

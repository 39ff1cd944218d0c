"""From a scenario to the timed steps that an upstream performs."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from harness.cassette.model import Request
from harness.faults.draft import WireDraft, draft_response
from harness.faults.registry import FaultError, apply_faults
from harness.scenario.client import ClientPlan
from harness.scenario.model import Scenario, Take

__all__ = ["Script", "make_script"]


_HEAD_ROOM_NS = 50_000_000
"""Below this a live client cannot be sure to leave before the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that is played for one stream.

    Attributes:
        scenario_id: The scenario's id.
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

    @property
    def drafts(self) -> tuple[WireDraft, ...]:
        """Everything that the upstream may play."""
        return self.attempts

    def played(self, attempt: int) -> int:
        """Return which draft is played for the target's attempt, counted from 1."""
        return min(attempt, len(self.attempts)) - 1

    def attempt(self, number: int) -> WireDraft:
        """Return what the upstream plays for the target's attempt, counted from 1."""
        return self.drafts[self.played(number)]


def make_script(scenario: Scenario, seed: int) -> Script:
    """Apply a scenario's faults to its recordings.

    Args:
        scenario: What to play.
        seed: The run's seed; the scenario's id is mixed in, so that adding a scenario
            does not change the others.

    Raises:
        FaultError: If a fault cannot apply, or the client cannot do what it is to do;
            it names the scenario and the key.
    """
    attempts = tuple(
        _draft(scenario, take, number, seed)
        for number, take in enumerate(scenario.takes)
    )
    _check_client(scenario, attempts[0])
    return Script(
        scenario_id=scenario.id,
        seed=seed,
        request=scenario.request,
        attempts=attempts,
        client=scenario.client,
    )


def _draft(scenario: Scenario, take: Take, number: int, seed: int) -> WireDraft:
    more = f":attempt {number + 1}" if number else ""
    rng = Random(f"{seed}:{scenario.id}{more}")  # noqa: S311 - repeatable, not secret
    try:
        return apply_faults(draft_response(take.response), take.faults, rng)
    except FaultError as error:
        place = f"attempts[{number}].faults" if scenario.attempts else "faults"
        raise FaultError(
            error.message,
            source=scenario.source or scenario.id,
            key=f"{place}.{error.key}",
            nearest=error.nearest,
        ) from None


def _check_client(scenario: Scenario, first: WireDraft) -> None:
    """Refuse a client that cannot be shown to do what it is to do."""
    abort = scenario.client.abort
    if abort is None or not abort.before_head or first.head_at_ns is None:
        return
    if first.head_at_ns < _HEAD_ROOM_NS:
        raise FaultError(
            f"the head comes after {first.head_at_ns / 1e6:g} ms, which is too soon "
            "for a client to leave before it; add head_delay",
            source=scenario.source or scenario.id,
            key="client.abort.before",
        )

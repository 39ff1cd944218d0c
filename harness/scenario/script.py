"""Scripts: the timed steps that an upstream performs for a scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from harness.cassette.model import Request
from harness.faults.draft.lowering import draft_response
from harness.faults.draft.wire import WireDraft
from harness.faults.registry import FaultCall, FaultError, apply_faults
from harness.scenario.canary import with_marker
from harness.scenario.model import Answer, ClientPlan, ExchangePlan, Phase, Scenario
from harness.units import NS_PER_MS

__all__ = ["Script", "make_script"]


_HEAD_ROOM_NS = 50_000_000
"""Below this a live client cannot be sure to leave before the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything that the upstream and the client do for one stream.

    Attributes:
        seed: The seed of every random choice in it.
        attempts: Attempt *n* of the target gets entry *n*, the last one repeats.
        outage: Pairs of a moment, in nanoseconds since the first client asked, and the
            number of the draft that is played from then on; None: an attempt.
        troubles: The answers in an outage.
        marker: The marker in the text of this stream, and in no other; None: none.
    """

    scenario_id: str
    seed: int
    request: Request
    attempts: tuple[WireDraft, ...]
    client: ClientPlan
    outage: tuple[tuple[int, int | None], ...] = ()
    troubles: tuple[WireDraft, ...] = ()
    marker: str | None = None

    @property
    def drafts(self) -> tuple[WireDraft, ...]:
        """Everything that the upstream may play."""
        return self.attempts + self.troubles

    def played(self, attempt: int, at_ns: int = 0) -> int:
        """Return the number of the draft that is played.

        Args:
            attempt: Number of the target's attempt, from 1.
            at_ns: When its request arrives, since the first client asked.
        """
        trouble = None
        for from_ns, number in self.outage:
            if at_ns >= from_ns:
                trouble = number
        return min(attempt, len(self.attempts)) - 1 if trouble is None else trouble

    def attempt(self, number: int) -> WireDraft:
        """Return the draft for an attempt of the target, counted from 1."""
        return self.drafts[self.played(number)]


def make_script(
    scenario: Scenario,
    seed: int,
    *,
    exchange: ExchangePlan | None = None,
    marker: str | None = None,
) -> Script:
    """Apply the faults of one exchange to its recordings.

    Args:
        scenario: The scenario.
        seed: The run's seed; the scenario's id is mixed in, so a new scenario does not
            change the others.
        exchange: None: the scenario's own.
        marker: The marker for the text of this stream.

    Raises:
        FaultError: A fault cannot apply, or the client cannot behave as planned; the
            error names the scenario and the key.
    """
    exchange = exchange or scenario.exchange
    attempts = tuple(
        _draft(scenario, answer, number, seed, marker)
        for number, answer in enumerate(exchange.answers)
    )
    _check_client(scenario, exchange.client, attempts[0])
    outage, troubles = _outage(scenario, seed)
    return Script(
        scenario_id=scenario.id,
        seed=seed,
        request=exchange.request,
        attempts=attempts,
        client=exchange.client,
        outage=tuple(
            (from_ns, None if trouble is None else len(attempts) + trouble)
            for from_ns, trouble in outage
        ),
        troubles=troubles,
        marker=marker,
    )


def _outage(
    scenario: Scenario, seed: int
) -> tuple[list[tuple[int, int | None]], tuple[WireDraft, ...]]:
    """Return the phases, each with its number among the troubles, and the troubles."""
    phases: list[tuple[int, int | None]] = []
    troubles: list[WireDraft] = []
    for phase in scenario.outage:
        trouble = None
        if not phase.works:
            trouble = len(troubles)
            [answer, *_] = scenario.exchange.answers
            answer = replace(answer, faults=(_as_fault(phase),))
            troubles.append(_draft(scenario, answer, 0, seed, None))
        phases.append((round(phase.from_ms * NS_PER_MS), trouble))
    return phases, tuple(troubles)


def _as_fault(phase: Phase) -> FaultCall:
    if isinstance(phase.answer, int):
        return FaultCall(name="status", parameters={"code": phase.answer})
    how = {"reset": "rst", "close": "fin"}.get(phase.answer, phase.answer)
    return FaultCall(name="close_before_head", parameters={"how": how})


def _draft(
    scenario: Scenario, answer: Answer, number: int, seed: int, marker: str | None
) -> WireDraft:
    more = f":attempt {number + 1}" if number else ""
    # A fault that is added to a scenario does not change its other random choices.
    drawn = scenario.id.partition("+")[0]
    rng = Random(f"{seed}:{drawn}{more}")  # noqa: S311 - repeatable, not secret
    try:
        draft = draft_response(answer.response)
        if marker is not None:
            draft = with_marker(draft, marker)
        return apply_faults(draft, answer.faults, rng)
    except FaultError as error:
        by_attempt = scenario.exchange.by_attempt
        place = f"attempts[{number}].faults" if by_attempt else "faults"
        raise FaultError(
            error.message,
            source=scenario.source or scenario.id,
            # A fault names itself; only a marker does not.
            key=f"{place}.{error.key}" if error.key else "streams.canary",
            nearest=error.nearest,
        ) from None


def _check_client(scenario: Scenario, client: ClientPlan, first: WireDraft) -> None:
    """Refuse a client whose behaviour would depend on chance."""
    abort = client.abort
    if abort is None or not abort.before_head or first.head_at_ns is None:
        return
    if first.head_at_ns < _HEAD_ROOM_NS:
        raise FaultError(
            f"the head is sent after {first.head_at_ns / NS_PER_MS:g} ms, "
            "which is too soon for a client to leave before it; add head_delay",
            source=scenario.source or scenario.id,
            key="client.abort.before",
        )

"""Plays labelled streams into relays, in virtual time, and scores the results."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from harness.cassette.model import Request, Response
from harness.errors import InputError
from harness.judge.evidence.observation import Observation
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import RelayUnderTest, load_relay, new_relay
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script
from harness.stutter.recorded_stream import read_recorded_stream
from harness.stutter.score import ScoredStream, score
from harness.stutter.sets import SETS

__all__ = ["ScoringJob", "check_relay", "score_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringJob:
    """One recorded stream, and the relays to play it into.

    Attributes:
        name: The stream's name, for messages.
        seed: Seed of the relays.
    """

    name: str
    request: Request
    response: Response
    relays: tuple[RelayUnderTest, ...]
    seed: int


def check_relay(relay: RelayUnderTest) -> None:
    """Make the relay once, to report a wrong name or setting before a run.

    Raises:
        InputError: It cannot be made.
    """
    try:
        new_relay(load_relay(relay.path), relay.mapping, 0, {})
    except ValueError as error:
        raise InputError(str(error), source="--target", key=relay.name) from None


def score_stream(job: ScoringJob) -> ScoredStream:
    """Play every set that fits a stream into every target."""
    recorded = read_recorded_stream(job.response)
    if recorded.why_not is not None:
        return ScoredStream(name=job.name, scores={}, why_not=recorded.why_not)
    scores = {}
    for kind in SETS:
        labelled = kind.build(recorded)
        if labelled is None:
            continue
        script = Script(
            scenario_id=f"{kind.name}/{job.name}",
            seed=job.seed,
            request=job.request,
            attempts=(labelled.wire,),
            client=ClientPlan(),
        )
        scores[kind.name] = tuple(
            score(labelled.meant, _play(relay, script), stutters=kind.stutters)
            for relay in job.relays
        )
    return ScoredStream(name=job.name, scores=scores, why_not=None)


def _play(relay: RelayUnderTest, script: Script) -> Observation:
    return play_virtual(
        relay.name,
        _factory(relay.path),
        script,
        relay.mapping,
        architecture=relay.architecture,
    )


_factory = lru_cache(maxsize=64)(load_relay)

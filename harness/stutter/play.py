"""Plays labelled streams into relays, in virtual time, and scores what came out."""

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
from harness.stutter.score import Scored, score
from harness.stutter.sets import SETS, base_of

__all__ = ["Stream", "check_relay", "score_stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One recorded stream, and what it is to be played into.

    Attributes:
        name: For messages.
        request: What was asked.
        response: What was answered.
        relays: The targets.
        seed: Seed of the relays.
    """

    name: str
    request: Request
    response: Response
    relays: tuple[RelayUnderTest, ...]
    seed: int


def check_relay(relay: RelayUnderTest) -> None:
    """Make the relay once, so that a wrong name or setting is told before a run.

    Raises:
        InputError: It cannot be made.
    """
    try:
        new_relay(load_relay(relay.path), relay.mapping, 0, {})
    except ValueError as error:
        raise InputError(str(error), source="--target", key=relay.name) from None


def score_stream(stream: Stream) -> Scored:
    """Play every set that can be made of a stream into every target."""
    base = base_of(stream.response)
    if base.why_not is not None:
        return Scored(name=stream.name, scores={}, why_not=base.why_not)
    scores = {}
    for kind in SETS:
        labelled = kind.build(base)
        if labelled is None:
            continue
        script = Script(
            scenario_id=f"{kind.name}/{stream.name}",
            seed=stream.seed,
            request=stream.request,
            attempts=(labelled.wire,),
            client=ClientPlan(),
        )
        scores[kind.name] = tuple(
            score(labelled.meant, _play(relay, script), stutters=kind.stutters)
            for relay in stream.relays
        )
    return Scored(name=stream.name, scores=scores, why_not=None)


def _play(relay: RelayUnderTest, script: Script) -> Observation:
    return play_virtual(
        relay.name,
        _factory(relay.path),
        script,
        relay.mapping,
        architecture=relay.architecture,
    )


_factory = lru_cache(maxsize=64)(load_relay)

"""The streams of one scenario: one script for each, and how they follow one another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from harness.scenario.canary import marker_of
from harness.scenario.client import Abort, AbortHow, ClientPlan
from harness.scenario.group import Phase
from harness.scenario.model import Expect, Scenario
from harness.scenario.script import Script, make_script
from harness.sse.parser import parse
from harness.units import NS_PER_MS

__all__ = ["Part", "Program", "make_program"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stream of a scenario.

    Attributes:
        name: What the report calls it; empty where there is no other.
        script: What is played.
        expect: What the scenario demands of this one.
        start_ns: When its client asks, since the first one did; None: when the stream
            before it is over.
    """

    name: str
    script: Script
    expect: Expect
    start_ns: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """All streams of one scenario.

    Attributes:
        parts: In the order of their start.
        one_connection: Whether they share a client connection, one after another.
        phases: What the upstream does by time.
        fresh: Whether it needs a target of its own: what it leaves behind would stay.
    """

    parts: tuple[Part, ...]
    one_connection: bool = False
    phases: tuple[Phase, ...] = ()
    fresh: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it is judged as several streams."""
        return bool(self.parts[0].name)


def make_program(scenario: Scenario, seed: int) -> Program:
    """Make the scripts of all streams.

    Args:
        scenario: What to play.
        seed: As for `make_script`.

    Raises:
        FaultError: As for `make_script`.
    """
    program = _program(scenario, seed)
    return replace(program, phases=scenario.outage, fresh=scenario.needs_fresh_target)


def _program(scenario: Scenario, seed: int) -> Program:
    if scenario.sequence:
        parts = tuple(
            Part(
                name=f"exchange {number}",
                script=make_script(one, seed),
                expect=one.expect,
                start_ns=None if number > 1 else 0,
            )
            for number, one in enumerate(scenario.sequence, start=1)
        )
        return Program(parts=parts, one_connection=True)
    if scenario.streams is None:
        name = "stream 1" if scenario.is_group else ""
        script = make_script(scenario, seed)
        return Program(parts=(Part(name=name, script=script, expect=scenario.expect),))
    return _many(scenario, seed)


def _many(scenario: Scenario, seed: int) -> Program:
    streams = scenario.streams
    assert streams is not None  # noqa: S101 - asked by the caller
    plain = make_script(scenario, seed)
    leaving = _leaving(scenario, plain, seed)
    # The number of requests is told of all streams together.
    expect = replace(scenario.expect, upstream_requests=None)
    parts = []
    for number in range(streams.count):
        client = leaving.get(number, scenario.client)
        if streams.canary:
            marker = marker_of(number)
            script = make_script(scenario, seed, marker=marker, client=client)
        else:
            script = replace(plain, client=client)
        start_ns: int | None = round(number * streams.every_ms * NS_PER_MS)
        if streams.one_connection and number:
            start_ns = None
        parts.append(
            Part(
                name=f"stream {number + 1}",
                # Each relay has chance of its own, as each stream of a server has.
                script=replace(script, seed=seed + number),
                expect=expect,
                start_ns=start_ns,
            )
        )
    return Program(parts=tuple(parts), one_connection=streams.one_connection)


def _leaving(scenario: Scenario, script: Script, seed: int) -> dict[int, ClientPlan]:
    """Say which clients leave, and where."""
    streams = scenario.streams
    assert streams is not None  # noqa: S101 - asked by the caller
    count = round(streams.count * streams.abort_ratio)
    if not count:
        return {}
    rng = Random(f"{seed}:{scenario.id}:leaving")  # noqa: S311 - repeatable, not secret
    events = len(parse(script.attempts[0].body).events)
    return {
        number: replace(
            scenario.client,
            abort=Abort(
                after_events=rng.randrange(max(1, events - 1)),
                how=rng.choice((AbortHow.FIN, AbortHow.RST)),
            ),
        )
        for number in sorted(rng.sample(range(streams.count), count))
    }

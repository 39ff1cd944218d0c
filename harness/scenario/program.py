"""The program of a scenario: a script for each stream, and when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from harness.scenario.canary import marker_of
from harness.scenario.model import (
    Abort,
    AbortHow,
    ClientPlan,
    Expect,
    Phase,
    Scenario,
    Streams,
)
from harness.scenario.script import Script, make_script
from harness.sse.parser import parse
from harness.units import NS_PER_MS

__all__ = ["Program", "ScriptedStream", "make_program"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedStream:
    """One stream of a scenario, and when it starts.

    Attributes:
        name: Its name in reports; empty where it is the only one.
        expect: The scenario's demands on this one.
        start_ns: When its client asks, after the first one did; None: when the stream
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
        streams: In the order of their start.
        one_connection: Whether they share a client connection, one after another.
        phases: The upstream's phases by time.
        fresh: Whether it needs a target of its own, because it changes its state.
    """

    streams: tuple[ScriptedStream, ...]
    one_connection: bool = False
    phases: tuple[Phase, ...] = ()
    fresh: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it is judged as several streams."""
        return bool(self.streams[0].name)


def make_program(scenario: Scenario, seed: int) -> Program:
    """Make the scripts of all streams; seed and errors are those of `make_script`."""
    program = _program(scenario, seed)
    return replace(program, phases=scenario.outage, fresh=scenario.needs_fresh_target)


def _program(scenario: Scenario, seed: int) -> Program:
    if scenario.sequence:
        streams = tuple(
            ScriptedStream(
                name=f"exchange {number}",
                script=make_script(scenario, seed, exchange=exchange),
                expect=exchange.expect,
                start_ns=None if number > 1 else 0,
            )
            for number, exchange in enumerate(scenario.sequence, start=1)
        )
        return Program(streams=streams, one_connection=True)
    if scenario.streams is not None:
        return Program(
            streams=tuple(_streams(scenario, scenario.streams, seed)),
            one_connection=scenario.streams.one_connection,
        )
    stream = ScriptedStream(
        name="stream 1" if scenario.is_group else "",
        script=make_script(scenario, seed),
        expect=scenario.exchange.expect,
    )
    return Program(streams=(stream,))


def _streams(
    scenario: Scenario, streams: Streams, seed: int
) -> Iterator[ScriptedStream]:
    """Yield the streams of many clients."""
    exchange = scenario.exchange
    plain = make_script(scenario, seed)
    leaving = _leaving(scenario, streams, plain, seed)
    # The number of requests is that of all streams together.
    expect = replace(exchange.expect, upstream_requests=None)
    for number in range(streams.count):
        client = leaving.get(number, exchange.client)
        if streams.canary:
            own, marker = replace(exchange, client=client), marker_of(number)
            script = make_script(scenario, seed, exchange=own, marker=marker)
        else:
            script = replace(plain, client=client)
        start_ns: int | None = round(number * streams.every_ms * NS_PER_MS)
        if streams.one_connection and number:
            start_ns = None
        yield ScriptedStream(
            name=f"stream {number + 1}",
            # Each relay chooses for itself, as each stream of a server does.
            script=replace(script, seed=seed + number),
            expect=expect,
            start_ns=start_ns,
        )


def _leaving(
    scenario: Scenario, streams: Streams, script: Script, seed: int
) -> dict[int, ClientPlan]:
    """Return the clients that leave, by number, and when they do."""
    count = round(streams.count * streams.abort_ratio)
    if not count:
        return {}
    rng = Random(f"{seed}:{scenario.id}:leaving")  # noqa: S311 - repeatable, not secret
    events = len(parse(script.attempts[0].body).events)
    return {
        number: replace(
            scenario.exchange.client,
            abort=Abort(
                after_events=rng.randrange(max(1, events - 1)),
                how=rng.choice((AbortHow.FIN, AbortHow.RST)),
            ),
        )
        for number in sorted(rng.sample(range(streams.count), count))
    }

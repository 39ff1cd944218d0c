"""The player of virtual time: it plays scripts into relays, without sockets, exactly.

The clock is an integer of nanoseconds and a heap. At equal instants the order is
client, upstream, timers, then insertion, so a run repeats to the bit. The network is
perfect: bytes arrive at the instant at which they are sent.

A `VirtualPlayer` can be forked at any moment: it holds values, which are copied, and
relays, which go through `pickle`.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.judge.evidence.observation import Observation
from harness.play.virtual.clock import VirtualClock
from harness.play.virtual.pickling import Pickled, pickled, unpickled
from harness.play.virtual.relays import Relay, RelayFactory, new_relay
from harness.play.virtual.stream import VirtualStream
from harness.scenario.program import Program
from harness.scenario.script import Script

__all__ = ["PlayContext", "VirtualPlayer", "play_program", "play_virtual"]


def play_virtual(  # noqa: PLR0913 - the last two are options
    target: str,
    factory: RelayFactory,
    script: Script,
    settings: Mapping[str, str],
    *,
    architecture: str | None = None,
    shared: dict[str, Any] | None = None,
) -> Observation:
    """Play a script into a relay.

    Args:
        target: Name for the observation.
        factory: Makes the relay.
        script: What is played.
        settings: Handed to the factory with the script's seed.
        architecture: What must serve the stream; a relay with another value in an
            attribute of that name proves nothing.
        shared: What the relays of one proxy share, such as a circuit breaker; None:
            this stream is the first.
    """
    player = VirtualPlayer(PlayContext(target, factory, settings, architecture), shared)
    stream = player.begin(script)
    player.run(until=stream.is_over)
    [seen] = player.observations()
    return seen


def play_program(
    target: str,
    factory: RelayFactory,
    program: Program,
    settings: Mapping[str, str],
    *,
    architecture: str | None = None,
) -> tuple[Observation, ...]:
    """Play all streams of a scenario: one clock, and one ``shared`` for all relays.

    Args:
        target: Name for the observations.
        factory: Makes the relays, each when its client asks.
        program: What is played.
        settings: As for `play_virtual`.
        architecture: As for `play_virtual`.

    Returns:
        What was seen of each stream, in the order of their start.
    """
    player = VirtualPlayer(PlayContext(target, factory, settings, architecture))
    timed = [
        (part.start_ns, part.script)
        for part in program.streams
        if part.start_ns is not None
    ]
    for start_ns, script in sorted(timed, key=lambda start: start[0]):
        player.run_to(start_ns)
        player.begin(script)
    player.run(until=lambda: all(stream.is_over() for stream in player.streams))
    for part in program.streams:
        if part.start_ns is None:
            stream = player.begin(part.script)
            player.run(until=stream.is_over)
    return player.observations()


@dataclass(frozen=True, slots=True)
class PlayContext:
    """What all streams of a target have in common and never changes.

    Attributes:
        target: Name for the observations.
        factory: Makes the relays.
        settings: Handed to the factory.
        architecture: What must serve the streams; None: anything.
    """

    target: str
    factory: RelayFactory
    settings: Mapping[str, str]
    architecture: str | None = None


class VirtualPlayer:
    """The driver of virtual time: one clock, and the streams through one target.

    Args:
        context: The target.
        shared: What its relays share; None: nothing yet.

    Attributes:
        streams: In the order in which they began.
    """

    def __init__(
        self, context: PlayContext, shared: dict[str, Any] | None = None
    ) -> None:
        self.streams: list[VirtualStream] = []
        self._context = context
        self._shared = {} if shared is None else shared
        self._clock = VirtualClock()

    def begin(self, script: Script) -> VirtualStream:
        """Make a relay and send it the request of a script, now."""
        context = self._context
        relay = new_relay(context.factory, context.settings, script.seed, self._shared)
        stream = VirtualStream(len(self.streams), relay, script, self._clock)
        self.streams.append(stream)
        stream.start()
        return stream

    def run(self, until: Callable[[], bool]) -> None:
        """Run actions until a condition holds, or none is left."""
        advance, actions = self._clock.advance, VirtualStream.ACTIONS
        while not until():
            action = advance()
            if action is None:
                return
            stream, name, arguments = action
            actions[name](self.streams[stream], *arguments)

    def run_to(self, at_ns: int) -> None:
        """Run all actions before an instant, and set the clock to it."""
        clock = self._clock
        self.run(until=lambda: clock.next_at_ns is None or clock.next_at_ns >= at_ns)
        clock.now_ns = max(clock.now_ns, at_ns)

    def run_to_event(self, number: int) -> None:
        """Run all actions before an event of the only stream's upstream.

        Args:
            number: Index of the event in the schedule.
        """
        [stream] = self.streams

        def reached() -> bool:
            if stream.is_over():
                return True
            action = self._clock.next_action
            is_next = action is not None and action[1] == "upstream_acts"
            return is_next and stream.attempts.done == number

        self.run(until=reached)

    def observations(self) -> tuple[Observation, ...]:
        """Return what was seen of each stream, in the order of their start."""
        return tuple(self._proved(stream) for stream in self.streams)

    def pickled_relays(self) -> Pickled:
        """Return the relays, with what they share, as they are now.

        Raises:
            Exception: A relay holds a value that cannot be pickled.
        """
        return pickled(self._relays)

    def relay_bytes(self) -> bytes:
        """Return the relays as bytes that can be compared.

        Raises:
            Exception: A relay holds a value that cannot be pickled.
        """
        return pickle.dumps(self._relays, pickle.HIGHEST_PROTOCOL)

    def fork(self, relays: Pickled) -> VirtualPlayer:
        """Return another player at the same point, which goes on independently.

        Args:
            relays: The relays, as they are now.
        """
        shared, copies = unpickled(relays)
        twin: VirtualPlayer = VirtualPlayer.__new__(VirtualPlayer)
        twin._context = self._context
        twin._shared = shared
        twin._clock = self._clock.fork()
        twin.streams = [
            stream.fork(relay, twin._clock)
            for stream, relay in zip(self.streams, copies, strict=True)
        ]
        return twin

    @property
    def _relays(self) -> tuple[dict[str, Any], list[Relay]]:
        return self._shared, [stream.relay for stream in self.streams]

    def _proved(self, stream: VirtualStream) -> Observation:
        context = self._context
        seen = stream.observation(context.target)
        wanted = context.architecture
        said = getattr(stream.relay, "architecture", None)
        if wanted is None or said in {None, wanted}:
            return seen
        why = f"{context.target} must be served by {wanted}, but its relay is {said}"
        return replace(seen, invalid=why)

"""Virtual time: a script into a relay, no sockets, exact.

The simulated clock is an integer of nanoseconds and a heap. At equal instants the order
is client, upstream, timers, then insertion (DESIGN, section 8), so a run repeats to the
bit. The network is perfect: what one side sends, the other has at the same instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from harness.cassette.model import Framing
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import Heartbeat
from harness.faults.draft.wire import WireDraft
from harness.judge.evidence.observation import ClientEnd, Observation, UpstreamRequest
from harness.play.virtual.client import VirtualClient
from harness.play.virtual.clock import Rank, World
from harness.play.virtual.relays import Relay, RelayFactory, load_relay, new_relay
from harness.scenario.program import Program, ScriptedStream
from harness.scenario.script import Script
from harness.units import NS_PER_MS

__all__ = ["load_relay", "play_program", "play_virtual"]

DEADLINE_MS = 1_200_000.0
"""Default patience of the virtual client: above any usual timeout of a target."""


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
        architecture: What must serve the stream; a relay that says something else in
            an attribute of that name proves nothing.
        shared: What the relays of one proxy share, such as a circuit breaker; None:
            nothing went before this stream.
    """
    world = World()
    stage = _Stage(target, factory, settings, {} if shared is None else shared, world)
    play = stage.enter(script)
    play.start()
    world.run(until=lambda: play.over)
    return _proved(play, architecture)


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
        What was seen of each stream, in the program's order.
    """
    world = World()
    stage = _Stage(target, factory, settings, {}, world)
    plays: list[_Play] = []

    def begin(part: ScriptedStream) -> _Play:
        play = stage.enter(part.script)
        plays.append(play)
        play.start()
        return play

    waiting = [part for part in program.streams if part.start_ns is not None]
    for part in waiting:
        world.at(part.start_ns or 0, Rank.CLIENT, partial(begin, part))
    world.run(
        until=lambda: len(plays) == len(waiting) and all(play.over for play in plays)
    )
    for part in program.streams[len(waiting) :]:
        play = begin(part)
        world.run(until=lambda last=play: last.over)  # type: ignore[misc]
    return tuple(_proved(play, architecture) for play in plays)


def _proved(play: _Play, architecture: str | None) -> Observation:
    seen = play.observation()
    said = getattr(play.relay, "architecture", None)
    if architecture is None or said in {None, architecture}:
        return seen
    why = f"{seen.target} must be served by {architecture}, and its relay is of {said}"
    return replace(seen, invalid=why)


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the streams of one target share."""

    target: str
    factory: RelayFactory
    settings: Mapping[str, str]
    shared: dict[str, Any]
    world: World

    def enter(self, script: Script) -> _Play:
        relay = new_relay(self.factory, self.settings, script.seed, self.shared)
        return _Play(self.target, relay, script, self.world)


class _Upstream:
    """One attempt: what the upstream will do, and what it did."""

    def __init__(self, script: Script, played: int, at_ns: int) -> None:
        self.wire = script.drafts[played]
        self.played = played
        self.at_ns = at_ns
        self.request = script.request
        self.sent: list[tuple[int, int]] = []
        self.taken: list[tuple[int, int]] = []
        self.due: deque[tuple[int, tuple[Any, ...]]] = deque()
        self.total = 0
        self.finished = False
        self.closed_at_ns: int | None = None

    @property
    def open(self) -> bool:
        return not self.finished and self.closed_at_ns is None

    def observed(self, zero_ns: int) -> UpstreamRequest:
        closed_ns = self.closed_at_ns
        return UpstreamRequest(
            at_ns=self.at_ns - zero_ns,
            method=self.request.method,
            path=self.request.path,
            headers=_encoded(self.request.headers),
            body=self.request.body,
            sent=_since(zero_ns, self.sent),
            lateness_ns=(),
            finished=self.finished,
            closed_at_ns=None if closed_ns is None else closed_ns - zero_ns,
            taken=_since(zero_ns, self.taken),
            played=self.played,
        )


def _since(zero_ns: int, marks: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple((at_ns - zero_ns, total) for at_ns, total in marks)


class _Play:
    """One stream: both ends, and the relay between them."""

    def __init__(self, target: str, relay: Relay, script: Script, world: World) -> None:
        self._target = target
        self.relay = relay
        self._script = script
        self._world = world
        self._zero = 0
        self._order = 0
        self._upstreams: list[_Upstream] = []
        self._timers: dict[str, tuple[int, int]] = {}
        self._paused = False
        self._held_up_at: int | None = None
        self._status: int | None = None
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._head_at: int | None = None
        self._room: int | None = None  # bytes left of a promised content-length
        self._sent_all = False  # the relay has ended its answer
        self._slow = script.client.read is not None
        self._client = VirtualClient(
            script.client,
            world,
            leave=self._client_leaves,
            hold_up=self._hold_up,
            go_on=self._go_on,
        )
        self._end: ClientEnd | None = None
        self._end_at = 0
        self._log: list[str] = []
        self._invalid: str | None = None
        self._actions: Mapping[str, Callable[..., None]] = {
            "connect": self._connect,
            "send_head": self._send_head,
            "send": self._send,
            "end": self._finish,
            "abort": self._abort,
            "close_upstream": self._close_upstream,
            "pause_upstream": self._pause,
            "resume_upstream": self._resume,
            "set_timer": self._set_timer,
            "cancel_timer": self._cancel_timer,
            "log": self._note,
            "count": self._measure,
            "observe": self._measure,
        }

    def start(self) -> None:
        """Send the request, now."""
        plan, world = self._script.client, self._world
        self._zero = world.now_ns
        if plan.abort is not None and plan.abort.after_ms is not None:
            leave_ns = self._zero + round(plan.abort.after_ms * NS_PER_MS)
            world.at(leave_ns, Rank.CLIENT, self._client_leaves)
        patience_ms = plan.deadline_ms or DEADLINE_MS
        world.at(
            self._zero + round(patience_ms * NS_PER_MS),
            Rank.DEADLINE,
            self._lose_patience,
        )
        request = self._script.request
        self._tell(
            (
                "request",
                request.method.encode("latin-1"),
                request.path.encode("latin-1"),
                _encoded(request.headers),
                request.body,
            )
        )

    @property
    def over(self) -> bool:
        """Whether the client has its end and the upstream is free."""
        upstream_open = bool(self._upstreams) and self._upstreams[-1].open
        return self._end is not None and not upstream_open

    def observation(self) -> Observation:
        """Return what both ends saw."""
        zero = self._zero
        return Observation(
            target=self._target,
            virtual=True,
            status=self._status,
            http_version=None if self._status is None else "HTTP/1.1",
            headers=self._headers,
            head_at_ns=None if self._head_at is None else self._head_at - zero,
            reads=tuple((at_ns - zero, data) for at_ns, data in self._client.reads),
            end=self._end or ClientEnd.TIMEOUT,
            end_at_ns=self._end_at - zero,
            upstream=tuple(
                upstream.observed(zero)
                for upstream in self._upstreams
                # What was refused reached nobody.
                if upstream.wire.end is not StreamEnd.REFUSED
            ),
            log=tuple(self._log),
            invalid=self._invalid,
            started_ns=zero,
        )

    def _tell(self, event: tuple[Any, ...]) -> None:
        try:
            commands = self.relay.handle(self._world.now_ns, event)
        except Exception as error:  # noqa: BLE001 - a target's crash is a finding
            self._log.append(f"crashed: {type(error).__name__} on {event[0]}")
            self._end_answer(ClientEnd.TRUNCATED)
            self._close_upstream()
            return
        for command in commands:
            self._perform(command)

    def _perform(self, command: tuple[Any, ...]) -> None:
        name, arguments = command[0], command[1:]
        act = self._actions.get(name)
        if act is None:
            self._invalid = f"the relay returned an unknown command {name!r}"
            return
        try:
            act(*arguments)
        except TypeError as error:
            self._invalid = f"the relay's command {name!r} has a wrong form: {error}"

    # Commands, by name.

    def _connect(self, attempt: int) -> None:
        # One attempt at a time: a driver drops what a relay forgot to close.
        self._close_upstream()
        zero = self._world.now_ns
        number = max(attempt, len(self._upstreams) + 1)
        played = self._script.played(number, zero)
        upstream = _Upstream(self._script, played, zero)
        self._upstreams.append(upstream)
        # Every attempt has a connection of its own, which may be accepted late.
        wire, zero = upstream.wire, zero + upstream.wire.delivery.socket.accept_ns
        if wire.end is StreamEnd.REFUSED:
            self._upstream_at(zero, upstream, ("ended", "refused"))
            return
        abort = self._script.client.abort
        if abort is not None and abort.before_head:
            self._world.at(zero, Rank.CLIENT, self._client_leaves)
        visible_total = 0
        earliest = wire.head_at_ns or 0
        if wire.head_at_ns is not None:
            head = ("head", wire.status, _encoded(_wire_headers(wire)))
            self._upstream_at(zero + wire.head_at_ns, upstream, head)
        for write in wire.writes:
            # A write never overtakes the one before it, as on a socket.
            earliest = max(earliest, write.at_ns)
            if write.raw:
                ended = ("ended", "protocol_error")
                self._upstream_at(zero + earliest, upstream, ended)
                return
            data = write.data
            if wire.promised_length is not None:
                data = data[: max(0, wire.promised_length - visible_total)]
            visible_total += len(data)
            if data:
                self._upstream_at(zero + earliest, upstream, ("data", data))
        ended_as = _ended_as(wire, visible_total)
        if ended_as is not None:
            finish_at = zero + max(earliest, wire.end_at_ns)
            self._upstream_at(finish_at, upstream, ("ended", ended_as))
        elif wire.delivery.heartbeat is not None:
            self._beat(
                upstream, wire.delivery.heartbeat, zero + max(earliest, wire.end_at_ns)
            )

    def _beat(self, upstream: _Upstream, beat: Heartbeat, at_ns: int) -> None:
        """Say the same again and again, as long as somebody listens."""
        due_ns = at_ns + beat.every_ns

        def act() -> None:
            if upstream.open and self._end is None:
                self._beat(upstream, beat, due_ns)

        self._upstream_at(due_ns, upstream, ("data", beat.data))
        self._world.at(due_ns, Rank.UPSTREAM, act)

    def _upstream_at(
        self, at_ns: int, upstream: _Upstream, event: tuple[Any, ...]
    ) -> None:
        def act() -> None:
            if upstream.open:
                upstream.due.append((at_ns, event))
                self._deliver(upstream)

        self._world.at(at_ns, Rank.UPSTREAM, act)

    def _deliver(self, upstream: _Upstream) -> None:
        """Hand on what is due, in order, unless the relay or its client must wait."""
        while upstream.due and upstream.open:
            if self._paused or self._held_up_at is not None:
                return
            at_ns, event = upstream.due.popleft()
            if event[0] == "data":
                upstream.total += len(event[1])
                # Offered when it was due, also where the relay asked it to wait.
                upstream.sent.append((at_ns, upstream.total))
                if self._slow:
                    upstream.taken.append((self._world.now_ns, upstream.total))
            elif event[0] == "ended":
                upstream.finished = True
            self._tell(event)

    def _send_head(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        if self._status is not None:
            self._misuse("sent a second head")
            return
        self._status = status
        self._headers = tuple(headers)
        self._head_at = self._world.now_ns
        length = next(
            (value for name, value in headers if name.lower() == b"content-length"),
            None,
        )
        if length is not None and length.isdigit():
            self._room = int(length)
        self._client.see_head()

    def _send(self, data: bytes) -> None:
        if self._sent_all:
            self._misuse("sent bytes after its end")
            return
        if self._end is not None:
            return  # the client left, or lost its patience
        if self._status is None:
            self._misuse("sent bytes before a head")
            return
        if self._room is not None:
            # A server cannot write more than it promised; the rest is dropped.
            data = data[: self._room]
            self._room -= len(data)
        if data:
            self._client.take(data)

    def _finish(self) -> None:
        short = self._room is not None and self._room > 0
        self._end_answer(ClientEnd.TRUNCATED if short else ClientEnd.COMPLETE)

    def _abort(self) -> None:
        self._end_answer(ClientEnd.TRUNCATED)

    def _end_answer(self, end: ClientEnd) -> None:
        """End the answer, which the client learns when it has read all before it."""
        if not self._sent_all and self._end is None:
            self._sent_all = True
            self._client.after_the_rest(lambda: self._close(end))

    def _close_upstream(self) -> None:
        if self._upstreams and self._upstreams[-1].open:
            self._upstreams[-1].closed_at_ns = self._world.now_ns

    def _pause(self) -> None:
        self._paused = True

    def _resume(self) -> None:
        self._paused = False
        if self._held_up_at is None:
            self._read_on()

    def _read_on(self) -> None:
        if self._upstreams:
            upstream = self._upstreams[-1]
            now_ns = self._world.now_ns
            self._world.at(now_ns, Rank.UPSTREAM, lambda: self._deliver(upstream))

    def _set_timer(self, name: str, at_ns: int) -> None:
        self._order += 1
        ticket = (self._order, at_ns)
        self._timers[name] = ticket
        if self._held_up_at is not None:
            return  # timers stand still; `_go_on` sets it

        def act() -> None:
            if self._timers.get(name) == ticket and not self.over:
                del self._timers[name]
                self._tell(("timer", name))

        self._world.at(at_ns, Rank.TIMER, act)

    def _cancel_timer(self, name: str) -> None:
        self._timers.pop(name, None)

    def _note(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        words = "".join(f" {key}={value}" for key, value in fields.items())
        self._log.append(f"{level} {message}{words}")

    def _measure(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Take what a proxy's metrics are made of; no verdict rests on it."""

    # The client.

    def _hold_up(self) -> None:
        """The client's window is full: read no more, and stop the relay's timers.

        A reader that is slow is no upstream that is silent.
        """
        self._held_up_at = self._world.now_ns
        for name, (_, at_ns) in list(self._timers.items()):
            self._set_timer(name, at_ns)  # under a new number, so that none rings

    def _go_on(self) -> None:
        """The client reads again."""
        if self._held_up_at is None:
            return
        stood_ns = self._world.now_ns - self._held_up_at
        self._held_up_at = None
        if self.over or self._end is not None:
            return
        for name, (_, at_ns) in list(self._timers.items()):
            self._set_timer(name, at_ns + stood_ns)
        if not self._sent_all:
            self._tell(("writable",))
        if not self._paused and self._held_up_at is None:
            self._read_on()

    def _client_leaves(self) -> None:
        # What is sent whole may wait unread; then nobody is there to be told.
        if self._end is not None:
            return
        abort = self._script.client.abort
        self._close(ClientEnd.CLIENT_CLOSED)
        self._held_up_at = None
        if not self._sent_all:
            self._tell(("client_gone", abort.how.value if abort else "rst"))

    def _lose_patience(self) -> None:
        if self._end is not None:
            return
        read = self._script.client.read
        if read is not None and read.stops:
            self._client_leaves()
        else:
            self._close(ClientEnd.TIMEOUT)

    def _close(self, end: ClientEnd) -> None:
        if self._end is None:
            self._end = end
            self._end_at = self._world.now_ns

    def _misuse(self, what: str) -> None:
        self._invalid = f"the relay {what}"


def _ended_as(wire: WireDraft, visible: int) -> str | None:
    """What a reader of the upstream's wire sees at its end; None: nothing, ever."""
    if wire.end is StreamEnd.STALL:
        return None
    if wire.end is StreamEnd.RESET:
        return "reset"
    if wire.head_at_ns is None:
        return "truncated"
    if wire.end in {StreamEnd.TRUNCATED, StreamEnd.HALF_CLOSED}:
        return "complete" if wire.framing is Framing.CLOSE else "truncated"
    short = wire.promised_length is not None and visible < wire.promised_length
    return "truncated" if short else "complete"


def _wire_headers(wire: WireDraft) -> tuple[tuple[str, str], ...]:
    """The head as it is on the wire, framing included."""
    if wire.framing is Framing.CHUNKED:
        return (*wire.headers, ("Transfer-Encoding", "chunked"))
    if wire.framing is Framing.CONTENT_LENGTH:
        length = wire.promised_length
        if length is None:
            length = len(wire.body)
        return (*wire.headers, ("Content-Length", str(length)))
    return wire.headers


def _encoded(
    headers: tuple[tuple[str, str], ...],
) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
    )

"""Virtual time: a script into a relay, no sockets, exact.

The simulated clock is an integer of nanoseconds and a heap. At equal instants the order
is client, upstream, timers, then insertion (DESIGN, section 8), so a run repeats to the
bit. The network is perfect: what one side sends, the other has at the same instant.
"""

from __future__ import annotations

import heapq
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from harness.cassette.model import Framing
from harness.errors import InputError
from harness.faults.draft import Finish, WireDraft
from harness.faults.transport import Heartbeat
from harness.judge.observation import ClientEnd, Observation, UpstreamRequest
from harness.scenario.script import Script
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser

__all__ = ["Relay", "RelayFactory", "load_relay", "new_relay", "play_virtual"]

DEADLINE_MS = 1_200_000.0
"""Default patience of the virtual client: above any usual timeout of a target."""

_CLIENT, _UPSTREAM, _TIMER = range(3)

_MS = 1_000_000


class Relay(Protocol):
    """The sans-IO logic of one architecture; the forms of both tuples are in DESIGN."""

    def handle(self, now_ns: int, event: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Take one event, return the commands that follow from it."""


RelayFactory = Callable[..., Relay]
"""``make_relay(settings, seed)``, or ``make_relay(settings, seed, shared=None)``."""


def load_relay(path: str) -> RelayFactory:
    """Import the factory that a dotted path ``module:name`` names.

    Raises:
        InputError: If it cannot be imported.
    """
    module_name, _, attribute = path.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute or "")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"cannot load the relay {path!r} (expected module:factory): {error}",
            key="relay",
        ) from None
    if not callable(factory):
        raise InputError(f"{path!r} is not callable", key="relay")
    loaded: RelayFactory = factory
    return loaded


def new_relay(
    factory: RelayFactory,
    settings: Mapping[str, str],
    seed: int,
    shared: dict[str, Any],
) -> Relay:
    """Make a relay; who has a parameter ``shared`` gets what its streams share."""
    if _takes_shared(factory):
        return factory(settings, seed, shared=shared)
    return factory(settings, seed)


@lru_cache(maxsize=64)
def _takes_shared(factory: RelayFactory) -> bool:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        # A callable written in C may not tell; then it is taken at its oldest form.
        return False
    return any(
        parameter.name == "shared" or parameter.kind is parameter.VAR_KEYWORD
        for parameter in parameters
    )


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
    relay = new_relay(factory, settings, script.seed, {} if shared is None else shared)
    seen = _Play(target, relay, script).run()
    said = getattr(relay, "architecture", None)
    if architecture is None or said in {None, architecture}:
        return seen
    why = f"{target} must be served by {architecture}, and its relay is of {said}"
    return replace(seen, invalid=why)


class _Upstream:
    """One attempt: what the upstream will do, and what it did."""

    def __init__(self, wire: WireDraft, at_ns: int, request: Script) -> None:
        self.wire = wire
        self.at_ns = at_ns
        self.request = request.request
        self.sent: list[tuple[int, int]] = []
        self.total = 0
        self.finished = False
        self.closed_at_ns: int | None = None

    @property
    def open(self) -> bool:
        return not self.finished and self.closed_at_ns is None

    def observed(self) -> UpstreamRequest:
        return UpstreamRequest(
            at_ns=self.at_ns,
            method=self.request.method,
            path=self.request.path,
            headers=_encoded(self.request.headers),
            body=self.request.body,
            sent=tuple(self.sent),
            lateness_ns=(),
            finished=self.finished,
            closed_at_ns=self.closed_at_ns,
        )


class _Play:
    """One stream: the clock, both ends, and the relay between them."""

    def __init__(self, target: str, relay: Relay, script: Script) -> None:
        self._target = target
        self._relay = relay
        self._script = script
        self._now = 0
        self._order = 0
        self._heap: list[tuple[int, int, int, Callable[[], None]]] = []
        self._upstreams: list[_Upstream] = []
        self._timers: dict[str, int] = {}
        self._paused = False
        self._waiting: list[Callable[[], None]] = []
        self._status: int | None = None
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self._head_at: int | None = None
        self._room: int | None = None  # bytes left of a promised content-length
        self._reads: list[tuple[int, bytes]] = []
        self._parser = EventStreamParser()
        self._events_read = 0
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

    def run(self) -> Observation:
        abort = self._script.client.abort
        if abort is not None and abort.after_ms is not None:
            self._at(round(abort.after_ms * _MS), _CLIENT, self._client_leaves)
        deadline = self._script.client.deadline_ms or DEADLINE_MS
        deadline_ns = round(deadline * _MS)
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
        while self._heap and not self._over():
            at_ns, _, _, act = heapq.heappop(self._heap)
            if at_ns > deadline_ns:
                break
            self._now = at_ns
            act()
        if self._end is None:
            self._close(ClientEnd.TIMEOUT, at_ns=deadline_ns)
        return self._observation()

    def _over(self) -> bool:
        upstream_open = bool(self._upstreams) and self._upstreams[-1].open
        return self._end is not None and not upstream_open

    def _observation(self) -> Observation:
        return Observation(
            target=self._target,
            virtual=True,
            status=self._status,
            http_version=None if self._status is None else "HTTP/1.1",
            headers=self._headers,
            head_at_ns=self._head_at,
            reads=tuple(self._reads),
            end=self._end or ClientEnd.TIMEOUT,
            end_at_ns=self._end_at,
            upstream=tuple(
                upstream.observed()
                for upstream in self._upstreams
                # What was refused reached nobody.
                if upstream.wire.finish is not Finish.REFUSED
            ),
            log=tuple(self._log),
            invalid=self._invalid,
        )

    def _at(self, at_ns: int, rank: int, act: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (max(at_ns, self._now), rank, self._order, act))

    def _tell(self, event: tuple[Any, ...]) -> None:
        try:
            commands = self._relay.handle(self._now, event)
        except Exception as error:  # noqa: BLE001 - a target's crash is a finding
            self._log.append(f"crashed: {type(error).__name__} on {event[0]}")
            self._close(ClientEnd.TRUNCATED)
            if self._upstreams and self._upstreams[-1].open:
                self._upstreams[-1].closed_at_ns = self._now
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
        upstream = _Upstream(self._script.attempt(attempt), self._now, self._script)
        self._upstreams.append(upstream)
        # Every attempt has a connection of its own, which may be accepted late.
        wire, zero = upstream.wire, self._now + upstream.wire.socket.accept_ns
        if wire.finish is Finish.REFUSED:
            self._upstream_at(zero, upstream, ("ended", "refused"))
            return
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
            finish_at = zero + max(earliest, wire.finish_at_ns)
            self._upstream_at(finish_at, upstream, ("ended", ended_as))
        elif wire.heartbeat is not None:
            self._beat(
                upstream, wire.heartbeat, zero + max(earliest, wire.finish_at_ns)
            )

    def _beat(self, upstream: _Upstream, beat: Heartbeat, at_ns: int) -> None:
        """Say the same again and again, as long as somebody listens."""
        due_ns = at_ns + beat.every_ns

        def act() -> None:
            if upstream.open and self._end is None:
                self._beat(upstream, beat, due_ns)

        self._upstream_at(due_ns, upstream, ("data", beat.data))
        self._at(due_ns, _UPSTREAM, act)

    def _upstream_at(
        self, at_ns: int, upstream: _Upstream, event: tuple[Any, ...]
    ) -> None:
        def act() -> None:
            if not upstream.open:
                return
            if self._paused:
                self._waiting.append(act)
                return
            if event[0] == "data":
                upstream.total += len(event[1])
                # Offered when it was due, also where the relay asked it to wait.
                upstream.sent.append((at_ns, upstream.total))
            elif event[0] == "ended":
                upstream.finished = True
            self._tell(event)

        self._at(at_ns, _UPSTREAM, act)

    def _send_head(self, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        if self._status is not None:
            self._misuse("sent a second head")
            return
        self._status = status
        self._headers = tuple(headers)
        self._head_at = self._now
        length = next(
            (value for name, value in headers if name.lower() == b"content-length"),
            None,
        )
        if length is not None and length.isdigit():
            self._room = int(length)
        self._maybe_leave()

    def _send(self, data: bytes) -> None:
        if self._end is not None:
            if self._end is not ClientEnd.CLIENT_CLOSED:
                self._misuse("sent bytes after its end")
            return
        if self._status is None:
            self._misuse("sent bytes before a head")
            return
        if self._room is not None:
            # A server cannot write more than it promised; the rest is dropped.
            data = data[: self._room]
            self._room -= len(data)
        if not data:
            return
        self._reads.append((self._now, data))
        self._events_read += sum(
            isinstance(found, ServerSentEvent) for found in self._parser.feed(data)
        )
        self._maybe_leave()

    def _finish(self) -> None:
        short = self._room is not None and self._room > 0
        self._close(ClientEnd.TRUNCATED if short else ClientEnd.COMPLETE)

    def _abort(self) -> None:
        self._close(ClientEnd.TRUNCATED)

    def _close_upstream(self) -> None:
        if self._upstreams and self._upstreams[-1].open:
            self._upstreams[-1].closed_at_ns = self._now

    def _pause(self) -> None:
        self._paused = True

    def _resume(self) -> None:
        self._paused = False
        waiting, self._waiting = self._waiting, []
        for act in waiting:
            self._at(self._now, _UPSTREAM, act)

    def _set_timer(self, name: str, at_ns: int) -> None:
        self._order += 1
        ticket = self._timers[name] = self._order

        def act() -> None:
            if self._timers.get(name) == ticket:
                del self._timers[name]
                self._tell(("timer", name))

        self._at(at_ns, _TIMER, act)

    def _cancel_timer(self, name: str) -> None:
        self._timers.pop(name, None)

    def _note(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        words = "".join(f" {key}={value}" for key, value in fields.items())
        self._log.append(f"{level} {message}{words}")

    def _measure(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Take what a proxy's metrics are made of; no verdict rests on it."""

    # The client.

    def _maybe_leave(self) -> None:
        abort = self._script.client.abort
        if abort is None or abort.after_events is None:
            return
        if self._events_read >= abort.after_events:
            self._at(self._now, _CLIENT, self._client_leaves)

    def _client_leaves(self) -> None:
        if self._end is not None:
            return
        abort = self._script.client.abort
        self._close(ClientEnd.CLIENT_CLOSED)
        self._tell(("client_gone", abort.how.value if abort else "fin"))

    def _close(self, end: ClientEnd, *, at_ns: int | None = None) -> None:
        if self._end is None:
            self._end = end
            self._end_at = self._now if at_ns is None else at_ns

    def _misuse(self, what: str) -> None:
        self._invalid = f"the relay {what}"


def _ended_as(wire: WireDraft, visible: int) -> str | None:
    """What a reader of the upstream's wire sees at its end; None: nothing, ever."""
    if wire.finish is Finish.STALL:
        return None
    if wire.finish is Finish.RESET:
        return "reset"
    if wire.head_at_ns is None:
        return "truncated"
    if wire.finish in {Finish.TRUNCATED, Finish.HALF_CLOSED}:
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

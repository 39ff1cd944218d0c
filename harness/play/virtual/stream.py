"""One stream in virtual time: both ends, and the relay between them.

The clock holds actions by name, a relay gives commands by name, and both names are
looked up in tables of the class. A stream is therefore plain values, and a copy of them
goes on exactly as it would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from harness.faults.draft.blocks import StreamEnd
from harness.judge.evidence.observation import ClientEnd, Observation
from harness.play.virtual.client import VirtualClient
from harness.play.virtual.clock import Priority, VirtualClock
from harness.play.virtual.relays import Relay
from harness.play.virtual.schedule import encoded
from harness.play.virtual.upstream import VirtualAttempts, VirtualUpstream, since
from harness.scenario.script import Script
from harness.units import NS_PER_MS

__all__ = ["VirtualStream"]

_DEADLINE_MS = 1_200_000.0
"""Default deadline of the virtual client: above any usual timeout of a target."""

_FORMS = {
    "connect": "the number of the attempt",
    "send_head": "a status and pairs of bytes",
    "send": "bytes",
    "set_timer": "a name and an instant in nanoseconds",
    "cancel_timer": "a name",
    "log": "a level, a message and a dict of fields",
    "count": "a name, an amount and a dict of labels",
    "observe": "a name, a value and a dict of labels",
}
"""What must follow the name of a command; nothing for those that are not here."""


class VirtualStream:
    """One stream: both ends, and the relay between them.

    Args:
        number: Its number in the actions of the clock.
        relay: The relay.
        script: What is played.
        clock: The clock.

    Attributes:
        status: HTTP status that the client got; None: none yet.
        head_at_ns: When it got it; all times are those of the clock.
        end: How the answer ended for the client; None: it has not yet.
        attempts: The upstream's side.
        log: What the relay logged, and its crashes.
    """

    def __init__(
        self, number: int, relay: Relay, script: Script, clock: VirtualClock
    ) -> None:
        self.relay = relay
        self._number = number
        self._script = script
        self._clock = clock
        self._zero_ns = clock.now_ns
        self.attempts = VirtualAttempts(script, clock, number)
        self._order = 0
        self._timers: dict[str, tuple[int, int]] = {}
        self._paused = False
        self._held_up_at: int | None = None
        self.status: int | None = None
        self._headers: tuple[tuple[bytes, bytes], ...] = ()
        self.head_at_ns: int | None = None
        self._room: int | None = None  # bytes left of a promised content-length
        self._sent_all = False  # the relay has ended its answer
        self._pending_end: ClientEnd | None = None  # until all before it is read
        self._slow = script.client.read is not None
        self._client = VirtualClient(script.client, clock, number)
        self.end: ClientEnd | None = None
        self.end_at_ns = 0
        self.log: list[str] = []
        self._invalid: str | None = None

    def start(self) -> None:
        """Send the request, now."""
        plan = self._script.client
        if plan.abort is not None and plan.abort.after_ms is not None:
            leave_ns = self._zero_ns + round(plan.abort.after_ms * NS_PER_MS)
            self._at(leave_ns, Priority.CLIENT, "client_leaves")
        patience_ms = plan.deadline_ms or _DEADLINE_MS
        deadline_ns = self._zero_ns + round(patience_ms * NS_PER_MS)
        self._at(deadline_ns, Priority.DEADLINE, "deadline")
        request = self._script.request
        self._tell(
            (
                "request",
                request.method.encode("latin-1"),
                request.path.encode("latin-1"),
                encoded(request.headers),
                request.body,
            )
        )

    def is_over(self) -> bool:
        """Whether the client has its end and the upstream is free."""
        return self.end is not None and not self.attempts.is_open

    @property
    def upstream(self) -> list[VirtualUpstream]:
        """Every attempt, also one that was refused."""
        return self.attempts.all

    @property
    def reads(self) -> list[tuple[int, bytes]]:
        """What the client has read, and when."""
        return self._client.reads

    def observation(self, target: str) -> Observation:
        """Return what both ends saw; ``target`` is the name for it."""
        zero_ns = self._zero_ns
        return Observation(
            target=target,
            virtual=True,
            status=self.status,
            http_version=None if self.status is None else "HTTP/1.1",
            headers=self._headers,
            head_at_ns=None if self.head_at_ns is None else self.head_at_ns - zero_ns,
            reads=since(zero_ns, self.reads),
            end=self.end or ClientEnd.TIMEOUT,
            end_at_ns=self.end_at_ns - zero_ns,
            upstream=self.attempts.observed(zero_ns),
            log=tuple(self.log),
            invalid=self._invalid,
            started_ns=zero_ns,
        )

    def fork(self, relay: Relay, clock: VirtualClock) -> VirtualStream:
        """Return a stream at the same point, with a copy of the relay.

        Args:
            relay: The copy.
            clock: A copy of the clock.
        """
        twin: VirtualStream = VirtualStream.__new__(VirtualStream)
        vars(twin).update(vars(self))
        twin.relay = relay
        twin._clock = clock
        twin.attempts = self.attempts.fork(clock)
        twin._timers = self._timers.copy()
        twin._client = self._client.fork(clock)
        twin.log = self.log.copy()
        return twin

    def state(self) -> tuple[Any, ...]:
        """Return all that decides, with the relay and the schedule, how it goes on."""
        timers = sorted(
            (order, at_ns, name) for name, (order, at_ns) in self._timers.items()
        )
        return (
            [(at_ns, name) for _, at_ns, name in timers],
            self._paused,
            self._held_up_at,
            self.status,
            self._headers,
            self.head_at_ns,
            self._room,
            self._sent_all,
            self._pending_end,
            self.end,
            self.end_at_ns,
            tuple(self.log),
            self._invalid,
            self._client.state(),
            self.attempts.state(),
        )

    def _at(self, at_ns: int, priority: Priority, action: str, *arguments: Any) -> None:
        self._clock.at(at_ns, priority, (self._number, action, arguments))

    def _tell(self, event: tuple[Any, ...]) -> None:
        try:
            commands: Any = self.relay.handle(self._clock.now_ns, event)
        except Exception as error:  # noqa: BLE001 - a target's crash is a finding
            self.log.append(f"crashed: {type(error).__name__} on {event[0]}")
            self._end_answer(ClientEnd.TRUNCATED)
            self._close_upstream()
            return
        if not isinstance(commands, list | tuple):
            self._misuse(f"must answer {event[0]!r} with a list of commands")
            return
        for command in commands:
            # Here and not in a method of its own: a proxy sends many commands.
            try:
                perform = self._COMMANDS[command[0]]
            except (LookupError, TypeError):
                self._misuse(f"returned an unknown command {_name_of(command)}")
                continue
            try:
                perform(self, *command[1:])
            except (AttributeError, TypeError, ValueError):
                name = command[0]
                self._invalid = (
                    f"the relay's command {name!r} has a wrong form: "
                    f"expected {_FORMS.get(name, 'nothing after its name')}"
                )

    # Commands, by name.

    def _connect(self, attempt: int) -> None:
        upstream = self.attempts.connect(attempt)
        abort = self._script.client.abort
        refused = self._script.drafts[upstream.played].end is StreamEnd.REFUSED
        if abort is not None and abort.before_head and not refused:
            self._at(upstream.accepted_ns, Priority.CLIENT, "client_leaves")

    def _send_head(self, status: Any, headers: Any) -> None:
        if self.status is not None:
            self._misuse("sent a second head")
            return
        if not isinstance(status, int):
            raise TypeError
        if not all(
            type(part) is bytes for name, value in headers for part in (name, value)
        ):
            raise TypeError
        self.status = status
        self._headers = tuple(headers)
        self.head_at_ns = self._clock.now_ns
        length = next(
            (value for name, value in headers if name.lower() == b"content-length"),
            None,
        )
        if length is not None and length.isdigit():
            self._room = int(length)
        self._client.see_head()

    def _send(self, data: Any) -> None:
        if not isinstance(data, bytes):
            raise TypeError
        if self._sent_all:
            self._misuse("sent bytes after its end")
            return
        if self.end is not None:
            return  # the client left, or lost its patience
        if self.status is None:
            self._misuse("sent bytes before a head")
            return
        if self._room is not None:
            # A server cannot write more than it promised; the rest is dropped.
            data = data[: self._room]
            self._room -= len(data)
        if data:
            self._client.take(data)
            if self._slow:
                self._client_has_read()
                if self._client.is_full and self._held_up_at is None:
                    self._hold_up()

    def _finish(self) -> None:
        short = self._room is not None and self._room > 0
        self._end_answer(ClientEnd.TRUNCATED if short else ClientEnd.COMPLETE)

    def _abort(self) -> None:
        self._end_answer(ClientEnd.TRUNCATED)

    def _close_upstream(self) -> None:
        self.attempts.close()

    def _pause(self) -> None:
        self._paused = True

    def _resume(self) -> None:
        self._paused = False
        if self._held_up_at is None:
            self._read_on()

    def _set_timer(self, name: str, at_ns: int) -> None:
        self._order += 1
        ticket = (self._order, at_ns)
        self._timers[name] = ticket
        if self._held_up_at is None:
            self._at(at_ns, Priority.TIMER, "timer", name, ticket)
        # While the client is held up timers stand still; `_release` sets it.

    def _cancel_timer(self, name: str) -> None:
        self._timers.pop(name, None)

    def _note(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        words = "".join(f" {key}={value}" for key, value in fields.items())
        self.log.append(f"{level} {message}{words}")

    def _measure(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Accept a value for a proxy's metrics; no verdict uses it."""

    _COMMANDS: ClassVar[Mapping[str, Callable[..., None]]] = {
        "connect": _connect,
        "send_head": _send_head,
        "send": _send,
        "end": _finish,
        "abort": _abort,
        "close_upstream": _close_upstream,
        "pause_upstream": _pause,
        "resume_upstream": _resume,
        "set_timer": _set_timer,
        "cancel_timer": _cancel_timer,
        "log": _note,
        "count": _measure,
        "observe": _measure,
    }

    # Actions of the clock, by name.

    def _upstream_acts(self, number: int) -> None:
        self._deliver(self.attempts.act(number))

    def _upstream_beats(self, number: int, event: tuple[Any, ...]) -> None:
        upstream = self.attempts.all[number]
        upstream.say(self._clock.now_ns, event)
        self._deliver(upstream)

    def _upstream_beats_again(self, number: int, at_ns: int) -> None:
        """Repeat the heartbeat as long as the answer is open."""
        if self.attempts.all[number].is_open and self.end is None:
            self.attempts.beat(number, at_ns)

    def _upstream_goes_on(self, number: int) -> None:
        self._deliver(self.attempts.all[number])

    def _deliver(self, upstream: VirtualUpstream) -> None:
        """Hand on due events, in order, unless the relay or its client must wait."""
        while upstream.due and upstream.is_open:
            if self._paused or self._held_up_at is not None:
                return
            self._tell(upstream.hand_over(self._clock.now_ns, timed=self._slow))

    def _ring(self, name: str, ticket: tuple[int, int]) -> None:
        """Fire a timer, if it is still the one that was set."""
        if self._timers.get(name) == ticket and not self.is_over():
            del self._timers[name]
            self._tell(("timer", name))

    def _client_wakes(self) -> None:
        self._client.wake()
        self._client_has_read()

    def _client_leaves(self) -> None:
        # A complete answer may wait unread; then the relay gets no event.
        if self.end is not None:
            return
        abort = self._script.client.abort
        self._close(ClientEnd.CLIENT_CLOSED)
        self._held_up_at = None
        if not self._sent_all:
            self._tell(("client_gone", abort.how.value if abort else "rst"))

    def _lose_patience(self) -> None:
        if self.end is not None:
            return
        read = self._script.client.read
        if read is not None and read.stops:
            self._client_leaves()
        else:
            self._close(ClientEnd.TIMEOUT)

    ACTIONS: ClassVar[Mapping[str, Callable[..., None]]] = {
        "upstream_acts": _upstream_acts,
        "upstream_beats": _upstream_beats,
        "upstream_beats_again": _upstream_beats_again,
        "upstream_goes_on": _upstream_goes_on,
        "timer": _ring,
        "client_wakes": _client_wakes,
        "client_leaves": _client_leaves,
        "deadline": _lose_patience,
    }

    # The client.

    def _client_has_read(self) -> None:
        """Go on where the client has room again; end where it has read all."""
        if self._held_up_at is not None and self._client.has_room:
            self._release()
        if self._pending_end is not None and self._client.has_read_all:
            end, self._pending_end = self._pending_end, None
            self._close(end)

    def _hold_up(self) -> None:
        """The client's window is full: read no more, and stop the relay's timers.

        A slow reader must not look like a silent upstream.
        """
        self._held_up_at = self._clock.now_ns
        for name, (_, at_ns) in list(self._timers.items()):
            self._set_timer(name, at_ns)  # under a new number, so that none rings

    def _release(self) -> None:
        """The client reads again."""
        if self._held_up_at is None:
            return
        stood_ns = self._clock.now_ns - self._held_up_at
        self._held_up_at = None
        if self.is_over() or self.end is not None:
            return
        for name, (_, at_ns) in list(self._timers.items()):
            self._set_timer(name, at_ns + stood_ns)
        if not self._sent_all:
            self._tell(("writable",))
        if not self._paused and self._held_up_at is None:
            self._read_on()

    def _read_on(self) -> None:
        if self.attempts.all:
            number = len(self.attempts.all) - 1
            self._at(self._clock.now_ns, Priority.UPSTREAM, "upstream_goes_on", number)

    def _end_answer(self, end: ClientEnd) -> None:
        """End the answer; the client sees that when it has read all before it."""
        if self._sent_all or self.end is not None:
            return
        self._sent_all = True
        if self._client.has_read_all:
            self._close(end)
        else:
            self._pending_end = end

    def _close(self, end: ClientEnd) -> None:
        if self.end is None:
            self.end = end
            self.end_at_ns = self._clock.now_ns

    def _misuse(self, what: str) -> None:
        self._invalid = f"the relay {what}"


def _name_of(command: object) -> str:
    """Return what a command that cannot be looked up is called in a message."""
    if isinstance(command, list | tuple) and command and isinstance(command[0], str):
        return repr(command[0])
    return f"of type {type(command).__name__}"

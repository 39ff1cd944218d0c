"""The relay of the new architecture: the exchange around an event stream.

Rules of this file:

1. The progress of the exchange is a phase, and every transition is in the table of
   :mod:`proxy.v2.phases`.  An event that is absent there is the driver's mistake, and
   raises.
2. The response head goes out as soon as it is known to be the answer's: an error that
   is worth another attempt is not (:mod:`proxy.v2.recovery.retry`).  Nothing is retried
   once a byte went to the client.
3. An upstream that did not finish never looks finished to the client: before the head
   it is 502 or 504, after it an error event and a connection closed without its
   terminator.
4. Answers that are not event streams pass byte for byte.
5. Once the exchange is over, an event that still arrives is late, and has no effect;
   the same holds for an attempt that was given up.

Timers: ``first_byte`` runs from each attempt to the first byte of its body, ``idle``
from each read to the next, ``retry`` to the next attempt, ``hold`` to the time at which
held events must be sent, and ``total`` over everything.
Comments are bytes too: an upstream that sends keep-alives is not idle.  ``idle`` is not
moved at each read, which would cost a command per read; when it is due, the age of the
last read is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.relay import Command, Ending, Event, Headers
from proxy.v2.dialect import Dialect, Failure
from proxy.v2.headers import client_headers, is_event_stream
from proxy.v2.phases import TRANSITIONS, Phase, PhaseTrigger, step
from proxy.v2.recovery.attempts import Attempts
from proxy.v2.recovery.breaker import CircuitBreaker
from proxy.v2.settings import Settings
from proxy.v2.stream import EventStream

__all__ = ["StreamRelay"]

_FAILURES: Mapping[str, Failure] = MappingProxyType(
    {
        # Complete is a failure only if there was no head.
        "complete": Failure.PROTOCOL_ERROR,
        "protocol_error": Failure.PROTOCOL_ERROR,
        "refused": Failure.REFUSED,
        "connect_timeout": Failure.CONNECT_TIMEOUT,
        "reset": Failure.RESET,
        "truncated": Failure.TRUNCATED,
    }
)

_TIMEOUTS: Mapping[str, Failure] = MappingProxyType(
    {
        "first_byte": Failure.FIRST_BYTE_TIMEOUT,
        "idle": Failure.IDLE_TIMEOUT,
        "total": Failure.TOTAL_TIMEOUT,
    }
)


class StreamRelay:
    """The new architecture for one stream.

    Args:
        settings: The settings of this stream.
        seed: The source of randomness.
        breaker: The circuit breaker of the upstream.
    """

    architecture = "v2"
    """The name of the architecture, for a driver that shows what served a stream."""

    def __init__(self, settings: Settings, seed: int, breaker: CircuitBreaker) -> None:
        self._settings = settings
        self._attempts = Attempts(settings, seed, breaker)
        self._phase = Phase.READY
        self._dialect = Dialect.OPENAI
        self._stream: EventStream | None = None
        # The same, once its first event was read.
        self._reading: EventStream | None = None
        self._timers: list[str] = []
        self._asked_at_ns = 0
        self._read_at_ns = 0

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Take one event and return the commands; see :mod:`proxy.relay`."""
        if event[0] == "data" and (stream := self._reading) is not None:
            # Almost every event is this one.
            self._read_at_ns = now_ns
            out = stream.feed(event[1], now_ns)
            if stream.journal.notable:
                return self._conclude(now_ns, stream, out)
            return [("send", out)] if out else []
        if event[0] not in TRANSITIONS[self._phase]:
            raise ValueError(f"{event[0]} in phase {self._phase.value}")
        if self._phase is Phase.OVER:
            return []
        match event[0]:
            case "data":
                return self._on_data(now_ns, event[1])
            case "request":
                return self._on_request(now_ns, event[2])
            case "head":
                return self._on_head(now_ns, event[1], event[2])
            case "ended":
                return self._on_ended(now_ns, event[1])
            case "client_gone":
                return self._on_client_gone(event[1])
            case "timer":
                return self._on_timer(now_ns, event[1])
            case _:
                # Reading was stopped for the client, so the upstream was not silent.
                self._read_at_ns = now_ns
                return []

    def _on_request(self, now_ns: int, target: bytes) -> list[Command]:
        self._dialect = Dialect.of_target(target)
        self._asked_at_ns = now_ns
        using: Command = ("log", "info", "Using new streaming architecture (v2)", {})
        return [using, *self._attempt(now_ns)]

    def _attempt(self, now_ns: int) -> list[Command]:
        """Make an attempt, if the circuit breaker permits it."""
        if not self._attempts.begin(now_ns):
            return self._fail(now_ns, Failure.CIRCUIT_OPEN, close_upstream=False)
        self._move(PhaseTrigger.ATTEMPT)
        commands = self._notes()
        commands.append(("connect", self._attempts.number))
        settings = self._settings
        if "total" not in self._timers:
            commands.append(self._set_timer("total", now_ns + settings.timeout_ns))
        limit_ns = now_ns + settings.first_byte_timeout_ns
        commands.append(self._set_timer("first_byte", limit_ns))
        return commands

    def _on_head(self, now_ns: int, status: int, headers: Headers) -> list[Command]:
        at_ns = self._attempts.retry_of_answer(now_ns, status, headers)
        if at_ns is not None:
            return self._wait_for_retry(at_ns, close_upstream=True)
        if is_event_stream(status, headers):
            self._move(PhaseTrigger.EVENT_STREAM)
            self._stream = EventStream(self._settings, self._dialect, self._asked_at_ns)
        else:
            self._move(PhaseTrigger.OTHER_ANSWER)
            self._attempts.progressed()
        kept = client_headers(headers, keep_length=self._phase is Phase.PASSING)
        return [*self._notes(), ("send_head", status, kept)]

    def _wait_for_retry(self, at_ns: int, *, close_upstream: bool) -> list[Command]:
        """Give an attempt up, and wait until the next one is due."""
        self._move(PhaseTrigger.RETRY)
        commands = self._notes()
        if close_upstream:
            commands.append(("close_upstream",))
        commands.append(self._cancel_timer("first_byte"))
        commands.append(self._set_timer("retry", at_ns))
        return commands

    def _on_data(self, now_ns: int, data: bytes) -> list[Command]:
        """Take bytes of a body that passes, or the first bytes of an event stream."""
        if self._phase is Phase.WAITING:
            return []
        self._read_at_ns = now_ns
        commands: list[Command] = []
        if "idle" not in self._timers:
            commands.append(self._cancel_timer("first_byte"))
            idle_ns = self._settings.idle_timeout_ns
            commands.append(self._set_timer("idle", now_ns + idle_ns))
        stream = self._stream
        if stream is None:
            commands.append(("send", data))
            return commands
        out = stream.feed(data, now_ns)
        if stream.chunks:
            self._reading = stream
            if stream.error is None:
                self._attempts.progressed()
        return commands + self._conclude(now_ns, stream, out)

    def _conclude(self, now_ns: int, stream: EventStream, out: bytes) -> list[Command]:
        """Send what was read, and end the answer if that was its last event."""
        commands = self._notes() + stream.journal.take()
        if out:
            commands.append(("send", out))
        if stream.failure is not None:
            commands += self._fail(now_ns, stream.failure)
        elif stream.finished:
            commands += self._finish(now_ns, close_upstream=True)
        else:
            commands += self._time_hold(stream)
        return commands

    def _time_hold(self, stream: EventStream) -> list[Command]:
        """Set or cancel the timer of the events that are held back."""
        at_ns = stream.flush_at_ns
        if at_ns is None:
            return [self._cancel_timer("hold")] if "hold" in self._timers else []
        if "hold" in self._timers:
            # It is not moved: when due, the age of what is held is checked.
            return []
        return [self._set_timer("hold", at_ns)]

    def _on_ended(self, now_ns: int, kind: Ending) -> list[Command]:
        if self._phase is Phase.WAITING:
            return []
        if self._phase is Phase.ASKED:
            failure = _FAILURES[kind]
            at_ns = self._attempts.retry_of_ending(now_ns, failure, kind)
            if at_ns is not None:
                return self._wait_for_retry(at_ns, close_upstream=False)
            return self._fail(now_ns, failure, close_upstream=False)
        if kind != "complete":
            return self._fail(now_ns, _FAILURES[kind], close_upstream=False)
        commands: list[Command] = []
        stream = self._stream
        if stream is not None:
            out = stream.close(now_ns)
            commands = stream.journal.take()
            if out:
                commands.append(("send", out))
            if stream.failure is not None:
                failure = stream.failure
                return commands + self._fail(now_ns, failure, close_upstream=False)
        return commands + self._finish(now_ns, close_upstream=False)

    def _on_timer(self, now_ns: int, name: str) -> list[Command]:
        if name not in self._timers:
            return []
        if name == "idle":
            due_ns = self._read_at_ns + self._settings.idle_timeout_ns
            if now_ns < due_ns:
                return [("set_timer", "idle", due_ns)]
        self._timers.remove(name)
        if name == "retry":
            return self._attempt(now_ns)
        if name == "hold":
            stream = self._stream
            if stream is None or (flush_at_ns := stream.flush_at_ns) is None:
                return []
            if now_ns < flush_at_ns:
                # Its events were sent, and others were held in the same read.
                return [self._set_timer("hold", flush_at_ns)]
            return self._flush(now_ns, stream)
        return self._fail(now_ns, _TIMEOUTS[name])

    def _flush(self, now_ns: int, stream: EventStream) -> list[Command]:
        out = stream.flush(now_ns)
        return self._conclude(now_ns, stream, out)

    def _on_client_gone(self, how: str) -> list[Command]:
        self._attempts.abandoned()
        commands: list[Command] = [("log", "info", "Client left", {"how": how})]
        commands += self._notes()
        self._move(PhaseTrigger.CLIENT_GONE)
        commands += self._clean_up("client_gone", how, close_upstream=True)
        return commands

    def _finish(self, now_ns: int, *, close_upstream: bool) -> list[Command]:
        stream = self._stream
        error = None if stream is None else stream.error
        if error is None:
            self._attempts.succeeded()
        elif error.blames_upstream:
            self._attempts.failed(now_ns, Failure.IN_BAND)
        else:
            self._attempts.abandoned()
        outcome = "passed" if stream is None else stream.outcome
        cause = "" if error is None else Failure.IN_BAND.value
        commands = self._notes()
        self._move(PhaseTrigger.FINISHED)
        commands += self._clean_up(outcome, cause, close_upstream=close_upstream)
        commands.append(("end",))
        return commands

    def _fail(
        self, now_ns: int, failure: Failure, *, close_upstream: bool = True
    ) -> list[Command]:
        if failure is Failure.TOTAL_TIMEOUT and "idle" in self._timers:
            # It is working; an answer longer than we allow is not its failure.
            self._attempts.abandoned()
        else:
            self._attempts.failed(now_ns, failure)
        fields = {"code": failure.value, "phase": self._phase.value}
        commands: list[Command] = self._notes()
        commands.append(("log", "warning", "Upstream failed", fields))
        headed = self._phase in {Phase.STREAMING, Phase.PASSING}
        stream = self._stream
        if not headed:
            commands += self._error_response(now_ns, failure)
        elif stream is not None and (told := stream.fail(failure, now_ns)):
            commands.append(("send", told))
        self._move(PhaseTrigger.FAILED)
        outcome = "refused" if failure is Failure.CIRCUIT_OPEN else "failed"
        commands += self._clean_up(
            outcome, failure.value, close_upstream=close_upstream
        )
        commands.append(("abort",) if headed else ("end",))
        return commands

    def _error_response(self, now_ns: int, failure: Failure) -> list[Command]:
        """Return the error response that replaces the upstream's answer."""
        body = self._dialect.error_body(failure)
        headers: Headers = (
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        )
        if failure is Failure.CIRCUIT_OPEN:
            seconds = self._attempts.retry_after_s(now_ns)
            headers = (*headers, (b"retry-after", b"%d" % seconds))
        return [("send_head", failure.status, headers), ("send", body)]

    def _clean_up(
        self, outcome: str, cause: str, *, close_upstream: bool
    ) -> list[Command]:
        """Release everything: timers, the upstream, the last notes for operators."""
        commands: list[Command] = []
        if self._stream is not None:
            self._stream.terminate()
            commands = self._stream.journal.take()
            self._stream = self._reading = None
        labels = {"outcome": outcome, "cause": cause}
        commands.append(("count", "streams", 1, labels))
        commands += [("cancel_timer", name) for name in self._timers]
        self._timers = []
        if close_upstream:
            commands.append(("close_upstream",))
        return commands

    def _move(self, trigger: PhaseTrigger) -> None:
        self._phase = step(self._phase, trigger)

    def _notes(self) -> list[Command]:
        notes, self._attempts.notes = self._attempts.notes, []
        return notes

    def _set_timer(self, name: str, at_ns: int) -> Command:
        self._timers.append(name)
        return ("set_timer", name, at_ns)

    def _cancel_timer(self, name: str) -> Command:
        self._timers.remove(name)
        return ("cancel_timer", name)

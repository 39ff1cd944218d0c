"""The relay of the new architecture: the exchange around an event stream.

Rules of this file:

1. How far the exchange has come is a :class:`Phase`; :data:`LEGAL` says which events
   each phase may see.  Anything else is the driver's mistake, and raises.
2. The response head goes out as soon as it is known.
3. An upstream that did not finish never looks finished to the client: before the head
   it is 502 or 504, after it an error event and a connection closed without its
   terminator.
4. Answers that are no event streams pass byte for byte.
5. Once the exchange is over, what still arrives is late, and nothing comes of it.

Timers: ``first_byte`` runs from the request to the first byte of the body, ``idle``
from each read to the next, ``total`` over everything.  ``idle`` is not moved at each
read, which would cost a command per read; it looks, when due, how long ago the last
read was.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from proxy.relay import Command, Ending, Event, Headers
from proxy.v2.dialect import Dialect, Failure
from proxy.v2.heads import end_to_end, is_event_stream
from proxy.v2.settings import Settings
from proxy.v2.stream import EventStream

__all__ = ["LEGAL", "Phase", "StreamRelay"]


class Phase(Enum):
    """How far an exchange has come."""

    READY = "ready"
    """There is no request yet."""

    ASKED = "asked"
    """The request is on its way; no head yet."""

    STREAMING = "streaming"
    """The body is an event stream."""

    PASSING = "passing"
    """The body passes as it is."""

    OVER = "over"
    """The answer has ended, or the client has left."""


_AFTER_REQUEST = frozenset({"ended", "client_gone", "writable", "timer"})

LEGAL: Mapping[Phase, frozenset[str]] = MappingProxyType(
    {
        Phase.READY: frozenset({"request"}),
        Phase.ASKED: _AFTER_REQUEST | {"head"},
        Phase.STREAMING: _AFTER_REQUEST | {"data"},
        Phase.PASSING: _AFTER_REQUEST | {"data"},
        Phase.OVER: _AFTER_REQUEST | {"head", "data"},
    }
)
"""The events that each phase may see."""

_FAILURES: Mapping[str, Failure] = MappingProxyType(
    {
        # Complete is a failure only where there was no head.
        "complete": Failure.PROTOCOL_ERROR,
        "protocol_error": Failure.PROTOCOL_ERROR,
        "refused": Failure.REFUSED,
        "connect_timeout": Failure.CONNECT_TIMEOUT,
        "reset": Failure.RESET,
        "truncated": Failure.TRUNCATED,
    }
)


class StreamRelay:
    """The new architecture for one stream.

    Args:
        settings: What to act on.
    """

    architecture = "v2"
    """What it is, for whoever drives it and must show what served a stream."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._phase = Phase.READY
        self._dialect = Dialect.OPENAI
        self._stream: EventStream | None = None
        # The same, once its first bytes were read.
        self._reading: EventStream | None = None
        self._timers: list[str] = []
        self._read_at_ns = 0

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Take one event and say what is to be done; see :mod:`proxy.relay`."""
        if event[0] == "data" and (stream := self._reading) is not None:
            # Almost every event is this one.
            self._read_at_ns = now_ns
            out = stream.feed(event[1])
            if stream.logs or stream.finished or stream.failure is not None:
                return self._conclude(stream, out)
            return [("send", out)] if out else []
        if event[0] not in LEGAL[self._phase]:
            raise ValueError(f"{event[0]} in phase {self._phase.value}")
        if self._phase is Phase.OVER:
            return []
        match event[0]:
            case "data":
                return self._on_data(now_ns, event[1])
            case "request":
                return self._on_request(now_ns, event[2])
            case "head":
                return self._on_head(event[1], event[2])
            case "ended":
                return self._on_ended(event[1])
            case "client_gone":
                return self._on_client_gone(event[1])
            case "timer":
                return self._on_timer(now_ns, event[1])
            case _:
                # Reading stood still for the client's sake, which is not the
                # upstream's silence.
                self._read_at_ns = now_ns
                return []

    def _on_request(self, now_ns: int, target: bytes) -> list[Command]:
        self._phase = Phase.ASKED
        self._dialect = Dialect.of_target(target)
        self._timers = ["total", "first_byte"]
        settings = self._settings
        return [
            ("log", "info", "Using new streaming architecture (v2)", {}),
            ("connect", 1),
            ("set_timer", "total", now_ns + settings.timeout_ns),
            ("set_timer", "first_byte", now_ns + settings.first_byte_timeout_ns),
        ]

    def _on_head(self, status: int, headers: Headers) -> list[Command]:
        if is_event_stream(status, headers):
            self._phase = Phase.STREAMING
            self._stream = EventStream(self._settings, self._dialect)
        else:
            self._phase = Phase.PASSING
        kept = end_to_end(headers, keep_length=self._phase is Phase.PASSING)
        return [("send_head", status, kept)]

    def _on_data(self, now_ns: int, data: bytes) -> list[Command]:
        """Take bytes of a body that passes, or the first of an event stream."""
        self._read_at_ns = now_ns
        commands: list[Command] = []
        if "idle" not in self._timers:
            self._timers = ["total", "idle"]
            commands = [
                ("cancel_timer", "first_byte"),
                ("set_timer", "idle", now_ns + self._settings.idle_timeout_ns),
            ]
        stream = self._reading = self._stream
        if stream is None:
            commands.append(("send", data))
            return commands
        return commands + self._conclude(stream, stream.feed(data))

    def _conclude(self, stream: EventStream, out: bytes) -> list[Command]:
        """Send what was read, and end where it was the last."""
        commands, stream.logs = stream.logs, []
        if out:
            commands.append(("send", out))
        if stream.failure is not None:
            commands += self._fail(stream.failure)
        elif stream.finished:
            commands += self._finish(close_upstream=True)
        return commands

    def _on_ended(self, kind: Ending) -> list[Command]:
        if kind != "complete" or self._phase is Phase.ASKED:
            return self._fail(_FAILURES[kind], close_upstream=False)
        commands: list[Command] = []
        stream = self._stream
        if stream is not None:
            out = stream.close()
            if out:
                commands.append(("send", out))
            if stream.failure is not None:
                return commands + self._fail(stream.failure, close_upstream=False)
        return commands + self._finish(close_upstream=False)

    def _on_timer(self, now_ns: int, name: str) -> list[Command]:
        if name not in self._timers:
            return []
        if name == "idle":
            due_ns = self._read_at_ns + self._settings.idle_timeout_ns
            if now_ns < due_ns:
                return [("set_timer", "idle", due_ns)]
        self._timers.remove(name)
        return self._fail(Failure.TIMEOUT, detail=name)

    def _on_client_gone(self, how: str) -> list[Command]:
        commands: list[Command] = [("log", "info", "Client left", {"how": how})]
        commands += self._wind_up(close_upstream=True)
        return commands

    def _finish(self, *, close_upstream: bool) -> list[Command]:
        return [*self._wind_up(close_upstream=close_upstream), ("end",)]

    def _fail(
        self, failure: Failure, *, detail: str = "", close_upstream: bool = True
    ) -> list[Command]:
        fields = {"code": failure.value, "phase": self._phase.value}
        if detail:
            fields["timer"] = detail
        commands: list[Command] = [("log", "warning", "Upstream failed", fields)]
        stream = self._stream
        if self._phase is Phase.ASKED:
            commands += self._answer(failure)
        elif stream is not None:
            commands.append(("send", stream.fail(failure)))
        ending: Command = ("end",) if self._phase is Phase.ASKED else ("abort",)
        commands += self._wind_up(close_upstream=close_upstream)
        commands.append(ending)
        return commands

    def _answer(self, failure: Failure) -> list[Command]:
        """Answer in the upstream's place."""
        late = failure in {Failure.TIMEOUT, Failure.CONNECT_TIMEOUT}
        status = 504 if late else 502
        body = self._dialect.error_body(failure)
        headers = (
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        )
        return [("send_head", status, headers), ("send", body)]

    def _wind_up(self, *, close_upstream: bool) -> list[Command]:
        """Leave nothing behind: timers, the upstream, the last words of the log."""
        self._phase = Phase.OVER
        commands: list[Command] = []
        if self._stream is not None:
            self._stream.terminate()
            commands += self._stream.logs
            self._stream = self._reading = None
        commands += [("cancel_timer", name) for name in self._timers]
        self._timers = []
        if close_upstream:
            commands.append(("close_upstream",))
        return commands

"""The driver: it performs the commands of a relay on sockets, for one request.

A relay decides and performs nothing; the driver performs and decides nothing. The
output of one event is written in one piece before the driver returns, so nothing waits
for a later turn of the loop.

The driver's own rules, which a relay cannot know:

* A client that leaves, by FIN or by RST, frees the upstream immediately, in every
  phase.
* While the client's buffer is full the upstream is not read, and the timers of the
  relay stop: a slow client is not a silent upstream. The connection to the client
  limits the time.
* A relay that knows the end of an answer before its framing does (``[DONE]``) closes
  the upstream and ends cleanly in one turn. That would lose the connection for a few
  bytes, so the answer is read to its end instead, for a quarter of a second at most.
* A relay that breaks its contract ends its own stream only: 500 before the head, a
  closed connection after it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Protocol

from proxy.http.error_responses import error_body
from proxy.http.response_framer import BadHeadError, ResponseFramer
from proxy.operations.logs import StreamLogger
from proxy.operations.metrics import StreamStats
from proxy.relay import Command, Event, Headers, Relay
from proxy.rollout.rollout import LOG_LINES

__all__ = ["Attempt", "ClientWriter", "Connector", "Driver", "MetricsSink"]


class ClientWriter(Protocol):
    """The sending side of the connection to the client."""

    def write(self, data: bytes) -> None:
        """Send bytes now."""

    def finished(self, *, keep_alive: bool) -> None:
        """End the answer: flush, then close or take another request."""


class Attempt(Protocol):
    """An attempt to get an answer from the upstream."""

    def close(self) -> None:
        """Close immediately."""

    def drain(self) -> None:
        """Read the rest of a finished answer, and deliver nothing more."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Continue reading."""


class MetricsSink(Protocol):
    """Metrics of answers; see :mod:`proxy.operations.metrics`."""

    def begun(self) -> None:
        """Count a new answer."""

    def over(self, stats: StreamStats) -> None:
        """Count an ended answer."""

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        """Add to a counter of the relays."""

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        """Put a value into a distribution of the relays."""


Connector = Callable[[Callable[[list[Event]], None]], Attempt]
"""Starts an attempt that delivers its events to the given function."""


class Driver:
    """Drives one relay from the request to the end of the answer.

    Args:
        relay: The relay that decides.
        framer: Frames the answer.
        client: Where the answer goes.
        connect: Starts an attempt to reach the upstream.
        clock: Monotonic nanoseconds.
        call_later: Schedules a call in seconds, as the loop's method does.
    """

    __slots__ = (
        "_attempt",
        "_began_ns",
        "_blocked_at_ns",
        "_body_at_ns",
        "_bytes_out",
        "_call_later",
        "_client",
        "_clock",
        "_closing",
        "_connect",
        "_framer",
        "_held_at_ns",
        "_hold_ns",
        "_last",
        "_log",
        "_metrics",
        "_out",
        "_outcome",
        "_over",
        "_relay",
        "_relay_paused",
        "_source",
        "_status",
        "_timers",
        "_upstream",
    )

    def __init__(  # noqa: PLR0913 - all it touches is handed in, by keyword
        self,
        *,
        relay: Relay,
        framer: ResponseFramer,
        client: ClientWriter,
        connect: Connector,
        log: StreamLogger,
        metrics: MetricsSink,
        clock: Callable[[], int] = time.monotonic_ns,
        call_later: Callable[..., asyncio.TimerHandle] | None = None,
    ) -> None:
        self._relay = relay
        self._framer = framer
        self._client = client
        self._connect = connect
        self._log = log
        self._metrics = metrics
        self._clock = clock
        self._call_later = call_later or asyncio.get_running_loop().call_later
        self._upstream: Attempt | None = None
        self._source: object | None = None
        self._closing = False
        self._attempt = 0
        self._timers: dict[str, tuple[int, asyncio.TimerHandle | None]] = {}
        self._out: list[bytes] = []
        self._relay_paused = False
        self._blocked_at_ns: int | None = None
        self._outcome: str | None = None
        self._status: int | None = None
        self._bytes_out = 0
        self._over = False
        # For the metrics: the last event that can end an answer, and times.
        self._last: str | None = None
        self._began_ns = 0
        self._body_at_ns: int | None = None
        self._held_at_ns: int | None = None
        self._hold_ns = 0

    # Called by the connection to the client.

    def start(self, event: Event) -> None:
        """Hand the ``request`` event to the relay."""
        self._began_ns = self._clock()
        self._metrics.begun()
        self._turn([event])

    def client_gone(self, how: Literal["fin", "rst"]) -> None:
        """Free the upstream: the client left by ``fin`` or ``rst``."""
        if self._over:
            return
        self._over = True
        self._drop_upstream()
        # Nothing can be sent any more, but the relay may log something.
        try:
            for command in self._relay.handle(self._clock(), ("client_gone", how)):
                self._perform(command)
        except Exception as error:  # noqa: BLE001 - one stream must not end the others
            self._log.failed(error)
        self._finish(f"client gone ({how})")

    def stop(self) -> None:
        """Free the upstream: the proxy shuts down. The caller closes the client."""
        if not self._over:
            self._over = True
            self._drop_upstream()
            self._finish("shut down")

    def client_blocked(self) -> None:
        """Stop reading the upstream: the client does not read."""
        if self._over or self._blocked_at_ns is not None:
            return
        self._blocked_at_ns = self._clock()
        if self._upstream is not None:
            self._upstream.pause()
        for name, (at_ns, handle) in self._timers.items():
            if handle is not None:
                handle.cancel()
            self._timers[name] = (at_ns, None)

    def client_writable(self) -> None:
        """Continue: the client reads again."""
        if self._over or self._blocked_at_ns is None:
            return
        now_ns = self._clock()
        stood_ns = now_ns - self._blocked_at_ns
        self._blocked_at_ns = None
        for name, (at_ns, _) in list(self._timers.items()):
            self._do_set_timer(name, at_ns + stood_ns)
        self._turn([("writable",)])
        if self._upstream is not None and not self._paused:
            self._upstream.resume()

    @property
    def _paused(self) -> bool:
        return self._relay_paused or self._blocked_at_ns is not None

    # One turn: events in, commands performed, one write.

    def _turn(self, events: list[Event], source: object | None = None) -> None:
        try:
            for event in events:
                if source is not self._source and source is not None:
                    # The relay closed this attempt between two of its events.
                    break
                if event[0] == "ended" and event[1] != "complete":
                    self._last = event[1]
                for command in self._relay.handle(self._clock(), event):
                    self._perform(command)
                if self._over:
                    break
        except BadHeadError as error:
            self._log.write("warning", f"answer refused: {error}", {})
            self._last = "protocol_error"
            self._fail(502, "the upstream's answer has an invalid head")
        except Exception as error:  # noqa: BLE001 - one stream must not end the others
            self._log.failed(error)
            self._last = "proxy"
            self._fail(500, "the proxy failed")
        if self._out:
            self._flush()
        elif source is not None and self._held_at_ns is None:
            self._held_at_ns = self._clock()
        if self._outcome is not None:
            self._conclude(self._outcome)
        elif self._closing:
            self._drop_upstream()

    def _perform(self, command: Command) -> None:
        if command[0] == "send":
            # First, because almost every command is this one.
            self._do_send(command[1])
        elif self._over:
            if command[0] in {"log", "count", "observe"}:
                self._COMMANDS[command[0]](self, *command[1:])
        else:
            self._COMMANDS[command[0]](self, *command[1:])

    def _flush(self) -> None:
        data = b"".join(self._out)
        self._out.clear()
        self._bytes_out += len(data)
        self._client.write(data)
        if self._held_at_ns is not None:
            self._hold_ns = max(self._hold_ns, self._clock() - self._held_at_ns)
            self._held_at_ns = None

    def _conclude(self, outcome: str) -> None:
        self._outcome = None
        if outcome == "complete" and self._last is None and self._upstream is not None:
            self._upstream.drain()
            self._upstream = None
        self._drop_upstream()
        self._finish(outcome)
        keep_alive = outcome == "complete" and self._framer.keep_alive
        self._client.finished(keep_alive=keep_alive)

    def _finish(self, outcome: str) -> None:
        for _, handle in self._timers.values():
            if handle is not None:
                handle.cancel()
        self._timers.clear()
        now_ns = self._clock()
        ttft_ns = None
        if self._body_at_ns is not None:
            ttft_ns = self._body_at_ns - self._began_ns
        cause = self._cause(outcome)
        duration_ns = now_ns - self._began_ns
        self._log.over(
            outcome,
            status=self._status,
            cause=cause,
            attempts=self._attempt,
            bytes_out=self._bytes_out,
            ttft_ms=None if ttft_ns is None else round(ttft_ns / 1e6, 3),
            duration_ms=round(duration_ns / 1e6, 3),
        )
        self._metrics.over(
            StreamStats(
                outcome=outcome,
                cause=cause,
                attempts=self._attempt,
                bytes_out=self._bytes_out,
                duration_ns=duration_ns,
                ttft_ns=ttft_ns,
                hold_ns=self._hold_ns,
            )
        )

    def _cause(self, outcome: str) -> str | None:
        """Return the cause of a failed answer; None if it did not fail.

        A client that leaves and a proxy that stops are not failures. v1 ends cut
        answers cleanly, so the outcome alone would hide them.
        """
        if outcome not in {"complete", "short", "aborted"}:
            return None
        if self._last is not None:
            return self._last
        if outcome != "complete":
            return outcome
        if self._status is not None and self._status >= 500:
            return "upstream_status" if self._attempt else "unavailable"
        return None

    def _fail(self, status: int, message: str) -> None:
        """End the answer for a reason that the relay does not know."""
        if self._over:
            return
        if self._framer.started:
            self._do_abort()
            return
        headers, body = error_body(status, message)
        self._out.clear()
        self._do_send_head(status, headers)
        self._do_send(body)
        self._do_end()

    # The commands.

    def _do_connect(self, attempt: int) -> None:
        self._drop_upstream()
        self._attempt = attempt
        self._last = None
        source = self._source = object()

        def deliver(events: list[Event]) -> None:
            if not self._over:
                self._turn(events, source)

        self._upstream = self._connect(deliver)
        if self._paused:
            self._upstream.pause()

    def _do_send_head(self, status: int, headers: Headers) -> None:
        self._out.append(self._framer.head(status, headers))
        self._status = status

    def _do_send(self, data: bytes) -> None:
        if not self._over:
            if not self._framer.started:
                raise RuntimeError("the relay sent a body before a head")
            if self._body_at_ns is None:
                self._body_at_ns = self._clock()
            self._out.append(self._framer.body(data))

    def _do_end(self) -> None:
        if not self._framer.started:
            raise RuntimeError("the relay ended an answer without a head")
        self._out.append(self._framer.end())
        self._over = True
        self._outcome = "short" if self._framer.short else "complete"

    def _do_abort(self) -> None:
        self._over = True
        self._outcome = "aborted"

    def _do_close_upstream(self) -> None:
        self._source = None
        self._closing = True

    def _drop_upstream(self) -> None:
        self._source = None
        self._closing = False
        if self._upstream is not None:
            self._upstream.close()
            self._upstream = None

    def _do_pause(self) -> None:
        self._relay_paused = True
        if self._upstream is not None:
            self._upstream.pause()

    def _do_resume(self) -> None:
        self._relay_paused = False
        if self._upstream is not None and not self._paused:
            self._upstream.resume()

    def _do_set_timer(self, name: str, at_ns: int) -> None:
        self._do_cancel_timer(name)
        handle = None
        if self._blocked_at_ns is None:
            delay_s = max(0, at_ns - self._clock()) / 1e9
            handle = self._call_later(delay_s, self._due, name, at_ns)
        self._timers[name] = (at_ns, handle)

    def _do_cancel_timer(self, name: str) -> None:
        _, handle = self._timers.pop(name, (0, None))
        if handle is not None:
            handle.cancel()

    def _due(self, name: str, at_ns: int) -> None:
        if self._clock() < at_ns:
            # Loops round times: asyncio to the clock's resolution, uvloop to ms.
            self._do_set_timer(name, at_ns)
            return
        del self._timers[name]
        self._last = "timeout"
        self._turn([("timer", name)])
        if not self._over:
            # A timer for another purpose, such as the pause before a retry.
            self._last = None

    def _do_log(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        # The server has logged the choice already, at the level operators see.
        if message not in LOG_LINES.values():
            self._log.write(level, message, fields)

    def _do_count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        self._metrics.count(name, amount, labels)

    def _do_observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        self._metrics.observe(name, value, labels)

    _COMMANDS: ClassVar[dict[str, Callable[..., None]]] = {
        "connect": _do_connect,
        "send_head": _do_send_head,
        "send": _do_send,
        "end": _do_end,
        "abort": _do_abort,
        "close_upstream": _do_close_upstream,
        "pause_upstream": _do_pause,
        "resume_upstream": _do_resume,
        "set_timer": _do_set_timer,
        "cancel_timer": _do_cancel_timer,
        "log": _do_log,
        "count": _do_count,
        "observe": _do_observe,
    }

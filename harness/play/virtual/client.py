"""The client of one stream in virtual time: what it reads, and when it leaves.

A client that reads immediately needs no window. One that reads slowly, or pauses, has a
window of some bytes; while that is full the relay is held up, as by a full socket.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from harness.judge.oracle.expectation import CLIENT_WINDOW_BYTES
from harness.play.virtual.clock import Priority, VirtualClock
from harness.scenario.model import READ_EVERY_NS, ClientPlan
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser
from harness.units import NS_PER_MS

__all__ = ["VirtualClient"]


class VirtualClient:
    """The client's end of a stream: reads what a relay sends, as its plan says.

    It puts two actions of its stream into the clock: ``client_leaves``, once it has
    read enough to leave, and ``client_wakes``, when it reads on.

    Args:
        plan: What it does.
        clock: The clock.
        stream: The number of its stream.

    Attributes:
        reads: What it read, each with its absolute time.
    """

    def __init__(self, plan: ClientPlan, clock: VirtualClock, stream: int) -> None:
        self.reads: list[tuple[int, bytes]] = []
        self._clock = clock
        self._stream = stream
        abort = plan.abort
        self._after_events = abort.after_events if abort else None
        self._after_bytes = abort.after_bytes if abort else None
        self._leaves = abort is not None
        self._parser: EventStreamParser | None = None
        if self._after_events is not None:
            self._parser = EventStreamParser()
        self._events = 0
        self._total = 0
        self._window = (
            CLIENT_WINDOW_BYTES if plan.receive_buffer is None else plan.receive_buffer
        )
        self._slow = plan.read is not None
        self._read_size = plan.read.bytes_per_read if plan.read else None
        self._pause = plan.read.pause if plan.read else None
        self._waiting = bytearray()
        self._asleep = False

    @property
    def has_read_all(self) -> bool:
        """Whether no bytes wait to be read."""
        return not self._waiting

    @property
    def is_full(self) -> bool:
        """Whether its window is full."""
        return len(self._waiting) >= self._window

    @property
    def has_room(self) -> bool:
        """Whether its window has room again.

        As in asyncio's transports, low water is a quarter of high water.
        """
        return len(self._waiting) <= self._window // 4

    def see_head(self) -> None:
        """Take note that the head arrived."""
        self._maybe_leave()

    def take(self, data: bytes) -> None:
        """Receive bytes of the body; they are read now or wait."""
        if not self._slow:
            self._read(data)
            return
        self._waiting += data
        if not self._asleep:
            self._read_on()

    def wake(self) -> None:
        """Read on."""
        self._asleep = False
        self._read_on()

    def fork(self, clock: VirtualClock) -> VirtualClient:
        """Return a client that has read the same, on another clock."""
        twin: VirtualClient = VirtualClient.__new__(VirtualClient)
        vars(twin).update(vars(self))
        twin.reads = self.reads.copy()
        twin._clock = clock
        if self._parser is not None:
            twin._parser = deepcopy(self._parser)
        twin._waiting = self._waiting.copy()
        return twin

    def state(self) -> tuple[Any, ...]:
        """Return all that decides what it does from now on."""
        return (
            self._events,
            self._total,
            self._pause,
            bytes(self._waiting),
            self._asleep,
        )

    def _read(self, data: bytes) -> None:
        self.reads.append((self._clock.now_ns, data))
        self._total += len(data)
        if not self._leaves:
            return
        if self._parser is not None:
            found = self._parser.feed(data)
            self._events += sum(isinstance(one, ServerSentEvent) for one in found)
        self._maybe_leave()

    def _maybe_leave(self) -> None:
        events, size = self._after_events, self._after_bytes
        if (events is not None and self._events >= events) or (
            size is not None and self._total >= size
        ):
            self._act(self._clock.now_ns, "client_leaves")

    def _read_on(self) -> None:
        """Read as much as the plan allows now, and sleep until it allows more."""
        while self._waiting and not self._asleep:
            size = len(self._waiting)
            if self._pause is not None:
                size = min(size, max(0, self._pause.after_bytes - self._total))
            elif self._read_size is not None:
                size = min(size, self._read_size)
            if size:
                data = bytes(self._waiting[:size])
                del self._waiting[:size]
                self._read(data)
            self._sleep()

    def _sleep(self) -> None:
        now_ns = self._clock.now_ns
        if self._read_size is not None:
            self._asleep = True
            self._act(now_ns + READ_EVERY_NS, "client_wakes")
        elif self._pause is not None and self._total >= self._pause.after_bytes:
            self._asleep = True
            for_ms = self._pause.for_ms
            if for_ms is not None:
                self._pause = None
                self._act(now_ns + round(for_ms * NS_PER_MS), "client_wakes")

    def _act(self, at_ns: int, name: str) -> None:
        self._clock.at(at_ns, Priority.CLIENT, (self._stream, name, ()))

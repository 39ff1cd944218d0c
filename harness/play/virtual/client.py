"""The client of one stream in virtual time: what it reads, and when it leaves.

A client that takes at once what comes needs no window. One that reads slowly, or not
for a while, has a window of so many bytes; while it is full its peer is held up, as a
driver is by a socket that takes no more.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.judge.oracle.expectation import CLIENT_WINDOW_BYTES
from harness.play.virtual.clock import Rank, World
from harness.scenario.model import READ_EVERY_NS, ClientPlan, Pause
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser
from harness.units import NS_PER_MS

__all__ = ["VirtualClient"]


class VirtualClient:
    """Reads what a relay sends, as its plan says.

    Args:
        plan: What it does.
        world: The clock.
        leave: Called when it has read enough to leave.
        hold_up: Called when its window is full.
        go_on: Called when there is room in it again.

    Attributes:
        reads: What it read, and when; absolute instants.
    """

    def __init__(
        self,
        plan: ClientPlan,
        world: World,
        *,
        leave: Callable[[], None],
        hold_up: Callable[[], None],
        go_on: Callable[[], None],
    ) -> None:
        self.reads: list[tuple[int, bytes]] = []
        self._world = world
        self._leave = leave
        self._hold_up = hold_up
        self._go_on = go_on
        abort = plan.abort
        self._after_events = abort.after_events if abort else None
        self._after_bytes = abort.after_bytes if abort else None
        self._parser = EventStreamParser()
        self._events = 0
        self._total = 0
        self._window = (
            CLIENT_WINDOW_BYTES if plan.receive_buffer is None else plan.receive_buffer
        )
        self._slow = plan.read is not None
        self._sip = plan.read.bytes_per_read if plan.read else None
        self._pause: Pause | None = plan.read.pause if plan.read else None
        self._waiting = bytearray()
        self._asleep = False
        self._held_up = False
        self._when_read: Callable[[], None] | None = None

    def see_head(self) -> None:
        """Learn that the head came."""
        self._maybe_leave()

    def take(self, data: bytes) -> None:
        """Get bytes of the body, and read them or leave them."""
        if not self._slow:
            self._read(data)
            return
        self._waiting += data
        if not self._asleep:
            self._drink()
        if len(self._waiting) >= self._window and not self._held_up:
            self._held_up = True
            self._hold_up()

    def after_the_rest(self, act: Callable[[], None]) -> None:
        """Have something done once all that came was read."""
        if self._waiting:
            self._when_read = act
        else:
            act()

    def _read(self, data: bytes) -> None:
        self.reads.append((self._world.now_ns, data))
        self._total += len(data)
        if self._after_events is not None:
            found = self._parser.feed(data)
            self._events += sum(isinstance(one, ServerSentEvent) for one in found)
        self._maybe_leave()

    def _maybe_leave(self) -> None:
        events, size = self._after_events, self._after_bytes
        if (events is not None and self._events >= events) or (
            size is not None and self._total >= size
        ):
            self._world.at(self._world.now_ns, Rank.CLIENT, self._leave)

    def _drink(self) -> None:
        """Read what the plan allows now, and sleep until it allows more."""
        while self._waiting and not self._asleep:
            size = len(self._waiting)
            if self._pause is not None:
                size = min(size, max(0, self._pause.after_bytes - self._total))
            elif self._sip is not None:
                size = min(size, self._sip)
            if size:
                data = bytes(self._waiting[:size])
                del self._waiting[:size]
                self._read(data)
            self._sleep()
        if self._held_up and len(self._waiting) <= self._window // 4:
            # As asyncio's transports do: low water is a quarter of high water.
            self._held_up = False
            self._go_on()
        if not self._waiting and self._when_read is not None:
            act, self._when_read = self._when_read, None
            act()

    def _sleep(self) -> None:
        now_ns = self._world.now_ns
        if self._sip is not None:
            self._asleep = True
            self._world.at(now_ns + READ_EVERY_NS, Rank.CLIENT, self._wake)
        elif self._pause is not None and self._total >= self._pause.after_bytes:
            self._asleep = True
            for_ms = self._pause.for_ms
            if for_ms is not None:
                self._pause = None
                self._world.at(
                    now_ns + round(for_ms * NS_PER_MS), Rank.CLIENT, self._wake
                )

    def _wake(self) -> None:
        self._asleep = False
        self._drink()

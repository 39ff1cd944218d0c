"""A player of one script on one connection.

Rules of this file:

1. Steps are done in order, each at its time or, where the peer does not read, as soon
   after as the kernel takes the bytes. One write of the script is one send.
2. The time of a write is read immediately before the kernel gets it.
3. A peer that closes ends the play; the time is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import SocketPlan
from harness.faults.draft.wire import WireDraft
from harness.play.sockets import reset, set_nodelay
from harness.play.upstream.response_writer import Send, framed, keeps_alive, sends
from harness.play.upstream.scheduler import ScheduledCall, Scheduler

__all__ = ["PlayContext", "ScriptPlayer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayContext:
    """What the players of one upstream share.

    Attributes:
        clock: Monotonic nanoseconds.
        speed: 2.0 plays twice as fast.
    """

    scheduler: Scheduler
    clock: Callable[[], int]
    speed: float = 1.0


class ScriptPlayer:
    """Plays ``draft`` on a connection.

    Args:
        transport: The connection; its write buffer must have the high-water mark 0.
        keep_alive: Whether the request allows another one after it.
        on_over: Called once, when nothing more will happen.

    Attributes:
        sent: For every write, its time and the body bytes written so far.
        lateness_ns: For every write, actual minus planned time.
        taken: As ``sent``, but with the time at which the kernel took the bytes, even
            where the peer held them up.
        finished: True when the whole script was played.
        closed_at_ns: When the peer closed while the script still ran or stalled.
        over: True when nothing more will happen.
    """

    def __init__(
        self,
        draft: WireDraft,
        transport: asyncio.Transport,
        context: PlayContext,
        *,
        keep_alive: bool,
        on_over: Callable[[], None],
    ) -> None:
        self.draft = draft
        self._scaled = draft.scaled(context.speed)
        self.sent: list[tuple[int, int]] = []
        self.lateness_ns: list[int] = []
        self.taken: list[tuple[int, int]] = []
        self.finished = False
        self.closed_at_ns: int | None = None
        self.over = False
        self._transport = transport
        self._context = context
        self._keep_alive = keep_alive and keeps_alive(draft)
        self._on_over = on_over
        self._zero_ns = 0
        self._sends, self._ending = sends(self._scaled)
        self._next = 0
        self._body_length = 0
        self._paused = False
        self._waiting = False  # a step is due but the peer does not read
        self._resumed_ns = 0  # when it last read again
        self._scheduled: ScheduledCall | None = None
        self._heartbeats = 0

    @property
    def socket_plan(self) -> SocketPlan:
        """What is done with the connection, at the present speed."""
        return self._scaled.delivery.socket

    def start(self, zero_ns: int) -> None:
        """Begin; ``zero_ns`` is the time at which the whole request was read."""
        self._zero_ns = zero_ns
        if not self.socket_plan.nodelay:
            set_nodelay(self._transport, on=False)
        self._schedule_step()

    def pause(self) -> None:
        """Take note that the kernel takes no more bytes."""
        self._paused = True

    def resume(self) -> None:
        """Go on: the kernel took all waiting bytes."""
        self._paused = False
        if self._waiting:
            self._waiting = False
            self._resumed_ns = self._context.clock()
            self._step()

    def peer_closed(self) -> None:
        """End: the peer closed the connection, by FIN or by RST."""
        if not self.over:
            self.closed_at_ns = self._context.clock()
            self._end()

    def stop(self) -> None:
        """Reset the connection; no close of the peer is noted."""
        if not self.over:
            reset(self._transport)
            self._end()

    def _schedule_step(self) -> None:
        at_ns = (
            self._sends[self._next].at_ns
            if self._next < len(self._sends)
            else self._ending.at_ns
        )
        self._scheduled = self._context.scheduler.call_at(
            self._zero_ns + at_ns, self._step
        )

    def _step(self) -> None:
        if self.over:
            return
        if self._transport.is_closing():
            # A send met a reset; the loop reports the loss in its next turn only.
            self.peer_closed()
        elif self._paused:
            self._waiting = True
        elif self._next < len(self._sends):
            self._next += 1
            self._send(self._sends[self._next - 1])
            self._schedule_step()
        else:
            self._finish()

    def _send(self, send: Send) -> None:
        if not send.is_head:
            now_ns, due_ns = self._context.clock(), self._zero_ns + send.at_ns
            self._body_length += send.body_length
            # Bytes that wait for a peer that does not read were offered when they were
            # due: the delay is the peer's, not ours.
            held_up = due_ns < self._resumed_ns
            self.sent.append((due_ns if held_up else now_ns, self._body_length))
            self.lateness_ns.append(now_ns - max(due_ns, self._resumed_ns))
            self.taken.append((now_ns, self._body_length))
        if send.wire:
            self._transport.write(send.wire)

    def _finish(self) -> None:
        self.finished = True
        match self.draft.end:
            case StreamEnd.COMPLETE:
                self._complete()
            case StreamEnd.TRUNCATED:
                self._close()
            # A connected peer cannot be refused any more; a reset comes nearest.
            case StreamEnd.RESET | StreamEnd.REFUSED:
                reset(self._transport)
                self._end()
            # These last until the peer closes, or `stop` is called.
            case StreamEnd.HALF_CLOSED:
                self._write_eof()
            case StreamEnd.STALL:
                self._schedule_heartbeat()

    def _schedule_heartbeat(self) -> None:
        """Have the heartbeat of a stall sent, and the next one after it."""
        heartbeat = self._scaled.delivery.heartbeat
        if heartbeat is None or self.over:
            return
        self._heartbeats += 1
        due_ns = self._ending.at_ns + self._heartbeats * heartbeat.every_ns
        self._scheduled = self._context.scheduler.call_at(
            self._zero_ns + due_ns, self._send_heartbeat
        )

    def _send_heartbeat(self) -> None:
        if self.over:
            return
        if self._transport.is_closing():
            self.peer_closed()
            return
        beat = self.draft.delivery.heartbeat
        if not self._paused and beat is not None:
            self._transport.write(framed(self.draft, beat.data))
        self._schedule_heartbeat()

    def _complete(self) -> None:
        if self._ending.wire:
            self._transport.write(self._ending.wire)
        if self._keep_alive:
            self._end()
        else:
            self._close()

    def _close(self) -> None:
        # FIN now: close() sends it in the next turn of the loop only.
        self._write_eof()
        self._transport.close()
        self._end()

    def _write_eof(self) -> None:
        # The peer may have reset the connection; the loop reports that in its next turn
        # only.
        with contextlib.suppress(OSError):
            if self._transport.can_write_eof():
                self._transport.write_eof()

    def _end(self) -> None:
        self.over = True
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._on_over()

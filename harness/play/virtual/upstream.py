"""The upstream of one stream in virtual time: its schedule, and what it did."""

from __future__ import annotations

from collections import deque
from typing import Any, TypeVar

from harness.cassette.model import Request
from harness.faults.draft.blocks import StreamEnd
from harness.judge.evidence.observation import UpstreamRequest
from harness.play.virtual.clock import Priority, VirtualClock
from harness.play.virtual.schedule import (
    Schedule,
    encoded,
    schedule_of,
    silent_from_ns,
)
from harness.scenario.script import Script

__all__ = ["VirtualAttempts", "VirtualUpstream", "since"]

_T = TypeVar("_T")


class VirtualUpstream:
    """One attempt at the upstream: its schedule, and what it did.

    Args:
        request: What it is asked.
        played: Index of its draft in the script.
        at_ns: When it is asked.
        schedule: Its events.
        accepted_ns: When it accepts the connection.
        order: The clock's number for its first event; the others follow.

    Attributes:
        done: Number of events of the schedule that have happened.
        due: Events that have happened and that the relay does not yet know.
        sent: The time of every piece of the body, and all bytes up to it.
        taken: The same, with the time at which the relay took it.
        finished: Whether the relay knows of its end.
        closed_at_ns: When the relay closed the connection before that.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of its own
        self,
        request: Request,
        *,
        played: int,
        at_ns: int,
        schedule: Schedule,
        accepted_ns: int,
        order: int,
    ) -> None:
        self.played = played
        self.schedule = schedule
        self.accepted_ns = accepted_ns
        self.order = order
        self.done = 0
        self.due: deque[tuple[int, tuple[Any, ...]]] = deque()
        self.sent: list[tuple[int, int]] = []
        self.taken: list[tuple[int, int]] = []
        self.finished = False
        self.closed_at_ns: int | None = None
        self._request = request
        self._at_ns = at_ns
        self._total = 0

    @property
    def is_open(self) -> bool:
        """Whether its answer is neither over nor closed by the relay."""
        return not self.finished and self.closed_at_ns is None

    def say(self, now_ns: int, event: tuple[Any, ...]) -> None:
        """Keep an event for the relay, unless the attempt is over."""
        if self.is_open:
            self.due.append((now_ns, event))

    def hand_over(self, now_ns: int, *, timed: bool) -> tuple[Any, ...]:
        """Return the next due event, which the relay gets now.

        Args:
            now_ns: The present.
            timed: Whether to note when the relay took the bytes.
        """
        at_ns, event = self.due.popleft()
        if event[0] == "data":
            self._total += len(event[1])
            # Offered when it was due, even where the relay made it wait.
            self.sent.append((at_ns, self._total))
            if timed:
                self.taken.append((now_ns, self._total))
        elif event[0] == "ended":
            self.finished = True
        return event

    def fork(self) -> VirtualUpstream:
        """Return an upstream that has done the same."""
        twin: VirtualUpstream = VirtualUpstream.__new__(VirtualUpstream)
        vars(twin).update(vars(self))
        twin.due = self.due.copy()
        twin.sent = self.sent.copy()
        twin.taken = self.taken.copy()
        return twin

    def state(self) -> tuple[Any, ...]:
        """Return all that decides, with its schedule, what it does from now on."""
        return self.played, self.finished, self.closed_at_ns, tuple(self.due)

    def observed(self, zero_ns: int) -> UpstreamRequest:
        """Return what it saw and did, with times relative to ``zero_ns``."""
        closed_ns = self.closed_at_ns
        return UpstreamRequest(
            at_ns=self._at_ns - zero_ns,
            method=self._request.method,
            path=self._request.path,
            headers=encoded(self._request.headers),
            body=self._request.body,
            sent=since(zero_ns, self.sent),
            lateness_ns=(),
            finished=self.finished,
            closed_at_ns=None if closed_ns is None else closed_ns - zero_ns,
            taken=since(zero_ns, self.taken),
            played=self.played,
        )


class VirtualAttempts:
    """The upstream's side of one stream: all attempts of its relay.

    It puts three actions of its stream into the clock: ``upstream_acts``, for the next
    event of an attempt's schedule, ``upstream_beats``, for a heartbeat, and
    ``upstream_beats_again``, for the next one.

    Args:
        script: What is played.
        clock: The clock.
        stream: The number of its stream.

    Attributes:
        all: The attempts, in order.
    """

    def __init__(self, script: Script, clock: VirtualClock, stream: int) -> None:
        self.all: list[VirtualUpstream] = []
        self._script = script
        self._schedules = tuple(schedule_of(wire) for wire in script.drafts)
        self._clock = clock
        self._stream = stream

    @property
    def is_open(self) -> bool:
        """Whether the last attempt is neither over nor closed."""
        return bool(self.all) and self.all[-1].is_open

    @property
    def done(self) -> int:
        """Number of events of the last attempt that have happened."""
        return self.all[-1].done if self.all else 0

    def connect(self, attempt: int) -> VirtualUpstream:
        """Begin an attempt, by the relay's count, and close the one before it."""
        # One attempt at a time: a driver closes what a relay forgot to close.
        self.close()
        now_ns = self._clock.now_ns
        number = len(self.all)
        played = self._script.played(max(attempt, number + 1), now_ns)
        wire, schedule = self._script.drafts[played], self._schedules[played]
        upstream = VirtualUpstream(
            self._script.request,
            played=played,
            at_ns=now_ns,
            schedule=schedule,
            # Every attempt has a connection of its own, which may be accepted late.
            accepted_ns=now_ns + wire.delivery.socket.accept_ns,
            order=self._clock.reserve(len(schedule)),
        )
        self.all.append(upstream)
        self._expect(number, upstream)
        ends = bool(schedule) and schedule[-1][1][0] == "ended"
        if wire.delivery.heartbeat is not None and not ends:
            self.beat(number, upstream.accepted_ns + silent_from_ns(wire))
        return upstream

    def close(self) -> None:
        """Close the last attempt, where it is open."""
        if self.is_open:
            self.all[-1].closed_at_ns = self._clock.now_ns

    def act(self, number: int) -> VirtualUpstream:
        """Let the next event of an attempt happen, and return the attempt."""
        upstream = self.all[number]
        event = upstream.schedule[upstream.done][1]
        upstream.done += 1
        self._expect(number, upstream)
        upstream.say(self._clock.now_ns, event)
        return upstream

    def beat(self, number: int, at_ns: int) -> None:
        """Schedule the next heartbeat of an attempt, counted from an instant."""
        beat = self._script.drafts[self.all[number].played].delivery.heartbeat
        if beat is not None:
            due_ns = at_ns + beat.every_ns
            event = ("data", beat.data)
            for name, argument in (
                ("upstream_beats", event),
                ("upstream_beats_again", due_ns),
            ):
                action = (self._stream, name, (number, argument))
                self._clock.at(due_ns, Priority.UPSTREAM, action)

    def play_instead(self, schedule: Schedule) -> None:
        """Play another schedule from here on.

        Args:
            schedule: In place of the script's; the events before now must be the same,
                and the next one must have the same time, which the clock holds.
        """
        self._schedules = (schedule,) * len(self._schedules)
        for upstream in self.all[-1:]:
            upstream.schedule = schedule

    def fork(self, clock: VirtualClock) -> VirtualAttempts:
        """Return attempts that have done the same, on another clock."""
        twin: VirtualAttempts = VirtualAttempts.__new__(VirtualAttempts)
        vars(twin).update(vars(self))
        twin.all = [upstream.fork() for upstream in self.all]
        twin._clock = clock
        return twin

    def state(self) -> list[tuple[Any, ...]]:
        """Return all that decides, with the schedule, what they do from now on."""
        return [upstream.state() for upstream in self.all]

    def observed(self, zero_ns: int) -> tuple[UpstreamRequest, ...]:
        """Return what reached the upstream, with times relative to ``zero_ns``."""
        drafts = self._script.drafts
        return tuple(
            upstream.observed(zero_ns)
            for upstream in self.all
            # A refused request did not reach the upstream.
            if drafts[upstream.played].end is not StreamEnd.REFUSED
        )

    def _expect(self, number: int, upstream: VirtualUpstream) -> None:
        """Add the next event of an attempt's schedule to the clock."""
        if upstream.done < len(upstream.schedule):
            self._clock.at_reserved(
                upstream.accepted_ns + upstream.schedule[upstream.done][0],
                Priority.UPSTREAM,
                upstream.order + upstream.done,
                (self._stream, "upstream_acts", (number,)),
            )


def since(zero_ns: int, timed: list[tuple[int, _T]]) -> tuple[tuple[int, _T], ...]:
    """Return values with their times relative to ``zero_ns``."""
    if not zero_ns:
        return tuple(timed)
    return tuple((at_ns - zero_ns, value) for at_ns, value in timed)

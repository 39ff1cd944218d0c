"""One relay, a thousand endings: what is alike in many plays is played once.

A sweep plays a stream again and again, each time cut at another byte. Up to the cut all
of these plays are equal, so the relay is kept there, as bytes, and each variant goes on
from that point. Whether this gives what a play from the start gives is not assumed: a
representative of every outcome is played through `harness.play.virtual.player`, and a
relay that differs there is never branched (`harness.sweep.sweep`).

Only what a plain stream needs is driven here: one attempt, a client that reads. A relay
that does more raises `Unbranchable`, and that variant is played from the start.
"""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.play.virtual.player import DEADLINE_MS
from harness.play.virtual.relays import Relay
from harness.units import NS_PER_MS

__all__ = ["Outcome", "Stem", "Unbranchable", "outcome_of"]

_DEADLINE_NS = round(DEADLINE_MS * NS_PER_MS)


class Unbranchable(Exception):  # noqa: N818 - no error: play it from the start instead
    """The relay does what only the whole driver can play, or cannot be kept."""


class Outcome(NamedTuple):
    """All of a play that its judgement reads beside what the upstream sends.

    Attributes:
        status: HTTP status.
        head_at_ns: When the head came.
        reads: The body, joined where it came at one instant.
        end: How it ended for the client.
        end_at_ns: When.
        crashed: Whether the target raised an exception.
        finished: Whether the upstream did all that it was to do.
        closed_at_ns: When the target closed the upstream before that.
    """

    status: int | None
    head_at_ns: int | None
    reads: tuple[tuple[int, bytes], ...]
    end: ClientEnd
    end_at_ns: int
    crashed: bool
    finished: bool
    closed_at_ns: int | None


def outcome_of(seen: Observation) -> Outcome | None:
    """Return the outcome of a whole play; None where it had not one request."""
    if len(seen.upstream) != 1:
        return None
    [upstream] = seen.upstream
    reads: list[tuple[int, bytes]] = []
    for at_ns, data in seen.reads:
        _join(reads, at_ns, data)
    return Outcome(
        status=seen.status,
        head_at_ns=seen.head_at_ns,
        reads=tuple(reads),
        end=seen.end,
        end_at_ns=seen.end_at_ns,
        crashed=any(line.startswith("crashed:") for line in seen.log),
        finished=upstream.finished,
        closed_at_ns=upstream.closed_at_ns,
    )


class Stem:
    """A relay within a stream, with all that it has done so far."""

    __slots__ = (
        "_closed_at",
        "_crashed",
        "_end",
        "_end_at",
        "_finished",
        "_head_at",
        "_now",
        "_order",
        "_relay",
        "_sent",
        "_status",
        "_timers",
    )

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._now = 0
        self._order = 0
        self._timers: dict[str, tuple[int, int]] = {}
        self._sent: list[tuple[int, bytes]] = []
        self._status: int | None = None
        self._head_at: int | None = None
        self._end: ClientEnd | None = None
        self._end_at = 0
        self._crashed = False
        self._finished = False
        self._closed_at: int | None = None

    def keep(self) -> bytes:
        """Return the relay as bytes.

        Raises:
            Unbranchable: It holds what cannot be kept.
        """
        try:
            return pickle.dumps(self._relay, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise Unbranchable(str(error)) from error

    def branch(self, kept: bytes) -> Stem:
        """Return another stem at the same point, with the relay that was kept here."""
        # The bytes are of our own making, of a moment ago.
        new = Stem(pickle.loads(kept))  # noqa: S301 - see above
        new._now = self._now
        new._order = self._order
        new._timers = self._timers.copy()
        new._sent = self._sent.copy()
        new._status = self._status
        new._head_at = self._head_at
        new._end = self._end
        new._end_at = self._end_at
        new._crashed = self._crashed
        new._finished = self._finished
        new._closed_at = self._closed_at
        return new

    def tell(self, at_ns: int, event: tuple[Any, ...]) -> None:
        """Let something happen; timers that are due before it come first."""
        self.wait(at_ns)
        if not self._open:
            return
        self._now = max(self._now, at_ns)
        if event[0] == "ended":
            self._finished = True
        self._handle(event)

    def wait(self, until_ns: int) -> None:
        """Let the time pass up to an instant, which belongs to the upstream first."""
        while self._timers and not self._over:
            name = min(self._timers, key=self._timers.__getitem__)
            due_ns = self._timers[name][0]
            if due_ns >= until_ns:
                return
            if due_ns > _DEADLINE_NS:
                raise Unbranchable("nothing happens before the deadline")
            del self._timers[name]
            self._now = max(self._now, due_ns)
            self._handle(("timer", name))

    def outcome(self) -> Outcome:
        """Let the time pass to the end, and return what came of it."""
        self.wait(_DEADLINE_NS)
        if not self._over or self._end is None:
            raise Unbranchable("it does not end before the deadline")
        return Outcome(
            status=self._status,
            head_at_ns=self._head_at,
            reads=tuple(self._sent),
            end=self._end,
            end_at_ns=self._end_at,
            crashed=self._crashed,
            finished=self._finished,
            closed_at_ns=self._closed_at,
        )

    def same_as(self, other: Stem) -> bool:
        """Tell whether nothing but what is told from now on can make a difference."""
        return (
            self._sent == other._sent
            and self._end == other._end
            and self._closed_at == other._closed_at
            and self._named_timers() == other._named_timers()
            and self.keep() == other.keep()
        )

    def _named_timers(self) -> list[tuple[int, str]]:
        ordered = sorted(self._timers.items(), key=lambda item: item[1])
        return [(due_ns, name) for name, (due_ns, _) in ordered]

    @property
    def _open(self) -> bool:
        return not self._finished and self._closed_at is None

    @property
    def _over(self) -> bool:
        return self._end is not None and not self._open

    def _handle(self, event: tuple[Any, ...]) -> None:
        try:
            commands = self._relay.handle(self._now, event)
        except Exception:  # noqa: BLE001 - a target's crash is a finding
            self._crashed = True
            self._close(ClientEnd.TRUNCATED)
            if self._open:
                self._closed_at = self._now
            return
        for command in commands:
            self._perform(command)

    def _perform(self, command: tuple[Any, ...]) -> None:  # noqa: PLR0912 - a table
        match command:
            case ("send", data):
                if self._status is None or self._end is not None:
                    raise Unbranchable("bytes outside of an answer")
                if data:
                    _join(self._sent, self._now, data)
            case ("set_timer", name, at_ns):
                self._order += 1
                self._timers[name] = (max(at_ns, self._now), self._order)
            case ("cancel_timer", name):
                self._timers.pop(name, None)
            case ("log" | "count" | "observe", *_):
                pass
            case ("send_head", status, headers):
                promised = any(name.lower() == b"content-length" for name, _ in headers)
                if self._status is not None or promised:
                    raise Unbranchable("a second head, or a promised length")
                self._status, self._head_at = status, self._now
            case ("end",):
                self._close(ClientEnd.COMPLETE)
            case ("abort",):
                self._close(ClientEnd.TRUNCATED)
            case ("close_upstream",):
                if self._open:
                    self._closed_at = self._now
            case ("connect", 1):
                pass
            case _:
                raise Unbranchable(f"command {command[0]!r}")

    def _close(self, end: ClientEnd) -> None:
        if self._end is None:
            self._end = end
            self._end_at = self._now


def _join(reads: list[tuple[int, bytes]], at_ns: int, data: bytes) -> None:
    if reads and reads[-1][0] == at_ns:
        reads[-1] = (at_ns, reads[-1][1] + data)
    else:
        reads.append((at_ns, data))

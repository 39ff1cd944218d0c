"""Snapshots of a play, from which many variants go on.

A sweep plays a stream again and again, each time cut at another byte. Up to the cut
these plays are equal, so one play stops there, its relay is kept as bytes, and each
variant is a fork with its own schedule. That this equals a play from the start is not
assumed but checked (`harness.sweep.sweep`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.play.virtual.player import VirtualPlayer
from harness.play.virtual.schedule import Schedule
from harness.play.virtual.stream import VirtualStream

__all__ = ["Fork", "Outcome", "Snapshot", "Unforkable", "outcome_of"]


class Unforkable(Exception):  # noqa: N818 - no error: play it from the start instead
    """The relay cannot be pickled, or makes several attempts."""


class Outcome(NamedTuple):
    """All of a play that its judgement reads, except what the upstream sends.

    Attributes:
        reads: The body, joined where it arrived at one instant.
        end: How it ended for the client.
        crashed: Whether the target raised an exception.
        finished: Whether the upstream finished its schedule.
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


def outcome_of(
    seen: Observation | VirtualStream,
    joined: Sequence[tuple[int, bytes]] = (),
    count: int = 0,
) -> Outcome | None:
    """Return the outcome of a play; None unless it had exactly one request.

    Args:
        seen: An observation, or a stream that began at the zero of its clock.
        joined: Its first reads, already joined.
        count: Number of reads in ``joined``.
    """
    if len(seen.upstream) != 1:
        return None
    [upstream] = seen.upstream
    return Outcome(
        status=seen.status,
        head_at_ns=seen.head_at_ns,
        reads=tuple(_joined(seen.reads[count:], joined)),
        end=seen.end or ClientEnd.TIMEOUT,
        end_at_ns=seen.end_at_ns,
        crashed=any(line.startswith("crashed:") for line in seen.log),
        finished=upstream.finished,
        closed_at_ns=upstream.closed_at_ns,
    )


class Snapshot:
    """A play of one stream at one moment, from which variants go on.

    Args:
        player: The play; it must stand still while the snapshot is used.

    Raises:
        Unforkable: The relay cannot be pickled.
    """

    def __init__(self, player: VirtualPlayer) -> None:
        self._player = player
        try:
            self._relays = player.pickled_relays()
        except Exception as error:
            raise Unforkable(str(error)) from error
        [stream] = player.streams
        self._count = len(stream.reads)
        self._joined = _joined(stream.reads)

    def fork(self, schedule: Schedule) -> Fork:
        """Return a play that goes on from here with another schedule."""
        player = self._player.fork(self._relays)
        player.streams[0].attempts.play_instead(schedule)
        return Fork(player, self._joined, self._count)


class Fork:
    """A play that goes on from a snapshot.

    Args:
        player: The play.
        joined: What the client had read at the snapshot, joined.
        count: Number of reads in ``joined``.
    """

    def __init__(
        self, player: VirtualPlayer, joined: Sequence[tuple[int, bytes]], count: int
    ) -> None:
        self._player = player
        self._joined = joined
        self._count = count

    def run(self, events: int) -> None:
        """Go on until this many events of the upstream have happened."""
        [stream] = self._player.streams
        self._player.run(
            until=lambda: stream.attempts.done >= events or stream.is_over()
        )

    def state(self) -> tuple[Any, ...]:
        """Return all that decides, with the rest of the schedule, how it ends.

        Raises:
            Unforkable: The relay cannot be pickled.
        """
        [stream] = self._player.streams
        read = _joined(stream.reads[self._count :])
        try:
            return stream.state(), read, self._player.relay_bytes()
        except Exception as error:
            raise Unforkable(str(error)) from error

    def outcome(self) -> Outcome | None:
        """Go on to the end, and return the outcome; see `outcome_of`."""
        [stream] = self._player.streams
        self._player.run(until=stream.is_over)
        return outcome_of(stream, self._joined, self._count)


def _joined(
    reads: Iterable[tuple[int, bytes]], before: Sequence[tuple[int, bytes]] = ()
) -> list[tuple[int, bytes]]:
    """Return the reads, joined where they have one instant."""
    joined = list(before)
    for at_ns, data in reads:
        if joined and joined[-1][0] == at_ns:
            joined[-1] = (at_ns, joined[-1][1] + data)
        else:
            joined.append((at_ns, data))
    return joined

"""The outcomes of all variants of one stream through one target, by forks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from harness.cassette.model import Framing
from harness.faults.draft.delivery import Delivery
from harness.faults.draft.wire import WireDraft
from harness.play.virtual.player import PlayContext, VirtualPlayer, play_virtual
from harness.play.virtual.relays import RelayFactory
from harness.play.virtual.schedule import Schedule, schedule_of
from harness.scenario.script import Script
from harness.sweep.model import SweepKind
from harness.sweep.snapshots import Outcome, Snapshot, Unforkable, outcome_of

__all__ = ["ForkedOutcomes", "can_fork"]

_RESET_AFTER_NS = 50_000_000
"""From the last byte to RST; the default of ``close_at``."""


class _Place(NamedTuple):
    """An event of the schedule in which variants differ from the whole stream.

    Attributes:
        number: Its index.
        start: Bytes of the body before it.
        at_ns: Its time.
        data: Its bytes.
    """

    number: int
    start: int
    at_ns: int
    data: bytes


class ForkedOutcomes:
    """The outcomes of one target's variants, each forked shortly before its place.

    Args:
        script: The stream; its upstream answers with a body, and its head does not say
            where that ends.
        factory: Makes the relay.
        settings: Handed to the factory.

    Raises:
        Unforkable: The whole stream is not one request.
    """

    def __init__(
        self, script: Script, factory: RelayFactory, settings: Mapping[str, str]
    ) -> None:
        self._script = script
        self._context = PlayContext("variants", factory, settings)
        self._body = script.drafts[0].body
        self._cut_ends = "truncated"
        if script.drafts[0].framing is Framing.CLOSE:
            self._cut_ends = "complete"
        self._schedule = schedule_of(script.drafts[0])
        self._places = tuple(_places(self._schedule))
        whole = play_virtual("whole", factory, script, settings)
        self._whole = outcome_of(whole)
        if self._whole is None:
            raise Unforkable("it takes several attempts")

    def outcomes(
        self, kind: SweepKind, offsets: Sequence[int]
    ) -> Iterator[Outcome | None]:
        """Yield the outcome of every variant, in order; see `outcome_of`.

        Raises:
            Unforkable: The relay cannot be pickled.
        """
        if kind is SweepKind.HALVES:
            yield from self._halves(offsets)
            return
        player = self._begun(events=0)
        snapshot, plain, number = Snapshot(player), None, 0
        places = iter(self._places)
        place = next(places)
        for offset in offsets:
            if not offset:
                yield snapshot.fork(self._cut_at_head(kind)).outcome()
                continue
            # A cut at a border belongs to the write that ends there.
            while place.start + len(place.data) < offset:
                place = next(places)
            if number < place.number:
                number = place.number
                player.run_to_event(number)
                snapshot, plain = Snapshot(player), None
            if kind is not SweepKind.BORDER:
                cut = self._cut(kind, place, offset)
                yield snapshot.fork(cut).outcome()
                continue
            if plain is None:
                fork = snapshot.fork(self._schedule)
                fork.run(number + 1)
                plain = fork.state()
            fork = snapshot.fork(self._parted(place, offset))
            fork.run(number + 2)
            yield self._whole if fork.state() == plain else fork.outcome()

    def _begun(self, events: int) -> VirtualPlayer:
        player = VirtualPlayer(self._context)
        player.begin(self._script)
        player.run_to_event(events)
        return player

    def _cut_at_head(self, kind: SweepKind) -> Schedule:
        head = self._schedule[0]
        return (head, self._end(kind, head[0]))

    def _cut(self, kind: SweepKind, place: _Place, offset: int) -> Schedule:
        data = place.data[: offset - place.start]
        before = self._schedule[: place.number]
        return (*before, (place.at_ns, ("data", data)), self._end(kind, place.at_ns))

    def _end(self, kind: SweepKind, at_ns: int) -> tuple[int, tuple[str, str]]:
        if kind is SweepKind.RST:
            return at_ns + _RESET_AFTER_NS, ("ended", "reset")
        return at_ns, (
            "ended",
            "complete" if kind is SweepKind.CLEAN else self._cut_ends,
        )

    def _parted(self, place: _Place, offset: int) -> Schedule:
        inside = offset - place.start
        return (
            *self._schedule[: place.number],
            (place.at_ns, ("data", place.data[:inside])),
            (place.at_ns, ("data", place.data[inside:])),
            *self._schedule[place.number + 1 :],
        )

    def _halves(self, offsets: Sequence[int]) -> Iterator[Outcome | None]:
        snapshot = Snapshot(self._begun(events=1))
        head, at_ns = self._schedule[0], self._places[0].at_ns
        # The end comes at the same instant, if there is one.
        ends = [
            (at_ns, event) for _, event in self._schedule[-1:] if event[0] == "ended"
        ]
        for offset in offsets:
            first, second = self._body[:offset], self._body[offset:]
            halves = (at_ns, ("data", first)), (at_ns, ("data", second))
            yield snapshot.fork((head, *halves, *ends)).outcome()


def can_fork(wire: WireDraft) -> bool:
    """Whether a cut changes nothing before it: no length is promised, nothing coded."""
    if wire.promised_length is not None or wire.framing is Framing.CONTENT_LENGTH:
        return False
    return replace(wire.delivery, send_sizes=None) == Delivery()


def _places(schedule: Schedule) -> Iterator[_Place]:
    start = 0
    for number, (at_ns, event) in enumerate(schedule):
        if event[0] == "data":
            yield _Place(number, start, at_ns, event[1])
            start += len(event[1])

"""Every byte of a stream as a cut and as a border, in virtual time.

Most variants of a stream end alike: of two cuts within one event the client sees the
same. So a variant is only played as far as it takes to know its outcome, from a relay
that was kept shortly before the cut (`harness.sweep.snapshots`). Variants whose script
means the same to the oracle and whose outcomes are equal for both targets have one
judgement: of each such group one representative is played from the start and judged as
`harness compare` does, and must end as its branch did; so must a sample of the others.
A target that ever differs there is played from the start for the whole stream.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, NamedTuple

from harness.cassette.model import Framing
from harness.config import Target
from harness.dialects.payload import PayloadKind, looks_like_object
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.delivery import Delivery
from harness.faults.draft.wire import WireDraft
from harness.judge.oracle.oracle import Contract
from harness.judge.run import RunSettings, ScenarioRecord
from harness.play.plan import plan_scenario
from harness.play.runner import play_and_judge
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import RelayFactory, load_relay, new_relay
from harness.scenario.from_cassettes import with_fault
from harness.scenario.model import Expect, Scenario
from harness.scenario.script import Script, make_script
from harness.sse import (
    EVENT_STREAM,
    EventStreamParser,
    ServerSentEvent,
    is_event_stream,
    parse,
)
from harness.sweep.model import Cell, Found, SweepKind, Swept
from harness.sweep.snapshots import Outcome, Stem, Unbranchable, outcome_of

__all__ = ["SweepJob", "play_example", "sweep_stream", "variant_of"]

_GRACE_NS = 50_000_000
"""From the last byte to RST, as ``close_at`` has it by default."""

_LONGEST = 256 * 1024
"""Bytes of the longest body that is swept: of a giant event every byte is like the
next, and one variant of it takes as long as a thousand others."""

_LONGEST_BY_BYTES = 32 * 1024
"""Bytes of the longest body that is read byte by byte."""

_CHECKED = 25
"""Variants of a stream that are played from the start beside the representatives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """One stream, and how it is swept; plain values, so that any process can do it.

    Attributes:
        scenario: The stream.
        settings: The run's.
        baseline: The baseline.
        candidate: The candidate.
        limit: At most so many bytes of the stream, drawn by the seed; 0: every byte.
        branching: Whether outcomes may be found by branching.
    """

    scenario: Scenario
    settings: RunSettings
    baseline: Target
    candidate: Target
    limit: int
    branching: bool = True


def variant_of(scenario: Scenario, kind: SweepKind, offset: int) -> Scenario:
    """Return the scenario that plays one variant."""
    varied = with_fault(scenario, kind.call(offset))
    return replace(varied, id=f"{scenario.id}+{kind}@{offset}")


def play_example(job: SweepJob, cell: Cell, offset: int) -> ScenarioRecord:
    """Play one variant from the start and judge it, as `harness compare` does."""
    return _Sweep(job).judged(SweepKind(cell.kind), offset)


def sweep_stream(job: SweepJob) -> Swept:
    """Sweep one stream."""
    why_not = _why_not(job)
    if why_not is not None:
        return Swept(id=job.scenario.id, why_not=why_not)
    return _Sweep(job).run()


def _why_not(job: SweepJob) -> str | None:
    """Say why a scenario is no stream to be swept."""
    scenario = job.scenario
    exchange = scenario.exchange
    if exchange.client != type(exchange.client)():
        return "its client does not just read"
    if scenario.is_group:
        return "it has several streams"
    if scenario.settings:
        return "it has settings of its own"
    script = make_script(scenario, job.settings.seed)
    if exchange.by_attempt or len(script.drafts) > 1:
        return "its attempts differ"
    wire = script.drafts[0]
    headers = {name.lower(): value.lower() for name, value in wire.headers}
    kind = headers.get("content-type", EVENT_STREAM)
    is_stream = is_event_stream(kind, anywhere=True, name="event-stream")
    if wire.head_at_ns is None or wire.status >= 400 or not is_stream:
        return "no event stream"
    if wire.delivery.coding is not None:
        return "its body is compressed"
    if not wire.body or any(write.raw for write in wire.writes):
        return "no body that could be cut"
    if len(wire.body) > _LONGEST:
        return f"its body is longer than {_LONGEST // 1024} kB"
    return None


class _Mismatch(Exception):  # noqa: N818 - leads to another way, is no error
    """A branch did not end as a play from the start does."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


class _Sweep:
    """One stream: its variants, their outcomes, and one judgement for each group."""

    def __init__(self, job: SweepJob) -> None:
        self._job = job
        self._targets = (job.baseline, job.candidate)
        self._relays = (
            load_relay(job.baseline.relay or ""),
            load_relay(job.candidate.relay or ""),
        )
        whole = plan_scenario(
            replace(
                job.scenario,
                exchange=replace(job.scenario.exchange, expect=Expect()),
                allow=(),
            ),
            job.settings,
            self._targets,
        )
        self._script = whole.script
        self._wire = self._script.drafts[0]
        self._rng = Random(f"{job.settings.seed}:sweep:{job.scenario.id}")  # noqa: S311 - repeatable, not secret
        self._fallback: set[str] = set()
        if not (job.branching and _is_plain(self._wire)):
            self._fallback = {target.name for target in self._targets}

    def run(self) -> Swept:
        """Sweep the stream by every kind."""
        while True:
            try:
                return self._run()
            except _Mismatch as found:
                # This relay has a memory that cannot be kept: play it in full.
                self._fallback.add(found.target)

    def judged(self, kind: SweepKind, offset: int) -> ScenarioRecord:
        """Play one variant from the start and judge it."""
        variant = plan_scenario(
            variant_of(self._job.scenario, kind, offset),
            self._job.settings,
            self._targets,
        )
        return play_and_judge(variant, self._targets, self._relays)

    def _run(self) -> Swept:
        size = len(self._wire.body)
        offsets = self._offsets(size)
        cells: dict[Cell, Found] = {}
        judged = checked = 0
        for kind in SweepKind:
            groups = self._groups(kind, offsets)
            for group, members in groups.items():
                cell = self._judge(kind, group, members[0])
                old = cells.get(cell, Found(0, members[0]))
                cells[cell] = Found(old.variants + len(members), old.offset)
            judged += len(groups)
            checked += self._check(kind, groups)
        return Swept(
            id=self._job.scenario.id,
            size=size,
            offsets=len(offsets),
            cells=cells,
            judged=judged,
            checked=checked,
            unbranched=tuple(sorted(self._fallback)),
        )

    def _offsets(self, size: int) -> list[int]:
        every = range(size + 1)
        limit = self._job.limit
        if not limit or limit >= len(every):
            return list(every)
        # The same bytes again where the stream has to be swept in another way.
        drawn = Random(f"{self._job.settings.seed}:bytes:{self._job.scenario.id}")  # noqa: S311 - repeatable, not secret
        return sorted(drawn.sample(every, limit))

    def _groups(
        self, kind: SweepKind, offsets: Sequence[int]
    ) -> dict[Hashable, list[int]]:
        """Return the variants of a kind by what they mean and how they end."""
        size = len(self._wire.body)
        if kind is SweepKind.BYTES:
            return {None: [0]} if size <= _LONGEST_BY_BYTES else {}
        if kind in {SweepKind.BORDER, SweepKind.HALVES}:
            offsets = [offset for offset in offsets if 0 < offset < size]
            if kind is SweepKind.BORDER:
                ends = set(_ends(self._wire))
                offsets = [offset for offset in offsets if offset not in ends]
        sides = [self._outcomes(kind, offsets, index) for index in range(2)]
        meanings = _meanings(self._wire, kind, self._contracts)
        groups: dict[Hashable, list[int]] = {}
        for offset, one, two in zip(offsets, *sides, strict=True):
            # What neither way can play is judged by itself.
            alone = offset if one is None or two is None else None
            key = (meanings(offset), one, two, alone)
            groups.setdefault(key, []).append(offset)
        return groups

    @property
    def _contracts(self) -> frozenset[Contract]:
        return frozenset(target.contract for target in self._targets)

    def _judge(self, kind: SweepKind, group: Hashable, offset: int) -> Cell:
        record = self.judged(kind, offset)
        sides = (record.baseline[0], record.candidate[0])
        if isinstance(group, tuple):
            for index, side in enumerate(sides):
                self._compare(index, group[1 + index], outcome_of(side.observation))
        return Cell(
            kind=str(kind),
            verdict=str(record.result.verdict),
            gate=str(record.result.gate),
            baseline=tuple(str(one.kind) for one in sides[0].violations),
            candidate=tuple(str(one.kind) for one in sides[1].violations),
        )

    def _compare(self, index: int, branched: Outcome, played: Outcome | None) -> None:
        name = self._targets[index].name
        if branched is not None and branched != played and name not in self._fallback:
            raise _Mismatch(name)

    def _check(self, kind: SweepKind, groups: Mapping[Hashable, list[int]]) -> int:
        """Play a sample of the others from the start: they must end as branched."""
        rest = [
            (group, offset)
            for group, members in groups.items()
            if isinstance(group, tuple)
            for offset in members[1:]
        ]
        count = min(len(rest), _CHECKED // len(SweepKind) + 1)
        for group, offset in self._rng.sample(rest, count):
            for index, target in enumerate(self._targets):
                if target.name not in self._fallback:
                    played = self._played(kind, offset, index)
                    self._compare(index, group[1 + index], played)
        return count

    def _played(self, kind: SweepKind, offset: int, index: int) -> Outcome | None:
        scenario = variant_of(self._job.scenario, kind, offset)
        script = make_script(scenario, self._job.settings.seed)
        target = self._targets[index]
        settings = target.relay_settings
        seen = play_virtual(target.name, self._relays[index], script, settings)
        return outcome_of(seen)

    def _outcomes(
        self, kind: SweepKind, offsets: Sequence[int], index: int
    ) -> Iterator[Outcome | None]:
        target = self._targets[index]
        if target.name not in self._fallback:
            try:
                branches = _Branches(
                    self._script, self._relays[index], target.relay_settings
                )
                found = list(branches.outcomes(kind, offsets))
            except Unbranchable:
                self._fallback.add(target.name)
            else:
                for offset, outcome in zip(offsets, found, strict=True):
                    yield outcome or self._played(kind, offset, index)
                return
        for offset in offsets:
            yield self._played(kind, offset, index)


def _is_plain(wire: WireDraft) -> bool:
    """Whether an ending changes nothing before it: no length is promised, no coding."""
    if wire.promised_length is not None or wire.framing is Framing.CONTENT_LENGTH:
        return False
    return replace(wire.delivery, send_sizes=None) == Delivery()


def _ends(wire: WireDraft) -> list[int]:
    """Return where every write ends in the body."""
    ends = []
    total = 0
    for write in wire.writes:
        total += len(write.data)
        ends.append(total)
    return ends


class _Recording:
    """A relay that notes what it is told."""

    def __init__(self, relay: Any) -> None:
        self._relay = relay
        self.told: list[tuple[int, tuple[Any, ...]]] = []

    def handle(self, now_ns: int, event: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        self.told.append((now_ns, event))
        commands: list[tuple[Any, ...]] = self._relay.handle(now_ns, event)
        return commands


class _Point(NamedTuple):
    """Where branches begin: shortly before a write, with the relay as it is there."""

    stem: Stem
    kept: bytes
    place: int
    due_ns: int


class _Branches:
    """The outcomes of one target's variants, each from shortly before its place."""

    def __init__(
        self, script: Script, factory: RelayFactory, settings: Mapping[str, str]
    ) -> None:
        self._wire = script.drafts[0]
        self._script = script
        self._settings = settings
        self._factory = factory
        recording: list[_Recording] = []

        def make(settings: Mapping[str, str], seed: int) -> _Recording:
            recording.append(_Recording(new_relay(factory, settings, seed, {})))
            return recording[0]

        seen = play_virtual("whole", make, script, settings)
        self._whole = outcome_of(seen)
        told = recording[0].told
        # What the real driver says to begin with, it says to every branch.
        self._begin = told[:2]
        if [event[0] for _, event in self._begin] != ["request", "head"]:
            raise Unbranchable("it begins in another way")
        self._ended = "truncated"
        if self._wire.framing is Framing.CLOSE:
            self._ended = "complete"

    def outcomes(
        self, kind: SweepKind, offsets: Sequence[int]
    ) -> Iterator[Outcome | None]:
        """Yield the outcome of every variant, in order; None: play it from the start.

        Raises:
            Unbranchable: The relay cannot be kept.
        """
        if kind is SweepKind.HALVES:
            yield from map(self._halves, offsets)
            return
        work = self._border if kind is SweepKind.BORDER else self._cut
        stem = self._fresh()
        kept = stem.keep()
        place = total = 0
        due_ns = self._wire.head_at_ns or 0
        for offset in offsets:
            # A cut at a border belongs to the write that ends there.
            while place < len(self._wire.writes):
                write = self._wire.writes[place]
                due_ns = max(due_ns, write.at_ns)
                if total + len(write.data) >= offset:
                    stem.wait(due_ns)
                    break
                stem.tell(due_ns, ("data", write.data))
                total += len(write.data)
                place += 1
                kept = b""
            kept = kept or stem.keep()
            yield work(kind, _Point(stem, kept, place, due_ns), offset - total)

    def _fresh(self) -> Stem:
        relay = new_relay(self._factory, self._settings, self._script.seed, {})
        stem = Stem(relay)
        for at_ns, event in self._begin:
            stem.tell(at_ns, event)
        return stem

    def _cut(self, kind: SweepKind, point: _Point, inside: int) -> Outcome | None:
        at_ns = point.due_ns
        ended = self._ended
        if kind is SweepKind.CLEAN:
            ended = "complete"
        elif kind is SweepKind.RST:
            ended = "reset"
        try:
            branch = point.stem.branch(point.kept)
            if inside:
                branch.tell(
                    at_ns, ("data", self._wire.writes[point.place].data[:inside])
                )
            else:
                at_ns = self._wire.head_at_ns or 0
            if kind is SweepKind.RST:
                at_ns += _GRACE_NS
            branch.tell(at_ns, ("ended", ended))
            return branch.outcome()
        except Unbranchable:
            return None

    def _border(self, _kind: SweepKind, point: _Point, inside: int) -> Outcome | None:
        due_ns = point.due_ns
        data = self._wire.writes[point.place].data
        try:
            plain = point.stem.branch(point.kept)
            plain.tell(due_ns, ("data", data))
            branch = point.stem.branch(point.kept)
            branch.tell(due_ns, ("data", data[:inside]))
            branch.tell(due_ns, ("data", data[inside:]))
            if branch.same_as(plain):
                return self._whole
            for write in self._wire.writes[point.place + 1 :]:
                due_ns = max(due_ns, write.at_ns)
                branch.tell(due_ns, ("data", write.data))
            return self._finished(branch, due_ns, self._wire.end_at_ns)
        except Unbranchable:
            return None

    def _halves(self, offset: int) -> Outcome | None:
        body = self._wire.body
        due_ns = max(self._wire.writes[0].at_ns, self._wire.head_at_ns or 0)
        try:
            branch = self._fresh()
            branch.tell(due_ns, ("data", body[:offset]))
            branch.tell(due_ns, ("data", body[offset:]))
            return self._finished(branch, due_ns, due_ns)
        except Unbranchable:
            return None

    def _finished(self, branch: Stem, due_ns: int, finish_ns: int) -> Outcome:
        ended = _ended_as(self._wire)
        if ended is None:
            raise Unbranchable("it never ends")
        branch.tell(max(due_ns, finish_ns), ("ended", ended))
        return branch.outcome()


def _ended_as(wire: WireDraft) -> str | None:
    match str(wire.end):
        case "complete":
            return "complete"
        case "truncated":
            return "complete" if wire.framing is Framing.CLOSE else "truncated"
        case "reset":
            return "reset"
    return None


class _Meanings:
    """What a variant's script means to the oracle, beside where exactly it is cut.

    Of two cuts with one meaning the same events and comments are whole, behind the
    same write; where an end looks clean, what is left of an event is dispatched too
    (DESIGN, section 8), and so it counts.
    """

    def __init__(self, wire: WireDraft, *, pending: bool) -> None:
        self._body = wire.body
        self._writes = _ends(wire)
        self._spans = [span.end for span in wire.spans]
        self._pending = pending
        self._counts: list[tuple[int, int, int]] = [(0, 0, 0)]
        parser = EventStreamParser()
        events = comments = end = 0
        for at in range(len(self._body)):
            for found in parser.feed(self._body[at : at + 1]):
                if isinstance(found, ServerSentEvent):
                    events += 1
                else:
                    comments += 1
                end = found.end
            self._counts.append((events, comments, end))

    def __call__(self, offset: int) -> Hashable:
        events, comments, end = self._counts[offset]
        span = bisect_left(self._spans, offset)
        whole = span < len(self._spans) and self._spans[span] == offset
        place = bisect_left(self._writes, offset)
        left = self._left(offset, span) if self._pending and not whole else None
        return events, comments, end, span, whole, place, left

    def _left(self, offset: int, span: int) -> Hashable:
        """What the block that is cut says, once its blank line is supplied."""
        start = self._spans[span - 1] if span else 0
        said: list[tuple[str, str | bool]] = []
        for event in parse(self._body[start:offset] + b"\n\n").events:
            payload = OPENAI_CHAT.read(event.data, event.event)
            if payload.kind is PayloadKind.MALFORMED:
                said.append((event.event, looks_like_object(event.data)))
            else:
                said.append((event.event, event.data))
        return tuple(said)


def _meanings(wire: WireDraft, kind: SweepKind, contracts: frozenset[Contract]) -> Any:
    if kind in {SweepKind.BORDER, SweepKind.HALVES}:
        return lambda _: None
    looks_clean = kind is SweepKind.CLEAN or (
        kind is SweepKind.FIN and wire.framing is Framing.CLOSE
    )
    return _Meanings(wire, pending=looks_clean and Contract.REPAIRING in contracts)

"""The sweep of one stream: every byte as a cut and as a border, in virtual time.

Most variants of a stream end alike: the client sees the same of two cuts within one
event. So a variant is a fork of one play shortly before the cut
(`harness.sweep.snapshots`). Variants whose script means the same to the oracle and
whose outcomes are equal for both targets share a judgement: one of them is played from
the start, judged as `harness compare` does, and must end as its fork did; so must a
sample of the others. A target that ever differs there is played from the start for the
whole stream.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from harness.config import Target
from harness.judge.run import RunSettings, ScenarioRecord
from harness.play.plan import plan_scenario
from harness.play.runner import play_and_judge
from harness.play.virtual.player import play_virtual
from harness.play.virtual.relays import load_relay
from harness.scenario.from_cassettes import with_fault
from harness.scenario.model import Expect, Scenario
from harness.scenario.script import make_script
from harness.sse import EVENT_STREAM, is_event_stream
from harness.sweep.meanings import meanings_of, write_ends
from harness.sweep.model import Cell, Found, SweepKind, Swept, cell_of
from harness.sweep.outcomes import ForkedOutcomes, can_fork
from harness.sweep.snapshots import Outcome, Unforkable, outcome_of

__all__ = ["SweepJob", "play_example", "sweep_stream", "variant_of"]

_LONGEST = 256 * 1024
"""Bytes of the longest body that is swept: the bytes of a giant event are all alike,
and one variant takes as long as a thousand others."""

_LONGEST_BY_BYTES = 32 * 1024
"""Bytes of the longest body that is read byte by byte."""

_CHECKED = 25
"""Variants of a stream that are played from the start besides the representatives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """One stream, and how it is swept; plain values, so that any process can do it.

    Attributes:
        scenario: The stream.
        settings: The settings of the run.
        limit: At most this many places of the stream, drawn by the seed; 0: all.
        forking: Whether forks of one play may give the outcomes.
    """

    scenario: Scenario
    settings: RunSettings
    baseline: Target
    candidate: Target
    limit: int
    forking: bool = True


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
    """Return why a scenario is not swept; None: it is."""
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
    """A fork did not end like a play from the start."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


class _Group(NamedTuple):
    """What variants with one judgement have in common.

    Attributes:
        meaning: The meaning of their scripts to the oracle.
        outcomes: How they end for the baseline and for the candidate.
        alone: The place of a variant without an outcome, which is its own group.
    """

    meaning: Hashable
    outcomes: tuple[Outcome | None, Outcome | None]
    alone: int | None


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
        if not (job.forking and can_fork(self._wire)):
            self._fallback = {target.name for target in self._targets}

    def run(self) -> Swept:
        """Sweep the stream by every kind."""
        while True:
            try:
                return self._run()
            except _Mismatch as found:
                # Pickling loses some state of this relay: play it from the start.
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
        # The same places again where the stream has to be swept in another way.
        drawn = Random(f"{self._job.settings.seed}:bytes:{self._job.scenario.id}")  # noqa: S311 - repeatable, not secret
        return sorted(drawn.sample(every, limit))

    def _groups(
        self, kind: SweepKind, offsets: Sequence[int]
    ) -> dict[_Group, list[int]]:
        """Return the variants of a kind by their meaning and outcomes."""
        size = len(self._wire.body)
        if kind is SweepKind.BYTES:
            whole = _Group(None, (None, None), None)
            return {whole: [0]} if size <= _LONGEST_BY_BYTES else {}
        if kind in {SweepKind.BORDER, SweepKind.HALVES}:
            offsets = [offset for offset in offsets if 0 < offset < size]
            if kind is SweepKind.BORDER:
                ends = set(write_ends(self._wire))
                offsets = [offset for offset in offsets if offset not in ends]
        sides = [self._outcomes(kind, offsets, index) for index in range(2)]
        contracts = frozenset(target.contract for target in self._targets)
        meaning = meanings_of(self._wire, kind, contracts)
        groups: dict[_Group, list[int]] = {}
        for offset, *outcomes in zip(offsets, *sides, strict=True):
            alone = offset if None in outcomes else None
            group = _Group(meaning(offset), (outcomes[0], outcomes[1]), alone)
            groups.setdefault(group, []).append(offset)
        return groups

    def _judge(self, kind: SweepKind, group: _Group, offset: int) -> Cell:
        record = self.judged(kind, offset)
        sides = (record.baseline[0], record.candidate[0])
        for index, side in enumerate(sides):
            self._compare(group, index, outcome_of(side.observation))
        return cell_of(kind, record)

    def _compare(self, group: _Group, index: int, played: Outcome | None) -> None:
        """Check that a play from the start ends like the forks of its group."""
        name, forked = self._targets[index].name, group.outcomes[index]
        if forked is not None and forked != played and name not in self._fallback:
            raise _Mismatch(name)

    def _check(self, kind: SweepKind, groups: dict[_Group, list[int]]) -> int:
        """Play a sample of the others from the start: they must end like forks."""
        rest = [
            (group, offset)
            for group, members in groups.items()
            for offset in members[1:]
        ]
        count = min(len(rest), _CHECKED // len(SweepKind) + 1)
        for group, offset in self._rng.sample(rest, count):
            for index, target in enumerate(self._targets):
                if target.name not in self._fallback:
                    self._compare(group, index, self._played(kind, offset, index))
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
    ) -> list[Outcome | None]:
        target = self._targets[index]
        if target.name not in self._fallback:
            try:
                forked = ForkedOutcomes(
                    self._script, self._relays[index], target.relay_settings
                )
                return list(forked.outcomes(kind, offsets))
            except Unforkable:
                self._fallback.add(target.name)
        return [self._played(kind, offset, index) for offset in offsets]

"""The kinds of a sweep, and its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from harness.faults.registry import FaultCall
from harness.judge.run import ScenarioRecord

__all__ = ["Cell", "Found", "SweepKind", "Swept", "cell_of"]


class SweepKind(StrEnum):
    """What a sweep does at every byte of a stream."""

    FIN = "fin"
    """The upstream closes there by FIN, its framing incomplete."""

    RST = "rst"
    """The upstream resets the connection there."""

    CLEAN = "clean"
    """The answer ends there, its framing complete."""

    BORDER = "border"
    """A read of the target ends there, among the recorded ones."""

    HALVES = "halves"
    """The whole body comes in two reads, split there."""

    BYTES = "bytes"
    """Every read has one byte; one variant for each stream."""

    def call(self, offset: int) -> FaultCall:
        """Return the fault that plays a variant again."""
        at: Mapping[str, Any] = {"at": {"byte": offset}}
        match self:
            case SweepKind.FIN | SweepKind.RST:
                return FaultCall(name="close_at", parameters={**at, "how": str(self)})
            case SweepKind.CLEAN:
                return FaultCall(name="end_at", parameters=at)
            case SweepKind.BORDER:
                return FaultCall(name="border_at", parameters=at)
            case SweepKind.HALVES:
                parameters = {**at, "writes": "two"}
                return FaultCall(name="border_at", parameters=parameters)
        return FaultCall(name="segment", parameters={"size": 1})


class Cell(NamedTuple):
    """What the variants of one finding have in common.

    Attributes:
        gate: The effect of the verdict on the decision.
        baseline: Kinds of the baseline's violations.
        candidate: Kinds of the candidate's violations.
    """

    kind: str
    verdict: str
    gate: str
    baseline: tuple[str, ...]
    candidate: tuple[str, ...]


def cell_of(kind: SweepKind, record: ScenarioRecord) -> Cell:
    """Return the cell of a judged variant."""
    return Cell(
        kind=str(kind),
        verdict=str(record.result.verdict),
        gate=str(record.result.gate),
        baseline=tuple(str(one.kind) for one in record.baseline[0].violations),
        candidate=tuple(str(one.kind) for one in record.candidate[0].violations),
    )


class Found(NamedTuple):
    """The variants of one cell in one stream.

    Attributes:
        variants: How many there are.
        offset: The place of the first one.
    """

    variants: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """The result of one stream.

    Attributes:
        id: Its scenario.
        size: Bytes of its body.
        offsets: Number of places that were taken.
        cells: Its variants by what they showed.
        judged: Variants that were played from the start and judged; each of the others
            ended exactly like one of them.
        checked: Other variants that were played from the start, to see whether forks
            give the same.
        unbranched: Targets whose relay had to be played from the start each time.
        why_not: Why it was not swept; None: it was.
    """

    id: str
    size: int = 0
    offsets: int = 0
    cells: Mapping[Cell, Found] = field(default_factory=dict)
    judged: int = 0
    checked: int = 0
    unbranched: tuple[str, ...] = ()
    why_not: str | None = None

"""Conclusions of a bench, as words and exit codes: losses and exceeded limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.bench.live import Spawn
from harness.bench.summary import LIMITS, Row, rulings
from harness.statistics import Ratio, Ruling

__all__ = [
    "CONTROL",
    "BenchPart",
    "Conclusions",
    "bounds",
    "exit_code",
    "judge_limits",
    "judge_losses",
]

CONTROL = "control"
"""The name of a second copy of the first target: equal targets must look equal."""

_PASSED, _FAILED, _INCONCLUSIVE, _NO_EVIDENCE = 0, 1, 3, 4

_CODES = {
    Ruling.PASS: _PASSED,
    Ruling.FAIL: _FAILED,
    Ruling.INCONCLUSIVE: _INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusions:
    """Lines for a person, and the exit codes that they ask for."""

    words: Sequence[str] = ()
    codes: Sequence[int] = ()

    def __add__(self, other: Conclusions) -> Conclusions:
        return Conclusions(
            words=[*self.words, *other.words], codes=[*self.codes, *other.codes]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchPart:
    """One part of a bench: the relays in memory, or one live load."""

    title: str
    rows: Sequence[Row]
    conclusions: Conclusions = Conclusions()


def judge_losses(spawns: Sequence[Spawn], names: Sequence[str]) -> Conclusions:
    """Count what each target lost: a target that loses events is fast for nothing."""
    words, codes = [], []
    for name in names:
        results = [run.result for spawn in spawns for run in spawn[name]]
        lost = sum(result.lost for result in results)
        unfinished = sum(result.unfinished for result in results)
        if lost or unfinished:
            words.append(
                f"{name}: {lost} events lost or out of order, "
                f"{unfinished} streams unfinished"
            )
            # What the first target loses, others cannot be compared with.
            codes.append(_NO_EVIDENCE if name in (names[0], CONTROL) else _FAILED)
        else:
            total = sum(result.events for result in results)
            words.append(f"{name}: {total} events, none lost, every stream finished")
    return Conclusions(words=words, codes=codes)


def judge_limits(rows: Sequence[Row], names: Sequence[str]) -> Conclusions:
    """Compare ratios with their limits, unless two equal targets differ as much."""
    words, codes = [], []
    for name in reversed(names[1:]):
        for figure, (ratio, ruling) in rulings(rows, name).items():
            limit = LIMITS[figure]
            if name != CONTROL:
                words.append(
                    f"{figure}, {name}/{names[0]}: {bounds(ratio)}, "
                    f"limit {limit:.2f}: {ruling}"
                )
                codes.append(_CODES[ruling])
            elif abs(math.log(ratio.value)) > math.log(limit) / 3:
                words.append(
                    f"{figure}: two equal targets differ by {ratio.value:.2f}; "
                    "the machine cannot judge now"
                )
                codes.append(_NO_EVIDENCE)
    return Conclusions(words=words, codes=codes)


def exit_code(parts: Sequence[BenchPart]) -> int:
    """Bad evidence outweighs a proven excess, which outweighs an open question."""
    codes = {code for part in parts for code in part.conclusions.codes}
    order = (_NO_EVIDENCE, _FAILED, _INCONCLUSIVE)
    return next((code for code in order if code in codes), _PASSED)


def bounds(ratio: Ratio) -> str:
    """Return a ratio in words, with its bounds where they are known."""
    if not ratio.low:
        return f"{ratio.value:.2f}"
    return f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"

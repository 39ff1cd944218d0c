"""The gate: one decision about stutter detection, from scores over labelled sets.

Only sets that content can decide count (`harness.stutter.sets`). Over all of them, a
target must recognise enough of the streams that stutter, leave almost all others
unchanged, and lose none of their text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judge.verdict import Decision
from harness.statistics import Share, mcnemar_exact, wilson
from harness.stutter.score import StreamScore
from harness.stutter.sets import SETS

__all__ = ["Detection", "Thresholds", "decide_detection", "evaluate"]

_SURE_P = 0.05
"""Below this p, a target is worse than the first one, not unlucky."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The thresholds that a target must reach; shares are from 0 to 1.

    Attributes:
        min_recall: Least share of right streams among those that stutter.
        max_false_positives: Greatest share of changed streams among the others.
        max_lost: Characters that may be lost in those others.
    """

    min_recall: float = 0.95
    max_false_positives: float = 0.02
    max_lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One target over all sets that content can decide.

    Attributes:
        recall: Right streams, of those that stutter.
        false_positives: Changed streams, of those that do not stutter.
        lost: Characters lost in the latter.
        invalid: Streams that are no evidence.
        recall_p: Exact McNemar test of the recall against the first target's; None: it
            is the first.
        worse: Whether the recall is worse than the first target's beyond chance.
        reasons: The thresholds that it misses, in plain words.
        doubts: The thresholds that it reaches, but its interval does not.
    """

    recall: Share
    false_positives: Share
    lost: int
    invalid: int
    recall_p: float | None
    worse: bool
    reasons: tuple[str, ...]
    doubts: tuple[str, ...]


def evaluate(
    scores: Mapping[str, Sequence[StreamScore]],
    first: Mapping[str, Sequence[StreamScore]] | None,
    limits: Thresholds,
) -> Detection:
    """Pool one target's scores and compare them with the thresholds.

    Args:
        scores: Its scores, by set.
        first: The first target's scores; None: it is the first.
        limits: The thresholds.
    """
    stuttering, other = _pooled(scores, stutters=True), None
    if first is not None:
        other = _pooled(first, stutters=True)
    clean = _pooled(scores, stutters=False)
    recall = wilson(sum(one.right for one in stuttering), len(stuttering))
    changed = wilson(sum(not one.right for one in clean), len(clean))
    lost = sum(one.lost for one in clean)
    pairs = list(zip(stuttering, other or (), strict=False))
    better = sum(one.right and not before.right for one, before in pairs)
    fewer = sum(before.right and not one.right for one, before in pairs)
    p = None if other is None else mcnemar_exact(better, fewer)
    worse = p is not None and fewer > better and p < _SURE_P
    return Detection(
        recall=recall,
        false_positives=changed,
        lost=lost,
        invalid=sum(one.invalid is not None for one in (*stuttering, *clean)),
        recall_p=p,
        worse=worse,
        reasons=tuple(_reasons(recall, changed, lost, limits, worse=worse)),
        doubts=tuple(_doubts(recall, changed, limits)),
    )


def decide_detection(detections: Sequence[Detection]) -> Decision:
    """Decide over all targets except the first, which the others are to replace.

    A single target is judged itself. Missing evidence never passes.
    """
    judged = detections[1:] or detections
    if any(one.invalid for one in detections):
        return Decision.INVALID
    if any(one.reasons for one in judged):
        return Decision.NO_GO
    if any(not one.recall.of or not one.false_positives.of for one in judged):
        return Decision.INCONCLUSIVE
    return Decision.GO


def _pooled(
    scores: Mapping[str, Sequence[StreamScore]], *, stutters: bool
) -> list[StreamScore]:
    return [
        one
        for kind in SETS
        if kind.decidable and kind.stutters is stutters
        for one in scores.get(kind.name, ())
    ]


def _reasons(
    recall: Share, changed: Share, lost: int, limits: Thresholds, *, worse: bool
) -> list[str]:
    reasons = []
    if recall.rate is not None and recall.rate < limits.min_recall:
        reasons.append(
            f"expected a recall of at least {limits.min_recall:.2%}, got "
            f"{recall.rate:.2%}"
        )
    if changed.rate is not None and changed.rate > limits.max_false_positives:
        reasons.append(
            f"expected at most {limits.max_false_positives:.2%} false positives, got "
            f"{changed.rate:.2%}"
        )
    if lost > limits.max_lost:
        reasons.append(
            f"expected at most {limits.max_lost} characters lost where nothing "
            f"stutters, got {lost}"
        )
    if worse:
        reasons.append("its recall is worse than the first target's beyond chance")
    return reasons


def _doubts(recall: Share, changed: Share, limits: Thresholds) -> list[str]:
    doubts = []
    if recall.rate is not None and recall.low < limits.min_recall <= recall.rate:
        doubts.append(
            f"with {recall.of} streams, the recall may be as low as {recall.low:.1%}"
        )
    over = changed.high > limits.max_false_positives
    if changed.rate is not None and over and changed.rate <= limits.max_false_positives:
        doubts.append(
            f"with {changed.of} streams, false positives may be as high as "
            f"{changed.high:.1%}"
        )
    return doubts

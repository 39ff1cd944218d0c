"""From scores over labelled sets to one decision about stutter detection.

Only sets that content can decide count (`harness.stutter.sets`). Pooled over
them, a target must recognise enough of what stutters, leave alone almost all of what
does not, and lose nothing of it.
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
"""Below it, a target is told to be worse than the first one, not unlucky."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What a target must reach; shares from 0 to 1.

    Attributes:
        min_recall: Of streams that stutter, at least so many are right.
        max_false_positives: Of streams that do not, at most so many are changed.
        max_lost: Characters that may be lost in the latter.
    """

    min_recall: float = 0.95
    max_false_positives: float = 0.02
    max_lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One target over all sets that content can decide.

    Attributes:
        recall: Streams that stutter and came out right.
        false_positives: Streams that do not and came out changed.
        lost: Characters lost in the latter.
        invalid: Streams that are no evidence.
        recall_p: Exact McNemar test of the recall against the first target's; None: it
            is the first.
        worse: Whether the recall is worse than the first target's beyond chance.
        reasons: What it does not reach, in plain words.
        doubts: Where a threshold is reached, but the interval goes beyond it.
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
    """Pool one target's scores and hold them against the thresholds.

    Args:
        scores: By set.
        first: Those of the first target; None: it is the first.
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
    """Decide over all targets but the first, which is what the others are to replace.

    A single target is judged itself. No evidence never passes.
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
            f"recall {recall.rate:.2%}, expected at least {limits.min_recall:.2%}"
        )
    if changed.rate is not None and changed.rate > limits.max_false_positives:
        reasons.append(
            f"false positives {changed.rate:.2%}, expected at most "
            f"{limits.max_false_positives:.2%}"
        )
    if lost > limits.max_lost:
        reasons.append(
            f"{lost} characters lost where nothing stutters, expected at most "
            f"{limits.max_lost}"
        )
    if worse:
        reasons.append("its recall is worse than the first target's beyond chance")
    return reasons


def _doubts(recall: Share, changed: Share, limits: Thresholds) -> list[str]:
    doubts = []
    if recall.rate is not None and recall.low < limits.min_recall <= recall.rate:
        doubts.append(f"of {recall.of} streams, a recall of {recall.low:.1%} may be so")
    over = changed.high > limits.max_false_positives
    if changed.rate is not None and over and changed.rate <= limits.max_false_positives:
        doubts.append(
            f"of {changed.of} streams, false positives of {changed.high:.1%} may be so"
        )
    return doubts

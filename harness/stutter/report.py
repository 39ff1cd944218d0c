"""``stutter.json``: the scores of all targets on labelled streams, in one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.judge.verdict import EXIT_CODES
from harness.play.virtual.relays import RelayUnderTest
from harness.printable import printable
from harness.statistics import Share
from harness.stutter.gate import Detection, Thresholds, decide_detection, evaluate
from harness.stutter.score import ScoredStream, SetTally, StreamScore, tally
from harness.stutter.sets import SETS

__all__ = ["build_stutter_report"]

FORMAT = 1
"""Version of ``stutter.json``."""


def build_stutter_report(
    scored: Sequence[ScoredStream],
    relays: Sequence[RelayUnderTest],
    limits: Thresholds,
    *,
    run: Mapping[str, Any],
    volatile: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of ``stutter.json``.

    Args:
        scored: One for each recorded stream.
        relays: The targets; the others are to replace the first.
        limits: The thresholds that they must reach.
        run: The settings: sources and seed.
        volatile: Everything that differs between two equal runs.
    """
    by_target = [_of_target(scored, index) for index in range(len(relays))]
    detections = [
        evaluate(scores, by_target[0] if index else None, limits)
        for index, scores in enumerate(by_target)
    ]
    decision = decide_detection(detections)
    return {
        "stutter_format": FORMAT,
        "run": dict(run),
        "targets": [
            {
                "name": printable(relay.name),
                "relay": printable(relay.path),
                "settings": dict(relay.settings),
            }
            for relay in relays
        ],
        "streams": _streams(scored),
        "sets": [
            {
                "name": kind.name,
                "what": kind.what,
                "stutters": kind.stutters,
                "decidable": kind.decidable,
                "streams": len(by_target[0].get(kind.name, ())),
                "targets": [
                    _tally(
                        scores.get(kind.name, ()),
                        by_target[0].get(kind.name, ()) if index else None,
                    )
                    for index, scores in enumerate(by_target)
                ],
            }
            for kind in SETS
        ],
        "thresholds": {
            "min_recall": limits.min_recall,
            "max_false_positives": limits.max_false_positives,
            "max_lost": limits.max_lost,
        },
        "detection": [_detection(one) for one in detections],
        "decision": {
            "result": decision.value,
            "exit_code": EXIT_CODES[decision],
            "reasons": _reasons(relays, detections),
            "doubts": [
                f"{printable(relay.name)}: {doubt}"
                for relay, one in zip(relays, detections, strict=True)
                for doubt in one.doubts
            ],
        },
        "volatile": dict(volatile),
    }


def _of_target(
    scored: Sequence[ScoredStream], index: int
) -> dict[str, list[StreamScore]]:
    scores: dict[str, list[StreamScore]] = {}
    for stream in scored:
        for name, targets in stream.scores.items():
            scores.setdefault(name, []).append(targets[index])
    return scores


def _streams(scored: Sequence[ScoredStream]) -> dict[str, Any]:
    left_out = Counter(one.why_not for one in scored if one.why_not is not None)
    return {
        "found": len(scored),
        "scored": sum(one.why_not is None for one in scored),
        "left_out": dict(sorted(left_out.items())),
    }


def _tally(
    scores: Sequence[StreamScore], first: Sequence[StreamScore] | None
) -> dict[str, Any]:
    added_up: SetTally = tally(scores, first)
    return {
        "right": _share(added_up.right),
        "wrong": _share(added_up.wrong),
        "lost": added_up.lost,
        "lost_streams": added_up.lost_streams,
        "added": added_up.added,
        "first_hold_ns": dict(zip(("p50", "p99"), added_up.first_hold_ns, strict=True)),
        "hold_ns": dict(zip(("p50", "p99"), added_up.hold_ns, strict=True)),
        "mcnemar_p": added_up.p,
        "better": added_up.better,
        "worse": added_up.worse,
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "count": share.count,
        "of": share.of,
        "rate": share.rate,
        "low": share.low,
        "high": share.high,
    }


def _detection(one: Detection) -> dict[str, Any]:
    return {
        "recall": _share(one.recall),
        "false_positives": _share(one.false_positives),
        "lost": one.lost,
        "invalid": one.invalid,
        "recall_mcnemar_p": one.recall_p,
        "reasons": list(one.reasons),
        "doubts": list(one.doubts),
    }


def _reasons(
    relays: Sequence[RelayUnderTest], detections: Sequence[Detection]
) -> list[str]:
    judged = list(zip(relays, detections, strict=True))
    reasons = [
        f"{printable(relay.name)}: {reason}"
        for relay, one in judged[1:] or judged
        for reason in one.reasons
    ]
    if any(one.invalid for one in detections):
        reasons.append("a target could not be proved to be the one that was named")
    if any(not one.recall.of or not one.false_positives.of for one in detections):
        reasons.append("no stream fits the sets: no evidence")
    return reasons

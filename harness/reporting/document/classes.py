"""The results of each target per class of failure.

A scenario may belong to several classes and may have run in two modes: it counts once
in each of its classes; a target is right in it if every answer in every mode was right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from harness.faults.classes import CLASSES, class_numbers
from harness.judge.run import ScenarioRecord
from harness.judge.violation import SEVERITY, Kind

__all__ = ["class_facts"]

_TARGETS = ("baseline", "candidate")

_UNKNOWN = "unknown"
"""The kind of a target that gave no evidence."""


def class_facts(records: Iterable[ScenarioRecord]) -> list[dict[str, Any]]:
    """Return every class by number, with the results of both targets."""
    by_id: dict[str, list[ScenarioRecord]] = {}
    for record in records:
        by_id.setdefault(record.scenario.id, []).append(record)
    members: dict[int, list[dict[str, Any]]] = {entry.number: [] for entry in CLASSES}
    for name in sorted(by_id):
        same = by_id[name]
        told = {"id": name, **{target: _found(same, target) for target in _TARGETS}}
        for number in class_numbers(same[0].scenario.tags):
            members[number].append(told)
    return [
        {
            "number": entry.number,
            "tier": entry.tier,
            "name": entry.name,
            "scenarios": members[entry.number],
            **{
                target: _side([told[target] for told in members[entry.number]])
                for target in _TARGETS
            },
        }
        for entry in CLASSES
    ]


def _found(same: Iterable[ScenarioRecord], target: str) -> list[str]:
    """Return the kinds of a target's violations in any mode, worst first."""
    sides = [
        record.baseline if target == "baseline" else record.candidate for record in same
    ]
    valid = [
        [answer for answer in side if answer.observation.invalid is None]
        for side in sides
    ]
    wrongs = {
        wrong.kind for side in valid for answer in side for wrong in answer.violations
    }
    if wrongs:
        return sorted(map(str, wrongs), key=lambda kind: (-SEVERITY[Kind(kind)], kind))
    whole = all(
        answers and len(answers) == len(side)
        for answers, side in zip(valid, sides, strict=True)
    )
    return [] if whole else [_UNKNOWN]


def _side(found: Sequence[Sequence[str]]) -> dict[str, Any]:
    kinds = Counter(kind for kinds in found for kind in kinds)
    right, unknown = sum(not kinds for kinds in found), kinds.pop(_UNKNOWN, 0)
    return {
        "right": right,
        "wrong": len(found) - right - unknown,
        "unknown": unknown,
        "kinds": dict(sorted(kinds.items())),
    }

"""What each target did per class of failure: the matrix of a report.

A scenario may belong to several classes and may have run in two modes: it counts once
in each of its classes; a target is right in it where every answer in every mode was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.faults.classes import CLASSES, class_numbers
from harness.judge.run import ScenarioRecord
from harness.judge.violation import SEVERITY, Kind

__all__ = [
    "class_facts",
    "class_rows",
    "found_words",
    "tested",
    "untested_words",
    "wrong_classes",
]

_TARGETS = ("baseline", "candidate")

_UNKNOWN = "unknown"
"""Stands in place of kinds where a target gave no evidence."""


def class_facts(records: Iterable[ScenarioRecord]) -> list[dict[str, Any]]:
    """Return every class with what both targets did in its scenarios, by number."""
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
    """Return how a target went wrong in any mode, the worst first; empty: right."""
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


def tested(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the classes that a report's run had scenarios of."""
    return [entry for entry in report["classes"] if entry["scenarios"]]


def class_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the matrix: the classes with scenarios, by number."""
    names = [report["targets"][target]["name"] for target in _TARGETS]
    headers = ["class", "tier", "what fails", "scenarios"]
    headers += [f"{name} {word}" for name in names for word in ("right", "wrong")]
    rows = [
        [
            str(entry["number"]),
            entry["tier"],
            entry["name"],
            str(len(entry["scenarios"])),
            *(cell for target in _TARGETS for cell in _cells(entry[target])),
        ]
        for entry in tested(report)
    ]
    return headers, rows


def _cells(side: Mapping[str, Any]) -> tuple[str, str]:
    kinds: Sequence[tuple[str, int]] = sorted(
        side["kinds"].items(), key=lambda item: (-item[1], item[0])
    )
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds)
    wrong = f"{side['wrong']}: {listed}" if listed else "."
    if side["unknown"]:
        wrong += f" ({side['unknown']} without evidence)"
    return str(side["right"] or "."), wrong


def found_words(kinds: Sequence[str]) -> str:
    """Say what a target did in one scenario."""
    if list(kinds) == [_UNKNOWN]:
        return "gave no evidence"
    return ", ".join(kinds) or "right"


def wrong_classes(report: Mapping[str, Any], target: str) -> list[int]:
    """Return the classes in which a target, baseline or candidate, was ever wrong."""
    return [entry["number"] for entry in tested(report) if entry[target]["wrong"]]


def untested_words(report: Mapping[str, Any]) -> str | None:
    """Say which classes had no scenario; None: every class had one."""
    missing = [entry for entry in report["classes"] if not entry["scenarios"]]
    if not missing:
        return None
    return ", ".join(f"{entry['number']} ({entry['name']})" for entry in missing)

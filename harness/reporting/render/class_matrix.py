"""The matrix of a report: the results of each target per class of failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "class_rows",
    "describe_kinds",
    "tested_classes",
    "untested_classes",
    "wrong_classes",
]

_TARGETS = ("baseline", "candidate")

_UNKNOWN = "unknown"
"""The report's kind for a target that gave no evidence."""


def tested_classes(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the classes for which the run had scenarios."""
    return [entry for entry in report["classes"] if entry["scenarios"]]


def class_rows(report: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headers and rows of the matrix: classes with scenarios, by number."""
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
        for entry in tested_classes(report)
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


def describe_kinds(kinds: Sequence[str]) -> str:
    """Describe the result of a target in one scenario."""
    if list(kinds) == [_UNKNOWN]:
        return "gave no evidence"
    return ", ".join(kinds) or "right"


def wrong_classes(report: Mapping[str, Any], target: str) -> list[int]:
    """Return the classes in which a target, baseline or candidate, was ever wrong."""
    return [
        entry["number"] for entry in tested_classes(report) if entry[target]["wrong"]
    ]


def untested_classes(report: Mapping[str, Any]) -> str | None:
    """Describe the classes that had no scenario; None: every class had one."""
    missing = [entry for entry in report["classes"] if not entry["scenarios"]]
    if not missing:
        return None
    return ", ".join(f"{entry['number']} ({entry['name']})" for entry in missing)

"""Collects the findings of a report, grouped by their meaning for the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Finding", "FindingGroup", "Improvement", "findings", "improvements"]


class FindingGroup(StrEnum):
    """The meaning of a finding; members are in the order of the output."""

    GATING = "gating"
    """It prevents the decision GO."""

    DEBT = "debt"
    """Both targets are wrong, the candidate no more than the baseline."""

    IMPROVED = "improved"
    """The baseline is wrong, the candidate is right."""

    ACCEPTED = "accepted"
    """Both are right and differ, and a waiver or a rule says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One scenario that was not right and equal for both targets.

    Attributes:
        group: Its meaning for the gate.
        modes: The modes with the same finding.
        scenario: Its entry in the report; of two entries the virtual one, whose figures
            are exact.
    """

    group: FindingGroup
    modes: tuple[str, ...]
    scenario: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The scenario's id."""
        return str(self.scenario["id"])

    @property
    def in_modes(self) -> str:
        """The modes in words."""
        return " and ".join(self.modes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """One violation of the baseline that is the same in all of these findings.

    Attributes:
        violation: The baseline's worst.
        findings: At least one.
    """

    violation: Mapping[str, Any]
    findings: tuple[Finding, ...]


def findings(report: Mapping[str, Any]) -> dict[FindingGroup, list[Finding]]:
    """Return all findings by group, the worst verdicts first, then by id."""
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for scenario in report["scenarios"]:
        group = _group(scenario)
        if group is not None:
            key = (group, *_what_was_found(scenario))
            alike.setdefault(key, []).append(scenario)
    found: dict[FindingGroup, list[Finding]] = {group: [] for group in FindingGroup}
    for (group, *_), scenarios in alike.items():
        found[group].append(
            Finding(
                group=group,
                modes=tuple(scenario["mode"] for scenario in scenarios),
                scenario=scenarios[-1],
            )
        )
    for told in found.values():
        told.sort(key=_rank)
    return found


def improvements(found: Iterable[Finding]) -> list[Improvement]:
    """Group findings by the baseline's violation, worst first.

    Otherwise a legacy architecture with the same violation in every stream would fill
    the screen.
    """
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        worst = _worst(finding)
        key = (worst["kind"], worst["expected"], worst["got"])
        alike.setdefault(key, []).append(finding)
    return sorted(
        (
            Improvement(violation=_worst(same[0]), findings=tuple(same))
            for same in alike.values()
        ),
        key=lambda improvement: (
            -improvement.violation["severity"],
            improvement.violation["kind"],
            improvement.findings[0].id,
        ),
    )


def _group(scenario: Mapping[str, Any]) -> FindingGroup | None:
    if scenario["gate"] != "pass":
        return FindingGroup.GATING
    match scenario["verdict"]:
        case "BOTH_WRONG_SAME" | "BOTH_WRONG_DIFFERENT":
            return FindingGroup.DEBT
        case "IMPROVED":
            return FindingGroup.IMPROVED
        case "EXPECTED_DIVERGENCE":
            return FindingGroup.ACCEPTED
    return None


def _what_was_found(scenario: Mapping[str, Any]) -> tuple[Any, ...]:
    wrongs = tuple(
        (target, violation["kind"], violation["where"])
        for target in ("baseline", "candidate")
        for answer in scenario[target]["answers"]
        for violation in answer["violations"]
    )
    return scenario["id"], scenario["verdict"], scenario["gate"], wrongs


_VERDICTS: Sequence[str] = (
    "REGRESSION",
    "BOTH_WRONG_DIFFERENT",
    "RACE_SUSPECT",
    "UNEXPLAINED",
    "UNSTABLE_BASELINE",
    "INVALID",
)


def _rank(finding: Finding) -> tuple[int, int, str, str]:
    scenario = finding.scenario
    verdict = scenario["verdict"]
    place = _VERDICTS.index(verdict) if verdict in _VERDICTS else len(_VERDICTS)
    worst = max(
        (
            violation["severity"]
            for answer in scenario["candidate"]["answers"]
            for violation in answer["violations"]
        ),
        default=0,
    )
    return place, -worst, finding.id, scenario["mode"]


def _worst(finding: Finding) -> Mapping[str, Any]:
    scenario = finding.scenario
    for answer in scenario["baseline"]["answers"]:
        for violation in answer["violations"]:
            first: Mapping[str, Any] = violation
            return first
    # Only a report of another program can lack a violation here.
    unknown = {"where": "", "expected": "not said", "severity": 0, "measured": {}}
    return {**unknown, "kind": scenario["verdict"], "got": scenario["reason"]}

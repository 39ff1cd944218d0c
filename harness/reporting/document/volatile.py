"""The report's key ``volatile``: facts that differ between two equal runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.judge.harness_lag import Lag
from harness.judge.judgement import Judgement
from harness.judge.run import RunRecord, ScenarioRecord
from harness.reporting.document.scenarios import contrast, left_early
from harness.reporting.document.timing import hold_facts, hold_totals
from harness.scenario.model import Mode

__all__ = ["volatile_facts"]


def volatile_facts(run: RunRecord, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the volatile part of a report.

    Args:
        run: The run with all its records.
        given: Facts of the caller; see `harness.reporting.document.build`.
    """
    live = sorted(
        (record for record in run.records if record.mode is Mode.LIVE),
        key=lambda record: record.scenario.id,
    )
    swept = {"sweep": given["sweep"]} if "sweep" in given else {}
    return {
        **swept,
        "run": given.get("run"),
        "started_at": given.get("started_at"),
        "duration_s": given.get("duration_s"),
        "machine": given.get("machine"),
        "targets": given.get("targets", {}),
        "lag": _lag(run.lag),
        "hold": {"live": hold_totals(live, Mode.LIVE)},
        "live": [_record(record) for record in live],
    }


def _lag(lag: Lag | None) -> dict[str, Any] | None:
    if lag is None:
        return None
    return {
        "count": lag.count,
        "p50_ns": lag.p50_ns,
        "p99_ns": lag.p99_ns,
        "max_ns": lag.max_ns,
        "degraded": lag.degraded,
    }


def _record(record: ScenarioRecord) -> dict[str, Any]:
    return {
        "id": record.scenario.id,
        "degraded": record.degraded,
        "baseline": [_judgement(judgement) for judgement in record.baseline],
        "candidate": [_judgement(judgement) for judgement in record.candidate],
        # All other contrasts are with their scenarios.
        "contrast": contrast(record) if left_early(record) else None,
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    observation = judgement.observation
    return {
        "hold": hold_facts(judgement.hold),
        "head_at_ns": observation.head_at_ns,
        "end_at_ns": observation.end_at_ns,
        "violations": [
            {"kind": violation.kind, "measured": violation.measured}
            for violation in judgement.violations
        ],
    }

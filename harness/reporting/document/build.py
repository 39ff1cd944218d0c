"""Builds the one document of a run: ``report.json``; all output is rendered from it.

Two runs with one seed give the same document except for its key ``volatile``: live
times, ports, durations and the machine are there and nowhere else. All text is on one
line and printable; times are integer nanoseconds, and virtual except under
``volatile``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from importlib import resources
from typing import Any

from harness.judge.run import RunRecord, ScenarioRecord, TargetFacts
from harness.judge.verdict import EXIT_CODES, Verdict
from harness.printable import printable
from harness.reporting.document.classes import class_facts
from harness.reporting.document.coverage import not_tested
from harness.reporting.document.reproduce import repeat_run
from harness.reporting.document.scenarios import scenario_facts
from harness.reporting.document.timing import hold_totals
from harness.reporting.document.volatile import volatile_facts
from harness.reporting.rollout_steps import next_step
from harness.scenario.model import Mode
from harness.version import program_version

__all__ = ["FORMAT", "build_report", "report_schema"]

FORMAT = 1
"""Version of the report that this code reads and writes."""


def report_schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``report.json``."""
    file = resources.files("harness.reporting").joinpath("report.schema.json")
    schema: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def build_report(
    run: RunRecord,
    volatile: Mapping[str, Any],
    *,
    current_percent: float = 0,
    options: Sequence[str] | None = None,
    sweep: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the content of ``report.json``.

    Args:
        run: The run with all its records.
        volatile: Facts of the caller: ``run`` (its name), ``started_at`` (ISO 8601),
            ``duration_s``, ``machine`` (`harness.reporting.environment`), ``targets``
            (for each name, ``url`` and ``served_by``); each may be missing.
        current_percent: Of the rollout, 0 to 100.
        options: Words of the command line that each reproducing command needs as well
            (targets that are URLs, cassettes, files); None: derived from the run.
        sweep: The findings of a sweep (`harness.sweep.facts`); None: there was none.
    """
    records = sorted(run.records, key=lambda record: (record.scenario.id, record.mode))
    report = {
        "report_format": FORMAT,
        "run": _run(run, options),
        "targets": {
            "baseline": _target(run, run.baseline),
            "candidate": _target(run, run.candidate),
        },
        "decision": {
            "result": run.decision,
            "exit_code": EXIT_CODES[run.decision],
            "reasons": run.reasons,
            "step": {"from": current_percent, "to": next_step(current_percent)},
        },
        "totals": Counter(record.result.verdict for record in records),
        "families": _families(records),
        "classes": class_facts(records),
        "scenarios": [scenario_facts(run, record, options) for record in records],
        # Only figures of the simulated clock repeat; live ones are volatile.
        "hold": {"virtual": hold_totals(records, Mode.VIRTUAL)},
        "not_tested": not_tested(run),
        "volatile": volatile_facts(run, volatile),
    }
    if sweep is not None:
        report["sweep"] = sweep
    cleaned: dict[str, Any] = _to_json(report)
    return cleaned


def _run(run: RunRecord, options: Sequence[str] | None) -> dict[str, Any]:
    settings = run.settings
    return {
        "seed": settings.seed,
        "modes": sorted(settings.modes),
        "repeats": settings.repeats,
        "speed": settings.speed,
        "suite": settings.suite,
        "policy": settings.policy.switches,
        "harness_version": program_version(),
        "reproduce": repeat_run(run, options),
    }


def _target(run: RunRecord, target: TargetFacts) -> dict[str, Any]:
    return {
        "name": target.name,
        "kind": target.kind,
        "contract": target.contract,
        "relay": target.relay,
        "proof": target.proof,
        "routing": run.routing.get(target.name),
    }


def _families(records: Iterable[ScenarioRecord]) -> list[dict[str, Any]]:
    counts: dict[tuple[str, Mode], Counter[Verdict]] = {}
    for record in records:
        key = (record.scenario.family, record.mode)
        counts.setdefault(key, Counter())[record.result.verdict] += 1
    return [
        {"family": family, "mode": mode, "verdicts": verdicts}
        for (family, mode), verdicts in sorted(counts.items())
    ]


def _to_json(value: Any) -> Any:
    """Return a value as plain JSON with text that is printable and on one line."""
    if isinstance(value, Mapping):
        return {str(_to_json(key)): _to_json(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(item) for item in value]
    return printable(value)

"""The commands that reproduce a finding or a whole run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence

from harness.faults.registry import FaultCall
from harness.judge.run import RunRecord, ScenarioRecord
from harness.scenario.model import Mode, Scenario

__all__ = ["repeat_run", "repeat_scenario"]

_DEFAULT_TARGETS = ("v1", "v2")

_SUITES = frozenset({"pr", "full"})
"""Suites that the command line names."""

_CASSETTES = "cassettes"
"""The suite of a run of cassettes and faults in place of scenarios."""


def repeat_scenario(
    run: RunRecord, record: ScenarioRecord, options: Sequence[str] | None = None
) -> str:
    """Return the command that plays one scenario again, quoted for a shell.

    Args:
        run: The run of the record.
        record: The scenario to play.
        options: Words of the command line to repeat (targets, files); None: derived
            from the run's targets, speed and repeats.
    """
    scenario = record.scenario
    if run.settings.suite == _CASSETTES:
        source = scenario.source or scenario.id
        chosen = [*_cassettes([source]), *_faults(scenario.all_faults)]
    else:
        chosen = [_name(run, scenario), *_faults(scenario.added)]
    return _line(run, chosen, (record.mode,), options)


def repeat_run(run: RunRecord, options: Sequence[str] | None = None) -> str:
    """Return the command that plays a whole run again; see `repeat_scenario`."""
    suite = run.settings.suite
    if suite in _SUITES:
        # A sweep has one suite, all of it.
        chosen = [] if run.settings.sweep else ["--suite", suite]
    elif suite == _CASSETTES and run.settings.sweep:
        chosen = _cassettes(run.settings.cassettes)
    elif suite == _CASSETTES:
        calls = [call for record in run.records for call in record.scenario.all_faults]
        faults = _faults(
            call for at, call in enumerate(calls) if call not in calls[:at]
        )
        chosen = [*_cassettes(run.settings.cassettes), *faults]
    else:
        ids = {_name(run, record.scenario) for record in run.records}
        added = [call for record in run.records for call in record.scenario.added]
        chosen = sorted(ids)
        if not run.settings.sweep:
            chosen += _faults(
                call for at, call in enumerate(added) if call not in added[:at]
            )
    chosen += run.settings.sweep
    if run.settings.sweep:
        return _line(run, chosen, (), options, command="sweep")
    # Both modes are the default.
    modes = run.settings.modes if len(run.settings.modes) == 1 else ()
    return _line(run, chosen, modes, options)


def _name(run: RunRecord, scenario: Scenario) -> str:
    """Return the word that selects a scenario: its file if the user named that."""
    if scenario.source in run.settings.files:
        return str(scenario.source)
    return scenario.id.partition("+")[0]


def _line(
    run: RunRecord,
    chosen: Iterable[str],
    modes: Iterable[Mode],
    options: Sequence[str] | None,
    *,
    command: str = "compare",
) -> str:
    seed = ("--seed", str(run.settings.seed))
    rest = _options(run) if options is None else options
    words = ("harness", command, *chosen, *seed, *(f"--{mode}" for mode in modes))
    return shlex.join((*words, *rest))


def _options(run: RunRecord) -> list[str]:
    words = []
    names = (run.baseline.name, run.candidate.name)
    for option, name, default in zip(
        ("--baseline", "--candidate"), names, _DEFAULT_TARGETS, strict=True
    ):
        if name != default:
            words += [option, name]
    if run.settings.speed != 1:
        words += ["--speed", f"{run.settings.speed:g}"]
    if run.settings.repeats != 1:
        words += ["--repeats", str(run.settings.repeats)]
    return words


def _cassettes(paths: Iterable[str]) -> list[str]:
    return [word for path in paths for word in ("--cassette", path)]


def _faults(calls: Iterable[FaultCall]) -> list[str]:
    words = []
    for call in calls:
        # JSON is YAML in flow style.
        given = json.dumps(call.parameters, default=str) if call.parameters else ""
        words += ["--fault", f"{call.name}: {given}" if given else call.name]
    return words

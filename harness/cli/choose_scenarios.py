"""The choice of scenarios: those of a suite, or recordings with faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from harness.cli.recordings import read_recordings
from harness.errors import InputError, closest
from harness.scenario.from_cassettes import cassette_scenarios, parse_fault, with_fault
from harness.scenario.loader import read_suite
from harness.scenario.model import Scenario

__all__ = ["ScenarioOptions", "choose_scenarios"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioOptions:
    """The options that choose scenarios.

    Attributes:
        scenarios: Ids, families and files; none: the whole suite.
        suite: ``pr`` or ``full``.
        scenario_folder: The folder of the suite.
        cassette_folder: The folder of the cassettes that scenarios name.
        cassettes: Recordings to play instead of a suite.
        faults: Each is put on top of what is played, once more.
    """

    scenarios: tuple[str, ...]
    suite: str
    scenario_folder: Path
    cassette_folder: Path
    cassettes: tuple[Path, ...]
    faults: tuple[str, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The files among the scenarios."""
        return tuple(str(Path(name)) for name in self.scenarios if _is_file(name))


def choose_scenarios(options: ScenarioOptions) -> tuple[list[Scenario], str]:
    """Return the scenarios, and their name in the report."""
    if options.cassettes:
        if options.scenarios:
            raise click.UsageError("Name scenarios or --cassette, not both.")
        return _of_cassettes(options), "cassettes"
    files = [Path(name) for name in options.scenarios if _is_file(name)]
    names = [name for name in options.scenarios if not _is_file(name)]
    found = read_suite(
        files if files and not names else [options.scenario_folder, *files],
        cassettes=options.cassette_folder,
    )
    if not names:
        return _with_faults(found, options), "named" if files else options.suite
    chosen = [
        scenario
        for scenario in found
        if scenario.id in names
        or scenario.family in names
        or scenario.source in {str(file) for file in files}
    ]
    known = {scenario.id for scenario in found}
    known |= {scenario.family for scenario in found}
    for name in names:
        if name not in known:
            raise InputError(
                f"no scenario or family {name!r} in {options.scenario_folder}",
                nearest=closest(name, known),
            )
    return _with_faults(chosen, options), "named"


def _with_faults(scenarios: list[Scenario], options: ScenarioOptions) -> list[Scenario]:
    """Return the scenarios, and each of them once more with each fault on top."""
    calls = [parse_fault(text) for text in options.faults]
    # With several attempts or exchanges, it is not said which one is meant.
    simple = [one for one in scenarios if not (one.exchange.by_attempt or one.sequence)]
    return scenarios + [with_fault(one, call) for one in simple for call in calls]


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _of_cassettes(options: ScenarioOptions) -> list[Scenario]:
    faults = [parse_fault(text) for text in options.faults]
    named = read_recordings(options.cassettes)
    return cassette_scenarios(named, faults)

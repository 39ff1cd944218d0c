"""What a comparison plays."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

import harness.faults  # noqa: F401 - registers the faults
from harness.cli.choose_scenarios import ScenarioOptions, choose_scenarios
from harness.errors import InputError

ROOT = Path(__file__).parents[3]


def options(*scenarios: str, cassettes=(), faults=()) -> ScenarioOptions:
    """Return a command line for our own suite."""
    return ScenarioOptions(
        scenarios=scenarios,
        suite="pr",
        scenario_folder=ROOT / "scenarios",
        cassette_folder=ROOT / "cassettes",
        cassettes=cassettes,
        faults=faults,
    )


def test_nothing_named_is_the_whole_suite():
    """The report calls it by the suite's name."""
    scenarios, name = choose_scenarios(options())
    assert "pr" == name
    assert 100 < len(scenarios)


def test_ids_and_families_choose():
    """A fault plays each of them once more."""
    scenarios, name = choose_scenarios(options("malformed/json-cut"))
    assert (["malformed/json-cut"], "named") == ([one.id for one in scenarios], name)
    family, _ = choose_scenarios(options("malformed"))
    assert {"malformed"} == {one.family for one in family}
    twice, _ = choose_scenarios(options("malformed/json-cut", faults=("repeat_first",)))
    assert 2 == len(twice)


def test_a_file_is_a_scenario():
    """Only what is in it is played."""
    file = str(ROOT / "scenarios" / "malformed" / "json-cut.yaml")
    given = options(file)
    scenarios, name = choose_scenarios(given)
    assert (["malformed/json-cut"], "named") == ([one.id for one in scenarios], name)
    assert (file,) == given.files


def test_an_unknown_name_is_told_with_the_nearest():
    """A family counts as well."""
    with pytest.raises(InputError, match="malformed/json-cut"):
        choose_scenarios(options("malformed/json-cutt"))


def test_recordings_stand_in_place_of_scenarios():
    """Both at once cannot be meant."""
    cassettes = (ROOT / "cassettes" / "mlx",)
    scenarios, name = choose_scenarios(options(cassettes=cassettes))
    assert "cassettes" == name
    assert scenarios
    with pytest.raises(click.UsageError, match="not both"):
        choose_scenarios(options("malformed", cassettes=cassettes))

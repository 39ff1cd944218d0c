"""The plan of a comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness.faults  # noqa: F401 - registers the faults
from harness.cli.choose_plan import PlayOptions, choose_plan, listed
from harness.cli.choose_scenarios import ScenarioOptions
from harness.cli.choose_targets import TargetOptions
from harness.errors import InputError
from harness.scenario.model import Mode

ROOT = Path(__file__).parents[3]
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"
URL = {"candidate": "http://127.0.0.1:9", "candidate_upstream": "127.0.0.1:8"}


def plan(*scenarios, cassettes=(), faults=(), live=False, virtual=False, **targets):
    """Return the plan of a command line."""
    nothing = dict.fromkeys(
        ("baseline", "candidate", "contract", "baseline_upstream", "candidate_upstream")
    )
    return choose_plan(
        ScenarioOptions(
            scenarios=scenarios,
            suite="pr",
            scenario_folder=ROOT / "scenarios",
            cassette_folder=ROOT / "cassettes",
            cassettes=cassettes,
            faults=faults,
        ),
        TargetOptions(
            **{
                "config": ROOT / "harness.yaml",
                "policy": ("half_close=serve",),
                **nothing,
                **targets,
            }
        ),
        PlayOptions(live=live, virtual=virtual, repeats=2, speed=3.0, seed=5),
    )


@pytest.mark.parametrize(
    ("how", "modes"),
    [
        ({}, {Mode.LIVE, Mode.VIRTUAL}),
        ({"live": True}, {Mode.LIVE}),
        ({"virtual": True}, {Mode.VIRTUAL}),
    ],
)
def test_the_command_line_chooses_the_modes(how, modes):
    """Both, where none is named."""
    found = plan("malformed/json-cut", **how)
    played = {Mode.LIVE} if found.live else set()
    played |= {Mode.VIRTUAL} if found.virtual else set()

    assert modes == set(found.settings.modes) == played


def test_settings_are_those_of_the_command_line():
    """With the policy of the configuration below that of the command line."""
    settings = plan(cassettes=(PLAIN,), virtual=True).settings

    assert (5, 2, 3.0) == (settings.seed, settings.repeats, settings.speed)
    assert ("cassettes", (str(PLAIN),)) == (settings.suite, settings.cassettes)
    assert "serve" == settings.policy.switches["half_close"]


def test_virtual_time_needs_relays():
    """A target that is only a URL has none."""
    with pytest.raises(InputError, match=r"^--virtual: .* has no relay"):
        plan("malformed/json-cut", virtual=True, **URL)


def test_a_plan_is_listed_with_its_modes():
    """In the order of ids."""
    found = plan("malformed/json-cut", "malformed/array-event")
    assert [
        "malformed/array-event  (live, virtual)",
        "malformed/json-cut  (live, virtual)",
    ] == listed(found)
    assert "malformed/json-cut  (virtual)" in listed(
        plan("malformed/json-cut", virtual=True)
    )


def test_a_fault_that_only_live_shows_is_refused_in_virtual_time():
    """Nothing would be tested."""
    fault = "nodelay: {on: false}"
    with pytest.raises(InputError, match=r"^--fault: virtual time cannot show"):
        plan(cassettes=(PLAIN,), faults=(fault,), virtual=True)
    assert plan(cassettes=(PLAIN,), faults=(fault,)).live


def test_a_fault_that_fits_no_stream_is_refused():
    """With the reason of the first stream that was skipped."""
    fault = "tool: {mode: id_null}"
    with pytest.raises(InputError, match="fits none of the streams"):
        plan(cassettes=(PLAIN,), faults=(fault,))

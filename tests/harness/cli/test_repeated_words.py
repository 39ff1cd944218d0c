"""The options that a line which repeats a finding needs."""

from __future__ import annotations

from pathlib import Path

from harness.cli.choose_scenarios import ScenarioOptions
from harness.cli.choose_targets import TargetOptions
from harness.cli.repeated_words import repeated_words

WHAT = {
    "scenarios": ("clean",),
    "suite": "pr",
    "scenario_folder": Path("scenarios"),
    "cassette_folder": Path("cassettes"),
    "cassettes": (),
    "faults": ("repeat_first",),
}
AGAINST = {
    "config": Path("harness.yaml"),
    "baseline": None,
    "candidate": None,
    "contract": None,
    "policy": (),
    "baseline_upstream": None,
    "candidate_upstream": None,
}


def words(*, what=None, against=None, **how):
    """Return the words of a command line on which only this was said."""
    return repeated_words(
        ScenarioOptions(**{**WHAT, **(what or {})}),
        TargetOptions(**{**AGAINST, **(against or {})}),
        **how,
    )


def test_defaults_are_left_out():
    """Scenarios and faults are named by the line itself, each its own."""
    assert [] == words()


def test_files_and_targets_are_repeated():
    """Each policy is an option of its own."""
    what = {"scenario_folder": Path("mine"), "cassette_folder": Path("tapes")}
    against = {
        "config": Path("other.yaml"),
        "baseline": "old",
        "candidate": "http://x",
        "candidate_upstream": "h:1",
        "contract": "repairing",
        "policy": ("half_close=serve", "grace_ms=5"),
    }
    assert [
        *("--config", "other.yaml", "--scenarios", "mine", "--cassettes", "tapes"),
        *("--baseline", "old", "--candidate", "http://x"),
        *("--candidate-upstream", "h:1", "--contract", "repairing"),
        *("--policy", "half_close=serve", "--policy", "grace_ms=5"),
    ] == words(what=what, against=against)


def test_speed_and_repeats_are_repeated():
    """A whole number has no decimal point."""
    assert ["--speed", "2"] == words(speed=2.0)
    assert ["--speed", "0.5", "--repeats", "3"] == words(speed=0.5, repeats=3)

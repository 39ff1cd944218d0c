"""The options of a command line that a line which repeats a finding needs as well."""

from __future__ import annotations

from harness.cli.choose_scenarios import ScenarioOptions
from harness.cli.choose_targets import TargetOptions
from harness.cli.options import CASSETTE_FOLDER, CONFIG, SCENARIO_FOLDER

__all__ = ["repeated_words"]


def repeated_words(
    what: ScenarioOptions,
    against: TargetOptions,
    *,
    speed: float = 1.0,
    repeats: int = 1,
) -> list[str]:
    """Return the words; an option that has its default value is left out."""
    given = (
        ("--config", against.config, CONFIG),
        ("--scenarios", what.scenario_folder, SCENARIO_FOLDER),
        ("--cassettes", what.cassette_folder, CASSETTE_FOLDER),
        ("--baseline", against.baseline, None),
        ("--baseline-upstream", against.baseline_upstream, None),
        ("--candidate", against.candidate, None),
        ("--candidate-upstream", against.candidate_upstream, None),
        ("--contract", against.contract, None),
        ("--speed", speed, 1.0),
        ("--repeats", repeats, 1),
    )
    words = []
    for name, value, default in given:
        if value != default:
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            words += [name, shown]
    return [*words, *(word for text in against.policy for word in ("--policy", text))]

"""``harness compare --sweep`` as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.commands.compare import compare

ROOT = Path(__file__).parents[4]
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


def run(tmp_path, *arguments):
    """Run the command in one process; errors come as they are raised."""
    words = [*map(str, arguments), "--output", str(tmp_path)]
    return CliRunner().invoke(compare, words, catch_exceptions=False)


def test_the_command_and_its_reproduce_lines(tmp_path, monkeypatch):
    """Every line that is printed plays what it says."""
    monkeypatch.chdir(ROOT)
    limited = ("--sweep", "--sweep-limit", "20", "--jobs", "1")
    result = run(tmp_path / "sweep", *limited, "--cassette", PLAIN)

    assert result.exit_code == 0, result.output
    [path] = (tmp_path / "sweep").glob("*/report.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["run"]["reproduce"].endswith(
        "--sweep --sweep-limit 20 --seed 1 --virtual"
    )
    for number, finding in enumerate(report["sweep"]["findings"]):
        words = finding["reproduce"].replace("'", "\0").split("\0")
        arguments = [
            word
            for at, part in enumerate(words)
            for word in ([part] if at % 2 else part.split())
        ]
        assert run(tmp_path / str(number), *arguments[2:]).exit_code in {0, 1}
        [path] = (tmp_path / str(number)).glob("*/report.json")
        played = json.loads(path.read_text(encoding="utf-8"))["scenarios"]
        [found] = [one for one in played if one["faults"]]
        assert found["verdict"] == finding["verdict"]
        [answer] = found["candidate"]["answers"]
        kinds = [violation["kind"] for violation in answer["violations"]]
        assert kinds == finding["candidate"]


def test_scenarios_are_swept_with_their_faults(tmp_path, monkeypatch):
    """Cuts on top of a scenario's own faults; the line names the scenario."""
    monkeypatch.chdir(ROOT)
    limited = ("--sweep", "--sweep-limit", "5", "--jobs", "1")
    result = run(tmp_path, "stuttering/first-twice", *limited)

    assert result.exit_code == 0, result.output
    assert "harness compare stuttering/first-twice --fault 'close_at:" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sweep", "--live"], "--sweep plays in virtual time"),
        (["--sweep-limit", "3"], "--sweep-limit goes with --sweep"),
        (["--jobs", "3"], "--jobs goes with --sweep"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, arguments, message):
    """One message, exit code 2."""
    result = run(tmp_path, *arguments)

    assert result.exit_code == 2
    assert message in result.output

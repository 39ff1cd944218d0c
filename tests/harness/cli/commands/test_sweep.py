"""``harness sweep`` as a command."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.commands.compare import compare
from harness.cli.commands.sweep import sweep
from harness.errors import InputError

ROOT = Path(__file__).parents[4]
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


def run(tmp_path, *arguments, command=sweep):
    """Run the command in one process; errors come as they are raised."""
    words = [*map(str, arguments), "--output", str(tmp_path)]
    return CliRunner().invoke(command, words, catch_exceptions=False)


def report_of(tmp_path):
    """The only report there is."""
    [path] = tmp_path.glob("*/report.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_command_and_its_reproduce_lines(tmp_path, monkeypatch):
    """Every line that is printed plays what it says."""
    monkeypatch.chdir(ROOT)
    limited = ("--limit", "20", "--jobs", "1")
    result = run(tmp_path / "sweep", *limited, "--cassette", PLAIN)

    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "sweep")
    whole = f"harness sweep --cassette {PLAIN} --limit 20 --seed 1"
    assert report["run"]["reproduce"] == whole
    for number, finding in enumerate(report["sweep"]["findings"]):
        program, command, *words = shlex.split(finding["reproduce"])
        assert (program, command) == ("harness", "compare")
        again = run(tmp_path / str(number), *words, command=compare)
        assert again.exit_code in {0, 1}
        played = report_of(tmp_path / str(number))["scenarios"]
        [found] = [one for one in played if one["faults"]]
        assert found["verdict"] == finding["verdict"]
        [answer] = found["candidate"]["answers"]
        kinds = [violation["kind"] for violation in answer["violations"]]
        assert kinds == finding["candidate"]


def test_scenarios_are_swept_with_their_faults(tmp_path, monkeypatch):
    """Cuts on top of a scenario's own faults; the line names the scenario."""
    monkeypatch.chdir(ROOT)
    limited = ("--limit", "5", "--jobs", "1")
    result = run(tmp_path, "stuttering/first-twice", *limited)

    assert result.exit_code == 0, result.output
    assert "harness compare stuttering/first-twice --fault 'close_at:" in result.output
    line = "harness sweep stuttering/first-twice --limit 5 --seed 1"
    assert report_of(tmp_path)["run"]["reproduce"] == line


def test_a_quiet_sweep_prints_its_decision(tmp_path, monkeypatch):
    """One line, for scripts."""
    monkeypatch.chdir(ROOT)
    words = ("--limit", "2", "--jobs", "1", "--cassette", PLAIN, "--quiet")
    [line] = run(tmp_path, *words).output.splitlines()

    assert line.startswith("GO; ")
    assert line.endswith(" variants, and the candidate is not worse anywhere")


def test_a_target_without_a_relay_cannot_be_swept(tmp_path):
    """Nothing is played: virtual time drives relays."""
    url = ("--candidate", "http://127.0.0.1:9", "--candidate-upstream", "127.0.0.1:8")
    config = ("--config", ROOT / "harness.yaml")
    with pytest.raises(InputError, match="has no relay: a sweep plays in virtual time"):
        run(tmp_path, *config, *url)


def test_nothing_that_can_be_swept_is_an_error(tmp_path, monkeypatch):
    """With the reason why the first stream cannot be."""
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match="no stream can be swept: its client does not"):
        run(tmp_path, "disconnecting/client-half-closes", "--jobs", "1")


@pytest.mark.parametrize(
    "words",
    [
        ["--sweep"],
        ["--sweep", "disconnecting"],
        ["disconnecting", "--sweep", "--live"],
        ["--sweep-limit", "3"],
        ["--sweep-limit=3"],
        ["--jobs", "3"],
    ],
)
def test_compare_refuses_what_was_its_own_once(tmp_path, words):
    """One message that names the command, exit code 2."""
    result = run(tmp_path, *words, command=compare)

    assert result.exit_code == 2
    assert "belongs to a command of its own now: harness sweep" in result.output

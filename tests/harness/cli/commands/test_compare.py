"""``harness compare`` in virtual time, in one process; tests/e2e plays live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.commands.compare import _first, compare

ROOT = Path(__file__).parents[4]
PLAIN = ROOT / "cassettes" / "mlx" / "plain.yaml"


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    """Defaults are files of the current folder."""
    monkeypatch.chdir(ROOT)


def run(tmp_path, *words):
    """Run the command; errors come as they are raised."""
    arguments = [*map(str, words), "--output", str(tmp_path / "reports")]
    return CliRunner().invoke(compare, arguments, catch_exceptions=False)


def test_a_report_is_written_and_the_decision_is_the_exit_code(tmp_path):
    """The line that plays the run again has what is not the default."""
    words = ("--virtual", "--cassette", PLAIN, "--seed", "9", "--policy")
    result = run(tmp_path, *words, "half_close=serve")

    assert 0 == result.exit_code, result.output
    [path] = (tmp_path / "reports").glob("*/report.json")
    assert str(path) in result.output
    report = json.loads(path.read_text(encoding="utf-8"))
    assert (
        f"compare --cassette {PLAIN} --seed 9 --virtual --policy half_close=serve"
        in (report["run"]["reproduce"])
    )
    assert {} == report["volatile"]["targets"]


def test_a_list_plays_nothing(tmp_path):
    """Not even the folder of reports is made."""
    result = run(tmp_path, "malformed/json-cut", "--list", "--virtual")
    assert "malformed/json-cut  (virtual)\n" == result.output
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--live", "--virtual"], "--live and --virtual exclude each other"),
        (["--fault", "repeat_first"], "--fault goes with --cassette or named"),
        (["a", "--cassette", PLAIN], "Name scenarios or --cassette, not both"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, words, message):
    """One message, exit code 2."""
    result = run(tmp_path, *words)
    assert 2 == result.exit_code
    assert message in result.output


def test_the_first_error_of_several_is_told():
    """Groups of tasks wrap the errors of their tasks."""
    error = ValueError("first")
    inner = ExceptionGroup("inner", [error, OSError()])
    assert error is _first(ExceptionGroup("outer", [inner, KeyError()]))

from __future__ import annotations

import orjson
import pytest
from click.testing import CliRunner

from harness.cli.commands.report import report as command
from harness.errors import InputError
from harness.judge.oracle.oracle import Contract
from harness.judge.run import RunRecord, RunSettings, TargetFacts
from harness.judge.verdict import Decision
from harness.reporting.document.build import build_report
from harness.reporting.files import write_report
from harness.scenario.model import Mode


def make_report(run, decision=Decision.INVALID):
    """Return the report of a run that played nothing."""
    facts = {
        name: TargetFacts(
            name=name,
            kind="url",
            contract=Contract.TRANSPARENT,
            relay=None,
            proof=None,
        )
        for name in ("v1", "v2")
    }
    record = RunRecord(
        settings=RunSettings(
            seed=1, modes=(Mode.LIVE,), repeats=1, speed=1.0, suite="pr"
        ),
        baseline=facts["v1"],
        candidate=facts["v2"],
        records=(),
        decision=decision,
        reasons=(),
        lag=None,
    )
    return build_report(record, {"run": run})


@pytest.fixture(name="reports")
def _reports(tmp_path):
    for run, decision in (
        ("20261123-091500-seed1", Decision.NO_GO),
        ("20261123-091400-seed1", Decision.GO),
    ):
        write_report(make_report(run, decision), tmp_path / run)
    return tmp_path


def invoke(*arguments):
    """Run the command; errors of ours are raised."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def test_the_newest_run_is_rendered_by_default(reports):
    """A report of a NO-GO was written too, so the exit code is 0."""
    result = invoke("--reports", reports)
    assert result.exit_code == 0
    assert result.stdout.startswith("# NO-GO: v2 for the rollout from 0 % to 10 %\n")


def test_a_run_is_named_and_the_step_chosen(reports):
    """Name, and where the rollout stands, are the reader's."""
    result = invoke(
        "20261123-091400-seed1", "--reports", reports, "--current-percent", 25
    )
    assert result.stdout.startswith("# GO: v2 for the rollout from 25 % to 50 %\n")


def test_a_report_goes_to_a_file(reports, tmp_path):
    """With --output nothing is printed."""
    path = tmp_path / "rollout.md"
    result = invoke("--reports", reports, "--format", "markdown", "--output", path)
    assert result.output == ""
    assert path.read_text(encoding="utf-8").startswith("# NO-GO: ")


def test_the_matrix_of_classes_is_a_page_of_its_own(reports, tmp_path):
    """It says from which run it is, and how to make it anew."""
    path = tmp_path / "classes.md"
    result = invoke("--reports", reports, "--format", "classes", "--output", path)
    assert result.exit_code == 0
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Classes of failure\n")
    assert "rendered from a run: `harness compare --suite pr --seed 1 --live`" in text


def test_a_file_that_cannot_be_written_is_bad_input(reports, tmp_path):
    """The reason is told, with exit code 2."""
    with pytest.raises(InputError, match="cannot write") as caught:
        invoke("--reports", reports, "--output", tmp_path / "none" / "rollout.md")
    assert caught.value.exit_code == 2


def test_a_missing_run_is_bad_input(reports):
    """The nearest run is named."""
    with pytest.raises(InputError, match=r"did you mean '20261123-091500-seed1'"):
        invoke("20261123-091500-seed", "--reports", reports)


def test_a_newer_report_is_bad_input(tmp_path):
    """What this version cannot read is not half read."""
    (tmp_path / "report.json").write_bytes(orjson.dumps({"report_format": 2}))
    with pytest.raises(InputError, match="newer"):
        invoke(tmp_path)


@pytest.mark.parametrize(
    "arguments", [("--current-percent", "101"), ("--format", "pdf")]
)
def test_a_wrong_option_is_usage(arguments):
    """Click's own usage error has exit code 2 as well."""
    assert invoke(*arguments).exit_code == 2

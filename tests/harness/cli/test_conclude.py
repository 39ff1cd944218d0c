"""The end of a comparison."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from harness.cli import conclude as module
from harness.cli.conclude import OutputOptions, conclude
from harness.judge.verdict import Decision

RECORD = SimpleNamespace(decision=Decision.NO_GO, reasons=("one\x1b regression", "two"))


class Reporter:
    """Remembers what it was asked to print."""

    def __init__(self):
        self.printed = []

    def print_summary(self, report, path):
        self.printed.append((report, path))


@pytest.fixture(autouse=True)
def built(monkeypatch):
    """The report holds what it was built of."""

    def build(record, volatile, *, options, sweep):
        return {"volatile": volatile, "options": options, "sweep": sweep}

    monkeypatch.setattr(module, "build_report", build)


def end(tmp_path, *, quiet, **given):
    """Conclude a run; return the exit code and what the reporter printed."""
    reporter = Reporter()
    with pytest.raises(SystemExit) as ended:
        conclude(
            RECORD,
            {"run": "r1"},
            words=["--speed", "2"],
            reporter=reporter,
            where=OutputOptions(output=tmp_path, quiet=quiet),
            **given,
        )
    return ended.value.code, reporter.printed


def test_the_report_is_written_and_summed_up(tmp_path, capsys):
    """Into the run's folder; the exit code is that of the decision."""
    code, [(report, path)] = end(tmp_path, quiet=False, sweep={"variants": 1})

    assert 1 == code
    assert tmp_path / "r1" / "report.json" == path
    assert report == json.loads(path.read_text(encoding="utf-8"))
    assert (["--speed", "2"], {"variants": 1}) == (report["options"], report["sweep"])
    assert "" == capsys.readouterr().out


def test_a_quiet_run_prints_one_line(tmp_path, capsys):
    """Decision and reasons, without control characters."""
    assert (1, []) == end(tmp_path, quiet=True)
    assert "NO-GO; one\\u001b regression; two\n" == capsys.readouterr().out
    assert (tmp_path / "r1" / "report.json").exists()

from __future__ import annotations

import os
from datetime import UTC, datetime

import orjson
import pytest

from harness.errors import InputError
from harness.reporting.document.build import build_report
from harness.reporting.files import latest_run, read_report, run_name, write_report


@pytest.fixture(name="report")
def _report(virtual_run, volatile):
    return build_report(virtual_run, volatile)


def test_what_was_written_is_read(tmp_path, report):
    """A report survives the disk, by run name, folder and file."""
    path = write_report(report, tmp_path / "reports" / "one")
    assert path == tmp_path / "reports" / "one" / "report.json"
    assert read_report("one", tmp_path / "reports") == report
    assert read_report(path.parent, tmp_path) == report
    assert read_report(str(path), tmp_path / "none") == report


def test_writing_leaves_nothing_else_and_replaces(tmp_path, report):
    """No temporary file stays, and a second report takes the place of the first."""
    write_report(report, tmp_path)
    write_report({**report, "report_format": 9}, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]
    assert orjson.loads((tmp_path / "report.json").read_bytes())["report_format"] == 9


def test_a_failed_write_keeps_the_old_report(tmp_path, report, monkeypatch):
    """A report is replaced whole or not at all."""
    path = write_report(report, tmp_path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="cannot write: No space left on device"):
        write_report({**report, "report_format": 9}, tmp_path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.json"]


def test_a_missing_run_names_the_nearest(tmp_path, report):
    """A mistyped run is answered with the run that was meant."""
    write_report(report, tmp_path / "20261123-091500-seed7")
    with pytest.raises(InputError) as caught:
        read_report("20261123-091500-seed8", tmp_path)
    assert caught.value.nearest == "20261123-091500-seed7"


def test_a_newer_format_is_refused_as_such(tmp_path, report):
    """A newer report is not read as if it were a broken one."""
    newer = {"report_format": 2, "all": "new"}
    (tmp_path / "report.json").write_bytes(orjson.dumps(newer))
    with pytest.raises(InputError, match="report format 2 is newer than"):
        read_report(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "expected a mapping"),
        (b"{}", "is missing"),
        (b"\xff", "not JSON"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, data, message):
    """A broken file is reported as bad input."""
    (tmp_path / "report.json").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_report(tmp_path, tmp_path)


def test_an_unknown_key_is_refused_with_its_place(tmp_path, report):
    """The key that does not belong is named with its path."""
    write_report({**report, "run": {**report["run"], "sed": 1}}, tmp_path)
    with pytest.raises(InputError) as caught:
        read_report(tmp_path, tmp_path)
    assert caught.value.key == "run.sed"


def test_the_latest_run_is_the_one_that_started_last(tmp_path, report):
    """Names show the time; a run with another name counts as older."""
    for name in ("20261123-091500-seed7", "20261122-235959-seed9", "example"):
        write_report(report, tmp_path / name)
    (tmp_path / "20261124-000000-seed1").mkdir()
    assert latest_run(tmp_path) == "20261123-091500-seed7"


def test_of_runs_without_a_time_the_file_decides(tmp_path, report):
    """The youngest file is the latest run."""
    for at, name in ((20, "b"), (30, "a"), (10, "c")):
        path = write_report(report, tmp_path / name)
        os.utime(path, (at, at))
    assert latest_run(tmp_path) == "a"


def test_no_run_at_all_says_what_makes_one(tmp_path):
    """An empty or missing folder is reported with the command that fills it."""
    with pytest.raises(InputError, match="harness compare"):
        latest_run(tmp_path / "none")


def test_a_run_is_named_by_its_start_and_seed():
    """The name sorts by time and shows the seed."""
    started = datetime(2026, 11, 23, 9, 15, 0, tzinfo=UTC)
    assert run_name(started, 7) == "20261123-091500-seed7"

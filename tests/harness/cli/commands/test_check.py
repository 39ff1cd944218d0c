from __future__ import annotations

import pytest
from click.testing import CliRunner

from harness.cassette.files import write_cassette
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cli import cli


def check(*args: object):
    """Run ``harness check``."""
    return CliRunner().invoke(cli, ["check", *map(str, args)])


@pytest.fixture
def good(tmp_path):
    """A cassette that is right."""
    path = tmp_path / "good.yaml"
    source = SseSource(name="a.sse", by="test")
    write_cassette(path, import_sse(b"data: 1\n\ndata: [DONE]\n\n", source))
    return path


def test_right_files_are_ok(good):
    """A right cassette is told in one line, and the exit code is 0."""
    result = check(good.parent)
    expected = f"ok     {good}: cassette, 23 bytes in 2 segments\n1 checked, 0 wrong\n"
    assert (0, expected) == (result.exit_code, result.output)


def test_every_wrong_file_is_told(tmp_path, good):
    """All wrong files are told, not only the first, and the exit code is 2."""
    (tmp_path / "a.yaml").write_text("format: 2\n")
    (tmp_path / "b.yaml").write_text("x: [\n")
    (tmp_path / "c.yaml").write_text("names: []\n")
    (tmp_path / "d.yaml").write_bytes(b"\xff")
    result = check(tmp_path, tmp_path / "nowhere")
    lines = result.output.splitlines()
    assert result.exit_code == 2
    assert f"error  {tmp_path}/a.yaml:1: format: this version reads" in lines[0]
    assert f"error  {tmp_path}/b.yaml:2: not YAML" in lines[1]
    assert f"error  {tmp_path}/c.yaml: neither a cassette" in lines[2]
    assert f"error  {tmp_path}/d.yaml:1: expected UTF-8" in lines[3]
    assert f"ok     {good}" in lines[4]
    assert f"error  {tmp_path}/nowhere: no such file or folder" in lines[5]
    assert lines[6:] == ["6 checked, 5 wrong"]


def test_quiet_leaves_out_what_is_right(tmp_path, good):
    """With --quiet only errors and the sum are printed."""
    (tmp_path / "a.yaml").write_text("format: 2\n")
    lines = check("-q", tmp_path).output.splitlines()
    assert len(lines) == 2
    assert str(good) not in lines[0]


def test_a_file_is_checked_once(good):
    """A file that is named twice is one file."""
    assert "1 checked" in check(good, good.parent, good).output


def test_configurations_are_checked(tmp_path):
    """A document with targets is read as the configuration."""
    path = tmp_path / "harness.yaml"
    path.write_text("targets: {v1: {ulr: 'http://127.0.0.1:1'}}\n")
    result = check(path)
    assert result.exit_code == 2
    assert "did you mean 'url'?" in result.output


def test_scenarios_are_checked(tmp_path):
    """A document with a scenario is read as one, its faults and cassette too."""
    pytest.importorskip("harness.scenario.loader")
    path = tmp_path / "one.yaml"
    path.write_text("scenario: family/one\nwhy: x\ncassette: nope.yaml\n")
    result = check(path, "--cassettes", tmp_path)
    assert result.exit_code == 2
    assert "nope.yaml" in result.output


def test_a_path_is_needed():
    """Checking nothing is a usage error, not a success."""
    assert check().exit_code == 2

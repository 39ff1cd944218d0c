from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import read_cassette
from harness.cli.scrub import scrub
from harness.errors import InputError

PLAIN = Path(__file__).parents[3] / "cassettes" / "llama.cpp" / "plain.yaml"


def run(*arguments: str):
    """Run the command; errors come as they are raised."""
    return CliRunner().invoke(
        scrub, arguments, catch_exceptions=False, standalone_mode=False
    )


def test_scrubbed_copy_is_written_and_the_source_kept(tmp_path):
    """``--out`` leaves the recording alone."""
    before = PLAIN.read_bytes()
    run(str(PLAIN), "--out", str(tmp_path), "--seed", "1")

    assert before == PLAIN.read_bytes()
    copy = read_cassette(tmp_path / "plain.yaml")
    assert "scrubbed" in copy.tags
    assert b"sky" not in copy.interactions[0].response.body


def test_missing_cassette_is_told(tmp_path):
    """A wrong path names the nearest right one."""
    with pytest.raises(InputError, match=r"plian\.yaml"):
        run(str(PLAIN.with_name("plian.yaml")), "--out", str(tmp_path))

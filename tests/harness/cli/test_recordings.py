"""Recordings as a command is given them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.recordings import read_recording, read_recordings
from harness.errors import InputError

CASSETTE = (Path(__file__).parents[3] / "cassettes" / "mlx" / "plain.yaml").read_text()
BODY = b'data: {"choices": []}\n\n'


@pytest.fixture
def folder(tmp_path):
    """A cassette, a raw body in a folder below, and files that are neither."""
    (tmp_path / "b.yaml").write_text(CASSETTE)
    (tmp_path / "notes.txt").write_text("none")
    for name in ("a", ".hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "body.sse").write_bytes(BODY)
    return tmp_path


def test_a_folder_is_searched_for_both_kinds(folder):
    """Names are paths below the folder, without suffix; hidden files are left out."""
    found = read_recordings([folder])
    assert [
        ("a/body", str(folder / "a" / "body.sse")),
        ("b", str(folder / "b.yaml")),
    ] == [(name, file) for name, file, _ in found]


def test_a_file_is_named_by_itself(folder):
    """Roots are read in the order in which they were given."""
    roots = (folder / "b.yaml", folder / "a" / "body.sse")
    assert ["b", "body"] == [name for name, _, _ in read_recordings(roots)]


def test_a_raw_body_becomes_a_cassette(folder):
    """Its bytes are those of the file; times and borders are invented."""
    cassette = read_recording(folder / "a" / "body.sse")
    assert BODY == cassette.interactions[0].response.body
    assert ("times", "borders") == cassette.reconstructed
    assert cassette.recorded.by.startswith("harness import sse ")


def test_a_folder_of_raw_bodies_needs_no_cassette(folder):
    """Only a folder without any recording is an error."""
    assert ["body"] == [name for name, _, _ in read_recordings([folder / "a"])]
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \*\.yaml, \*\.yml or \*\.sse in this"):
        read_recordings([folder / "empty"])


def test_a_path_that_is_not_there_is_an_error(folder):
    """With its name."""
    with pytest.raises(InputError, match="nowhere"):
        read_recordings([folder / "nowhere.yaml"])

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.files import no_such_path, read_text, write_atomically


def test_a_file_is_written_into_a_folder_that_was_not_there(tmp_path):
    """And replaces what had its name; nothing is left beside it."""
    path = tmp_path / "deep" / "folder" / "one.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"\xff\r\n")
    assert b"\xff\r\n" == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize(("owner", "step"), [(os, "fsync"), (Path, "replace")])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, owner, step):
    """The old file stays whole until the last step, and nothing is left beside it."""
    path = tmp_path / "one.txt"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(InputError, match="cannot write: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path] == list(tmp_path.iterdir())


def test_text_must_be_utf8(tmp_path):
    """Bytes that are not UTF-8 are refused with their line."""
    path = tmp_path / "latin.txt"
    path.write_bytes(b"a: 1\nb: \xe4\n")
    with pytest.raises(InputError, match="expected UTF-8, got the byte 0xE4") as caught:
        read_text(path)
    assert caught.value.line == 2


def test_line_ends_stay(tmp_path):
    """Reading changes no line end."""
    path = tmp_path / "crlf.txt"
    path.write_bytes(b"a: 1\r\nb: 2\r")
    assert read_text(path) == "a: 1\r\nb: 2\r"


def test_a_missing_path_offers_its_nearest_neighbour(tmp_path):
    """A mistyped name is answered with the one that was meant, where there is one."""
    (tmp_path / "short-answer.yaml").touch()
    error = no_such_path(tmp_path / "short-anwser.yaml")
    assert error.nearest == str(tmp_path / "short-answer.yaml")
    assert no_such_path(tmp_path / "nowhere" / "at" / "all").nearest is None

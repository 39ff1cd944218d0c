from __future__ import annotations

from pathlib import Path

import pytest

from harness.cassette.files import find_cassettes, read_cassette, write_cassette
from harness.cassette.model import (
    Cassette,
    Ending,
    EndingKind,
    Interaction,
    Recorded,
    Request,
    Response,
    Segment,
)
from harness.errors import InputError


def make_cassette(data: bytes, at_ns: int = 0) -> Cassette:
    """Return a cassette with one segment."""
    return Cassette(
        recorded=Recorded(at=None, by="test", upstream=None),
        tags=("openai-chat",),
        interactions=(
            Interaction(
                request=Request(method="POST", path="/v1", headers=(), body=b""),
                response=Response(
                    status=200,
                    http_version="HTTP/1.1",
                    headers=(),
                    segments=(Segment(at_ns=at_ns, data=data),),
                    ending=Ending(at_ns=7, kind=EndingKind.RESET),
                ),
            ),
        ),
    )


def names_in(folder: Path) -> list[str]:
    """Return the names of a folder's entries."""
    return sorted(entry.name for entry in folder.iterdir())


def test_reads_what_it_wrote(tmp_path):
    """A cassette comes back equal from a file in a folder that was not there."""
    path = tmp_path / "deep" / "folder" / "one.yaml"
    expected = make_cassette(b"data: \xff\r\n\xe4\xbd")
    write_cassette(path, expected)
    assert expected == read_cassette(path)
    assert names_in(path.parent) == ["one.yaml"]


def test_writes_nothing_that_it_could_not_read(tmp_path):
    """A cassette that the format cannot hold makes no file."""
    with pytest.raises(ValueError, match="a time is between"):
        write_cassette(tmp_path / "one.yaml", make_cassette(b"", at_ns=-1))
    assert names_in(tmp_path) == []


def test_errors_name_the_file(tmp_path):
    """A file that is no cassette is refused with its path and line."""
    path = tmp_path / "broken.yaml"
    path.write_text("format: 1\nrecorded: [\n")
    with pytest.raises(InputError) as caught:
        read_cassette(path)
    assert (str(path), 3) == (caught.value.source, caught.value.line)


def test_a_missing_file_offers_its_nearest_neighbour(tmp_path):
    """A mistyped file name is answered with the file that was meant."""
    (tmp_path / "short-answer.yaml").touch()
    with pytest.raises(InputError, match="no such file") as caught:
        read_cassette(tmp_path / "short-anwser.yaml")
    assert caught.value.nearest == str(tmp_path / "short-answer.yaml")


def test_a_folder_is_no_cassette(tmp_path):
    """Reading a folder is refused in words."""
    with pytest.raises(InputError, match="cannot read: Is a directory"):
        read_cassette(tmp_path)


def test_finds_cassettes_sorted_and_once(tmp_path):
    """Folders are searched to the bottom; hidden and other files are passed over."""
    wanted = ["a.yml", "b/c.yaml", "b/d/e.yaml"]
    for name in [*wanted, "b/.hidden.yaml", ".git/x.yaml", "b/notes.txt"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    paths = [tmp_path / "b", tmp_path, tmp_path / "b" / "c.yaml"]
    assert [tmp_path / name for name in wanted] == find_cassettes(paths)


def test_a_named_file_is_taken_as_it_is(tmp_path):
    """A file that is named needs no suffix."""
    path = tmp_path / "cassette"
    path.touch()
    assert find_cassettes([path]) == [path]


def test_an_empty_folder_is_refused(tmp_path):
    """A folder without cassettes is an error, not an empty run."""
    with pytest.raises(InputError, match=r"no \*\.yaml or \*\.yml in this folder"):
        find_cassettes([tmp_path])


def test_a_missing_path_is_refused():
    """A path that is not there is an error, its folder missing or not."""
    with pytest.raises(InputError, match="no such file or folder"):
        find_cassettes([Path("nowhere/at/all")])

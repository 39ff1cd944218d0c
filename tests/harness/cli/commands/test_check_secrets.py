from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from harness.cassette.files import write_cassette
from harness.cassette.importers.sse import SseSource, import_sse
from harness.cli import cli

# Put together here, so that no scanner takes this file for a leak.
KEY = "sk-" + "proj-Ab3dEfGh1jKlMnOpQrStUvWx"


def check(*args: object):
    """Run ``harness check``."""
    return CliRunner().invoke(cli, ["check", *map(str, args)])


def write(path, *texts: str):
    """Write a cassette of one event, and segment, for each text."""
    chunks = (json.dumps({"choices": [{"delta": {"content": one}}]}) for one in texts)
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks)
    write_cassette(path, import_sse(body.encode(), SseSource(name="a", by="test")))
    return path


@pytest.fixture
def leak(tmp_path):
    """A cassette whose second and third segment hold a key between them."""
    return write(tmp_path / "leak.yaml", "It is ", KEY[:10], KEY[10:])


def test_a_secret_is_told_by_file_line_and_place(leak):
    """Each place is an error of its own with the line of the segment; exit code 2."""
    result = check(leak)
    lines = leak.read_text().splitlines()
    numbers = [
        lines.index(line) + 1 for line in lines if KEY[:10] in line or KEY[10:] in line
    ]
    expected = [
        f"error  {leak}:{number}: interactions[0].response.segments[{index}]: "
        f"not safe to keep: interaction 1, response, segment {index + 1}, "
        f"byte 42: API key"
        for number, index in zip(numbers, (1, 2), strict=True)
    ]
    assert [*expected, "1 checked, 1 wrong"] == result.output.splitlines()
    assert 2 == result.exit_code


def test_the_secret_itself_is_not_shown(leak):
    """Neither the whole nor a part of it is printed."""
    output = check(leak).output
    assert "error" in output
    assert KEY[3:10] not in output
    assert KEY[10:] not in output


def test_all_places_are_reported(tmp_path):
    """One line each, however many there are."""
    many = [f"{KEY}{number}" for number in range(25)]
    output = check(write(tmp_path / "many.yaml", *many)).output.splitlines()
    assert 26 == len(output)
    assert all("not safe to keep: interaction 1" in line for line in output[:-1])


def test_a_clean_cassette_is_right(tmp_path):
    """Without a secret nothing is said of secrets."""
    result = check(write(tmp_path / "a.yaml", "Hello", " world"))
    assert (0, True) == (result.exit_code, "1 checked, 0 wrong" in result.output)

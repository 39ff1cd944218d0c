"""What all commands of ``harness import`` do with files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cassette.files import read_cassette
from harness.cli import import_files
from harness.cli.import_files import (
    check_size,
    made_by,
    plan_cassettes,
    read_source,
    save,
)
from harness.errors import InputError

PLAIN = Path(__file__).parents[3] / "cassettes" / "mlx" / "plain.yaml"
OUT = Path("out")


@pytest.fixture
def folder(tmp_path):
    """Two bodies, one of them in a folder below, and another file."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.sse").write_bytes(b"a")
    (tmp_path / "in" / "deep" / "b.sse").write_bytes(b"b")
    (tmp_path / "in" / "c.txt").write_bytes(b"c")
    return tmp_path / "in"


def plan(*sources, out=OUT, force=False):
    """Return the plan for raw bodies."""
    return plan_cassettes(sources, out, ("*.sse",), force=force)


def test_folders_below_keep_their_names(folder):
    """A file that is named becomes a cassette whatever its suffix is."""
    assert {
        OUT / "a.yaml": folder / "a.sse",
        OUT / "deep" / "b.yaml": folder / "deep" / "b.sse",
    } == plan(folder)
    assert {OUT / "c.txt.yaml": folder / "c.txt"} == plan(folder / "c.txt")


def test_a_file_may_be_named_twice(folder):
    """It is one cassette; two files of one name are an error."""
    assert 1 == len(plan(folder / "a.sse", folder / "a.sse"))
    other = folder / "deep" / "a.sse"
    other.write_bytes(b"")
    with pytest.raises(InputError, match=r"would become out/a\.yaml"):
        plan(folder / "a.sse", other)


def test_a_folder_without_such_files_is_an_error(folder):
    """It names what was looked for."""
    with pytest.raises(InputError, match=r"expected \*\.yaml or \*\.yml"):
        plan_cassettes([folder], OUT, ("*.yaml", "*.yml"), force=False)


def test_a_cassette_that_is_there_is_kept(folder):
    """Unless its loss is wanted; a source is never overwritten."""
    (folder / "a.yaml").write_text("")
    (folder / "deep" / "b.yaml").write_text("")
    with pytest.raises(InputError, match=r"a\.yaml: is there already, and 1 more; --f"):
        plan(folder, out=folder)
    assert 2 == len(plan(folder, out=folder, force=True))
    with pytest.raises(InputError, match="its cassette would take its place"):
        plan_cassettes([folder / "a.yaml"], folder, ("*.yaml",), force=True)


def test_a_source_is_read_up_to_a_size(folder, monkeypatch):
    """The limit itself is allowed."""
    file = folder / "a.sse"
    file.write_bytes(b"123")
    monkeypatch.setattr(import_files, "SOURCE_MAX", 3)
    assert b"123" == read_source(file)
    with pytest.raises(InputError, match="expected at most 2 bytes, got 3"):
        check_size(file, 2)
    with pytest.raises(InputError, match="cannot read: No such file"):
        check_size(folder / "nothing", 2)
    monkeypatch.setattr(import_files, "SOURCE_MAX", 10**6)
    with pytest.raises(InputError, match="cannot read: Is a directory"):
        read_source(folder)


def test_cassettes_are_redacted_and_saved(tmp_path, capsys):
    """Their number is printed, with the rest of the message."""
    cassette = read_cassette(PLAIN)
    [interaction] = cassette.interactions
    headers = (("authorization", "Bearer sk-secret-secret-secret"),)
    request = replace(interaction.request, headers=headers)
    cassette = replace(
        cassette,
        recorded=replace(
            cassette.recorded, upstream="http://h/?api_key=hunter2hunter2"
        ),
        interactions=(replace(interaction, request=request),),
    )
    save({tmp_path / "a.yaml": cassette}, tmp_path, told="; left out: 1")

    text = (tmp_path / "a.yaml").read_text()
    assert "secret-secret" not in text
    assert "hunter2" not in text
    assert f"1 cassette written to {tmp_path}; left out: 1\n" == capsys.readouterr().out


def test_nothing_is_saved_where_one_cassette_holds_a_secret(tmp_path, monkeypatch):
    """What redaction missed is named, three places at most."""
    cassette = read_cassette(PLAIN)
    found = iter([[], ["one", "two", "three", "four", "five"]])
    monkeypatch.setattr("harness.privacy.scan.find_secrets", lambda _: next(found))
    cassettes = {tmp_path / "a.yaml": cassette, tmp_path / "b.yaml": cassette}
    with pytest.raises(InputError, match=r"b\.yaml: .*: one; two; three and 2 more$"):
        save(cassettes, tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_a_cassette_says_what_made_it(monkeypatch):
    """And which program wrote the source, where that is known."""
    monkeypatch.setattr(import_files, "program_version", lambda: "1.2")
    assert "harness import har 1.2" == made_by("har")
    assert "harness import har 1.2 of Firefox" == made_by("har", "Firefox")

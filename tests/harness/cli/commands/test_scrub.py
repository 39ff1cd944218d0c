from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import read_cassette, write_cassette
from harness.cli import cli
from harness.cli.commands.scrub import scrub
from harness.errors import InputError

CASSETTES = Path(__file__).parents[4] / "cassettes" / "llama.cpp"
PLAIN = CASSETTES / "plain.yaml"
STORY = CASSETTES / "story.yaml"


def run(*arguments: object):
    """Run the command; errors come as they are raised."""
    return CliRunner().invoke(
        scrub, list(map(str, arguments)), catch_exceptions=False, standalone_mode=False
    )


def test_scrubbed_copy_is_written_and_the_source_kept(tmp_path):
    """``--out`` leaves the recording alone."""
    before = PLAIN.read_bytes()
    result = run(PLAIN, "--out", tmp_path, "--seed", "1")

    assert before == PLAIN.read_bytes()
    copy = read_cassette(tmp_path / "plain.yaml")
    assert "scrubbed" in copy.tags
    assert b"sky" not in copy.interactions[0].response.body
    assert f"{PLAIN} -> {tmp_path}/plain.yaml\n1 scrubbed\n" == result.output


def test_folders_keep_their_names(tmp_path):
    """Of a folder, every cassette goes to a place of the same name."""
    write_cassette(tmp_path / "in" / "a" / "x.yaml", read_cassette(PLAIN))
    write_cassette(tmp_path / "in" / "b" / "x.yaml", read_cassette(STORY))
    run(tmp_path / "in", "--out", tmp_path / "out")
    found = sorted((tmp_path / "out").rglob("*.yaml"))
    assert [
        tmp_path / "out" / "a" / "x.yaml",
        tmp_path / "out" / "b" / "x.yaml",
    ] == found


def test_in_place(tmp_path):
    """``--in-place`` puts the scrubbed cassette where the recording was."""
    path = tmp_path / "x.yaml"
    write_cassette(path, read_cassette(PLAIN))
    result = run(path, "--in-place")
    assert "scrubbed" in read_cassette(path).tags
    assert f"{path}\n1 scrubbed\n" == result.output


def test_a_seed_invents_the_same_again_and_no_seed_never(tmp_path):
    """Without a seed nobody knows the key, so no two runs are alike."""
    written = []
    for number, seed in enumerate((["--seed", "1"], ["--seed", "1"], [], [])):
        run(PLAIN, "--out", tmp_path / str(number), *seed)
        written.append((tmp_path / str(number) / "plain.yaml").read_bytes())
    assert written[0] == written[1]
    assert 3 == len(set(written))


@pytest.mark.parametrize("options", [[], ["--in-place", "--out", "x"]])
def test_where_to_write_is_asked(options):
    """Nothing is overwritten because an option was forgotten."""
    result = CliRunner().invoke(cli, ["scrub", str(PLAIN), *options])
    assert 2 == result.exit_code
    assert "one of --out DIR and --in-place is needed" in result.output


def test_what_is_there_is_not_overwritten(tmp_path):
    """A file in the way stops the command before anything is written."""
    (tmp_path / "story.yaml").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        run(PLAIN, STORY, "--out", tmp_path)
    assert ["story.yaml"] == [path.name for path in tmp_path.iterdir()]
    assert "mine" == (tmp_path / "story.yaml").read_text()


def test_two_cassettes_for_one_place(tmp_path):
    """Two files of one name would overwrite each other: that is refused."""
    other = tmp_path / "plain.yaml"
    write_cassette(other, read_cassette(PLAIN))
    with pytest.raises(InputError, match=r"would go to .*, and so would"):
        run(PLAIN, other, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert "1 scrubbed" in run(PLAIN, PLAIN, "--out", tmp_path / "out").output


def test_what_cannot_be_scrubbed_is_told_and_not_written(tmp_path):
    """A coded body is refused with its file and interaction."""
    cassette = read_cassette(PLAIN)
    [one] = cassette.interactions
    headers = (*one.response.headers, ("content-encoding", "br"))
    coded = replace(one, response=replace(one.response, headers=headers))
    path = tmp_path / "x.yaml"
    write_cassette(path, replace(cassette, interactions=(coded,)))
    with pytest.raises(
        InputError, match=r"x\.yaml: interactions\[0\]: a body with coding br"
    ):
        run(path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_secret_that_is_left_is_not_written(tmp_path):
    """What redaction cannot reach, such as the upstream's URL, stops the scrubbing."""
    cassette = read_cassette(PLAIN)
    recorded = replace(cassette.recorded, upstream="https://me:pw@llm.example")
    path = tmp_path / "x.yaml"
    write_cassette(path, replace(cassette, recorded=recorded))
    with pytest.raises(InputError, match="not safe to keep: recorded upstream"):
        run(path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_cassette_is_told(tmp_path):
    """A wrong path names the nearest right one."""
    with pytest.raises(InputError, match=r"plian\.yaml"):
        run(PLAIN.with_name("plian.yaml"), "--out", tmp_path)

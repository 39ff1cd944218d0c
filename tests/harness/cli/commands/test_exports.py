from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import read_cassette, write_cassette
from harness.cli import cli

ROOT = Path(__file__).resolve().parents[4]
GATEWAY = ROOT / "tests" / "data" / "imports" / "gateway.ndjson"


def run(*args: object):
    """Run ``harness``."""
    return CliRunner().invoke(cli, [*map(str, args)])


@pytest.fixture
def folder(tmp_path):
    """Make a folder with a cassette of six answers, and one below it of the same."""
    out = tmp_path / "cassettes"
    assert run("import", "ndjson", GATEWAY, "--out", out, "--all").exit_code == 0
    (out / "deep").mkdir()
    (out / "deep" / "b.yml").write_bytes((out / "gateway.yaml").read_bytes())
    return out


def test_bodies_are_written_as_they_were_sent(folder, tmp_path):
    """One file a response; its suffix says what it is."""
    result = run("export", "sse", folder, "--out", tmp_path / "out")
    assert f"12 bodies written to {tmp_path}/out\n" == result.output
    names = [
        "gateway.sse",
        "gateway-2.sse.gz",
        "gateway-3.body",
        "gateway-4.sse",
        "gateway-5.sse",
        "gateway-6.sse",
    ]
    interactions = read_cassette(folder / "gateway.yaml").interactions
    for name, interaction in zip(names, interactions, strict=True):
        assert interaction.response.body == (tmp_path / "out" / name).read_bytes()
    coded = (tmp_path / "out" / "gateway-2.sse.gz").read_bytes()
    assert gzip.decompress(coded).endswith(b"data: [DONE]\n\n")
    assert (tmp_path / "out" / "deep" / "b-2.sse.gz").read_bytes() == coded


def test_what_sse_wrote_sse_reads(tmp_path):
    """The body is the same after import, export and import."""
    source = ROOT / "cassettes" / "mlx"
    assert run("export", "sse", source, "--out", tmp_path / "a").exit_code == 0
    assert run("import", "sse", tmp_path / "a", "--out", tmp_path / "b").exit_code == 0
    assert run("export", "sse", tmp_path / "b", "--out", tmp_path / "c").exit_code == 0
    streams = sorted(path.name for path in (tmp_path / "a").glob("*.sse"))
    assert len(streams) > 5
    for name in streams:
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "c" / name).read_bytes()


def test_one_har_for_all(folder, tmp_path):
    """A name that ends in .har is a file."""
    result = run("export", "har", folder, "--out", tmp_path / "all.har")
    assert f"1 HAR written to {tmp_path}/all.har\n" == result.output
    assert 12 == len(json.loads((tmp_path / "all.har").read_bytes())["log"]["entries"])


def test_a_har_for_each_comes_back(folder, tmp_path):
    """Any other name is a folder; all but the recorder is as it was."""
    assert run("export", "har", folder, "--out", tmp_path / "hars").exit_code == 0
    back = tmp_path / "back"
    args = ["--out", back, "--all"]
    assert run("import", "har", tmp_path / "hars", *args).exit_code == 0
    for name in ["gateway.yaml", "deep/b.yaml"]:
        held, came = read_cassette(folder / "gateway.yaml"), read_cassette(back / name)
        assert held.interactions == came.interactions
        assert held.tags == came.tags
        assert held.reconstructed == came.reconstructed == ()
        assert came.recorded.by.endswith(f" of {held.recorded.by}")


@pytest.mark.parametrize("kind", ["sse", "har"])
def test_refuses_to_overwrite(folder, tmp_path, kind):
    """What is there stays, and nothing else is written, until --force is given."""
    out = tmp_path / "out"
    name = "gateway.sse" if kind == "sse" else "gateway.har"
    out.mkdir()
    (out / name).write_text("mine")
    result = run("export", kind, folder, "--out", out)
    assert f"{name}: is there already; --force overwrites" in str(result.exception)
    assert [out / name] == list(out.iterdir())
    assert run("export", kind, folder, "--out", out, "--force").exit_code == 0
    assert "mine" != (out / name).read_text()


def test_two_cassettes_never_become_one_file(folder, tmp_path):
    """Cassettes of the same name from two places are refused."""
    other = tmp_path / "other" / "gateway.yaml"
    write_cassette(other, read_cassette(folder / "gateway.yaml"))
    paths = [folder / "gateway.yaml", other]
    result = run("export", "sse", *paths, "--out", tmp_path / "out")
    assert "two cassettes would become this file" in str(result.exception)


def test_a_folder_that_cannot_be_written_is_told(folder, tmp_path):
    """With the system's words, and no traceback."""
    (tmp_path / "file").write_text("")
    result = run("export", "sse", folder, "--out", tmp_path / "file" / "out")
    assert "cannot write: Not a directory" in str(result.exception)

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import find_cassettes, read_cassette
from harness.cli import cli

DONE = b"data: [DONE]\n\n"
ROOT = Path(__file__).resolve().parents[4]
CORPUS = Path(os.environ.get("STREAM_CORPUS", ROOT.parent / "shared" / "corpus"))


def run(*args: object):
    """Run ``harness import sse``."""
    return CliRunner().invoke(cli, ["import", "sse", *map(str, args)])


def test_imports_a_file(tmp_path):
    """A named file becomes a cassette of the same name."""
    source = tmp_path / "gpt-4.1.sse"
    source.write_bytes(DONE)
    result = run(source, "--out", tmp_path / "out")
    assert (0, f"1 cassette written to {tmp_path}/out\n") == (
        result.exit_code,
        result.output,
    )
    cassette = read_cassette(tmp_path / "out" / "gpt-4.1.yaml")
    assert cassette.interactions[0].response.body == DONE


def test_keeps_the_folders_of_a_folder(tmp_path):
    """A folder is searched to the bottom, and its cassettes keep their places."""
    for name in ["a.sse", "deep/b.sse", "deep/notes.txt"]:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DONE)
    assert run(tmp_path / "in", "--out", tmp_path / "out").exit_code == 0
    expected = [tmp_path / "out" / "a.yaml", tmp_path / "out" / "deep" / "b.yaml"]
    assert expected == find_cassettes([tmp_path / "out"])


def test_options_shape_the_cassette(tmp_path):
    """Pacing, split and request arrive in the cassette."""
    source, request = tmp_path / "a.sse", tmp_path / "request.json"
    source.write_bytes(b": 1\n\n: 2\n\n")
    request.write_text('{"model": "x"}')
    result = run(
        source, "--out", tmp_path, "--pacing", "1.5", "--split", 4, "--request", request
    )
    assert result.exit_code == 0, result.output
    interaction = read_cassette(tmp_path / "a.yaml").interactions[0]
    segments = interaction.response.segments
    assert interaction.request.body == b'{"model": "x"}'
    assert [(len(one.data), one.at_ns) for one in segments] == [
        (4, 100_000_000),
        (4, 101_500_000),
        (2, 101_500_000),
    ]


def test_the_manifest_tells_what_the_body_does_not(tmp_path):
    """Status, content type, provider and borders come from the manifest."""
    (tmp_path / "a.sse").write_bytes(DONE)
    (tmp_path / "b.sse").write_bytes(DONE)
    entry = {
        "file": "a.sse",
        "provider": "acme",
        "status": 201,
        "content_type": "text/event-stream; charset=utf-8",
        "chunk_lengths": [6, 8],
    }
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(json.dumps(entry) + "\n\n")
    result = run(tmp_path, "--manifest", manifest, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    cassette = read_cassette(tmp_path / "out" / "a.yaml")
    response = cassette.interactions[0].response
    assert (response.status, cassette.recorded.upstream) == (201, "acme")
    assert response.header("content-type") == entry["content_type"]
    assert [len(segment.data) for segment in response.segments] == [6, 8]
    assert cassette.reconstructed == ("times",)
    other = read_cassette(tmp_path / "out" / "b.yaml")
    assert other.reconstructed == ("times", "borders")


def test_split_wins_over_the_manifest(tmp_path):
    """A split that is asked for is done, whatever the manifest says."""
    (tmp_path / "a.sse").write_bytes(DONE)
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text('{"file": "a.sse", "chunk_lengths": [6, 8]}')
    args = ["--manifest", manifest, "--split", "whole", "--out", tmp_path]
    assert run(tmp_path / "a.sse", *args).exit_code == 0
    segments = read_cassette(tmp_path / "a.yaml").interactions[0].response.segments
    assert len(segments) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "manifest.jsonl:1: expected JSON"),
        ("[]", "manifest.jsonl:1: expected a mapping"),
        ('{"path": "a"}', "manifest.jsonl:1: the key 'file' is missing"),
        (
            '{"file": "a", "chunk_lengths": [1, -2]}',
            "manifest.jsonl:1: chunk_lengths[1]: expected at least 0, got -2",
        ),
    ],
)
def test_a_wrong_manifest_is_refused(tmp_path, line, message):
    """A manifest line that is not understood is told with its number."""
    (tmp_path / "a.sse").write_bytes(DONE)
    (tmp_path / "manifest.jsonl").write_text(line)
    args = ["--manifest", tmp_path / "manifest.jsonl", "--out", tmp_path / "out"]
    result = run(tmp_path / "a.sse", *args)
    assert message in str(result.exception)


def test_refuses_to_overwrite(tmp_path):
    """What is there stays, and nothing else is written, until --force is given."""
    (tmp_path / "a.sse").write_bytes(DONE)
    (tmp_path / "b.sse").write_bytes(DONE)
    (tmp_path / "b.yaml").write_text("mine")
    result = run(tmp_path, "--out", tmp_path)
    assert "b.yaml: is there already; --force overwrites" in str(result.exception)
    assert not (tmp_path / "a.yaml").exists()
    assert run(tmp_path, "--out", tmp_path, "--force").exit_code == 0
    assert read_cassette(tmp_path / "b.yaml").tags == ("openai-chat",)


def test_two_streams_never_become_one_cassette(tmp_path):
    """Files of the same name from two places are refused."""
    for folder in ["x", "y"]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.sse").write_bytes(DONE)
    sources = [tmp_path / "x" / "a.sse", tmp_path / "y" / "a.sse"]
    result = run(*sources, "--out", tmp_path / "out")
    assert "would become" in str(result.exception)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.sse", "cannot read"),
        ("empty", "nothing in this folder: expected *.sse"),
    ],
)
def test_missing_streams_are_refused(tmp_path, name, message):
    """A file that is not there and a folder without streams are errors."""
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / name, "--out", tmp_path / "out")
    assert message in str(result.exception)
    assert result.exception.exit_code == 2


@pytest.mark.parametrize("split", ["0", "-1", "events", "1.5"])
def test_a_split_that_means_nothing_is_a_usage_error(tmp_path, split):
    """Only event, whole and positive numbers are splits."""
    result = run(tmp_path, "--out", tmp_path, "--split", split)
    assert result.exit_code == 2
    assert "expected event, whole or a number of bytes" in result.output


@pytest.mark.corpus
def test_every_recorded_stream_survives(tmp_path):
    """The recorded streams of others come back from their cassettes byte-exact.

    Two of them hold a password in a tool's arguments; of those the length stays.
    """
    streams = sorted((CORPUS / "openai-chat").glob("*.sse"))
    if not streams:
        pytest.skip(f"no recorded streams in {CORPUS}; set STREAM_CORPUS")
    result = run(
        CORPUS / "openai-chat",
        "--manifest",
        CORPUS / "manifest.jsonl",
        "--out",
        tmp_path,
    )
    assert result.exit_code == 0, result.output
    cassettes = find_cassettes([tmp_path])
    assert len(streams) == len(cassettes)
    for stream in streams:
        body = stream.read_bytes()
        found = read_cassette(tmp_path / f"{stream.stem}.yaml").interactions[0]
        if stream.stem in {
            "Mirascope+mirascope-0268b2688c",
            "Mirascope+mirascope-fe0176f5eb",
        }:
            assert b"mellon" not in found.response.body
            assert len(body) == len(found.response.body)
        else:
            assert body == found.response.body, stream

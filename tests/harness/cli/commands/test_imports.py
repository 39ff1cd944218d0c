from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cassette.files import find_cassettes, read_cassette
from harness.cli import cli

DATA = Path(__file__).resolve().parents[3] / "data" / "imports"
GATEWAY = DATA / "gateway.ndjson"
HEAD = {
    "request": {"method": "POST", "path": "/v1"},
    "response": {"status": 200, "headers": [["content-type", "text/event-stream"]]},
}


def run(*args: object):
    """Run ``harness import``."""
    return CliRunner().invoke(cli, ["import", *map(str, args)])


@pytest.mark.parametrize(
    ("kind", "source", "count", "left_out"),
    [
        ("ndjson", GATEWAY, 5, "1 answers that are no event streams"),
        ("vcr", DATA / "vcr-httpx.yaml", 3, "1 answers that are no event streams"),
        ("vcr", DATA / "vcr-requests.json", 1, ""),
        (
            "har",
            DATA / "mitmproxy-11.har",
            3,
            "1 answers that are no event streams (--all takes them), 1 event streams",
        ),
    ],
)
def test_event_streams_are_taken(tmp_path, kind, source, count, left_out):
    """What else the file holds is counted; the cassette says what was invented."""
    result = run(kind, source, "--out", tmp_path, "--tag", "x")
    assert result.exit_code == 0, result.output
    assert left_out in result.output
    [path] = find_cassettes([tmp_path])
    assert f"{source.stem}.yaml" == path.name
    cassette = read_cassette(path)
    assert count == len(cassette.interactions)
    assert "x" in cassette.tags
    invented = () if kind == "ndjson" else ("times", "borders")
    assert invented == cassette.reconstructed
    assert cassette.recorded.by.startswith(f"harness import {kind} ")


def test_all_takes_the_rest(tmp_path):
    """A 429 in JSON is a recording too."""
    assert run("ndjson", GATEWAY, "--out", tmp_path, "--all").exit_code == 0
    cassette = read_cassette(tmp_path / "gateway.yaml")
    assert [200, 200, 429, 200, 200, 200] == [
        one.response.status for one in cassette.interactions
    ]


def test_credentials_do_not_reach_the_disk(tmp_path):
    """Those of the sample stand in its headers."""
    secret = b"sk-test-0123456789"
    assert secret in GATEWAY.read_bytes()
    assert run("ndjson", GATEWAY, "--out", tmp_path).exit_code == 0
    assert secret not in (tmp_path / "gateway.yaml").read_bytes()
    notes = [one.notes for one in read_cassette(tmp_path / "gateway.yaml").interactions]
    assert [(), (), (), (), ()] == notes


def test_redaction_keeps_the_notes(tmp_path):
    """A note of the gateway stays beside a header that is redacted."""
    head = json.loads(json.dumps(HEAD)) | {"notes": ["said"]}
    head["request"]["headers"] = [["authorization", "Bearer abcdefghijklmnop"]]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(head) + "\n")
    assert run("ndjson", tmp_path, "--out", tmp_path / "out").exit_code == 0
    [interaction] = read_cassette(tmp_path / "out" / "a.yaml").interactions
    assert ("said",) == interaction.notes
    assert (("authorization", "Bearer REDACTED"),) == interaction.request.headers


def test_a_secret_in_a_coded_body_is_refused(tmp_path):
    """It cannot be taken out of it; nothing is written, and it is not shown."""
    body = gzip.compress(b'data: {"api_key": "abcdefghijklmnop1234"}\n\n')
    head = json.loads(json.dumps(HEAD))
    head["response"]["headers"].append(["content-encoding", "gzip"])
    lines = [head, {"at_ms": 1, "base64": base64.b64encode(body).decode()}]
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run("ndjson", path, "--out", tmp_path / "out")
    assert "not saved, it would hold a secret: interaction 1, response" in str(
        result.exception
    )
    assert "abcdefghijklmnop" not in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ndjson", "a.ndjson"), ("vcr", "a.yml"), ("vcr", "a.json"), ("har", "a.har")],
)
def test_folders_are_searched(tmp_path, kind, name):
    """Each format has its suffixes; names of folders are kept."""
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    samples = {"ndjson": GATEWAY, "har": DATA / "mitmproxy-11.har"}
    sample = samples.get(kind, DATA / f"vcr-requests{Path(name).suffix}")
    if name == "a.yml":
        sample = DATA / "vcr-httpx.yaml"
    (folder / name).write_bytes(sample.read_bytes())
    (folder / "notes.txt").write_text("no recording")
    result = run(kind, tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert [tmp_path / "out" / "deep" / "a.yaml"] == find_cassettes([tmp_path / "out"])


def test_a_cassette_never_takes_the_place_of_its_source(tmp_path):
    """Both formats are called .yaml."""
    path = tmp_path / "a.yaml"
    path.write_bytes((DATA / "vcr-httpx.yaml").read_bytes())
    before = path.read_bytes()
    result = run("vcr", path, "--out", tmp_path, "--force")
    assert "would take its place" in str(result.exception)
    assert before == path.read_bytes()


def test_options_shape_what_is_invented(tmp_path):
    """Pacing and split."""
    args = [DATA / "vcr-requests.json", "--out", tmp_path]
    assert run("vcr", *args, "--pacing", "2.5").exit_code == 0
    path = tmp_path / "vcr-requests.yaml"
    [interaction] = read_cassette(path).interactions
    expected = [100_000_000 + n * 2_500_000 for n in range(5)]
    assert expected == [one.at_ns for one in interaction.response.segments]
    assert run("vcr", *args, "--force", "--split", "whole").exit_code == 0
    [interaction] = read_cassette(path).interactions
    assert 1 == len(interaction.response.segments)


def test_nothing_to_import_is_an_error(tmp_path):
    """With the reasons."""
    head = json.loads(json.dumps(HEAD))
    head["response"]["headers"] = []
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(head) + "\n")
    result = run("ndjson", path, "--out", tmp_path)
    assert (
        f"{path}: nothing to import; left out: 1 answers that are no event streams "
        "(--all takes them)"
    ) == str(result.exception)
    assert result.exception.exit_code == 2


def test_files_without_streams_do_not_stop_the_others(tmp_path):
    """Of a folder, those become cassettes that hold a stream."""
    head = json.loads(json.dumps(HEAD))
    (tmp_path / "b.ndjson").write_text(json.dumps(head) + "\n")
    head["response"]["headers"] = []
    (tmp_path / "a.ndjson").write_text(json.dumps(head) + "\n")
    result = run("ndjson", tmp_path, "--out", tmp_path)
    assert result.output.startswith("1 cassette written")
    assert [tmp_path / "b.yaml"] == find_cassettes([tmp_path])


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    """Before it is read."""
    monkeypatch.setattr("harness.cli.import_files.SOURCE_MAX", 10)
    result = run("har", DATA / "mitmproxy-11.har", "--out", tmp_path)
    assert "expected at most 10 bytes, got" in str(result.exception)


def test_times_beyond_the_format_are_an_error(tmp_path):
    """Whatever an option or a source says, there is no traceback."""
    entry = json.loads((DATA / "mitmproxy-11.har").read_text())
    for one in entry["log"]["entries"]:
        one["timings"].update({"wait": 1e9, "receive": 1e9})
    path = tmp_path / "a.har"
    path.write_text(json.dumps(entry))
    result = run("har", path, "--out", tmp_path)
    assert "a time is between" in str(result.exception)
    assert result.exception.exit_code == 2


def test_without_mitmproxy_its_files_are_refused(tmp_path, monkeypatch):
    """With what to install."""
    monkeypatch.setitem(sys.modules, "mitmproxy.exceptions", None)
    monkeypatch.delitem(sys.modules, "harness.record.flows", raising=False)
    result = run("mitm", DATA / "mitmproxy-11.mitm", "--out", tmp_path)
    assert "pip install 'stream-rollout-harness[record]'" in str(result.exception)


def test_flow_files_become_cassettes(tmp_path):
    """Where mitmproxy is installed."""
    pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")
    result = run("mitm", DATA / "mitmproxy-11.mitm", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    cassette = read_cassette(tmp_path / "mitmproxy-11.yaml")
    assert 3 == len(cassette.interactions)
    assert cassette.recorded.by.endswith(" of mitmproxy")

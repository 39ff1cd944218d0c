from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

from mitmproxy import flow as flows
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import tflow

from harness.cassette.exporters.har import export_har
from harness.cassette.importers.imported import assemble_cassette
from harness.cassette.importers.ndjson import import_ndjson
from harness.cassette.importers.reconstruction import ReconstructionOptions
from harness.cassette.model import EndingKind
from harness.errors import InputError
from harness.record.flows import import_flows

DATA = Path(__file__).resolve().parents[2] / "data" / "imports"
MS = 1_000_000


@pytest.mark.parametrize("name", ["mitmproxy-11.mitm", "mitmproxy-12.mitm"])
def test_flow_files_keep_every_byte(name):
    """The answers of the sample gateway, streamed or not, are as they were sent."""
    if name == "mitmproxy-12.mitm":
        newest = import_flows_or_skip(name)
    else:
        newest = import_flows(DATA / name, how=ReconstructionOptions())
    sent = import_ndjson(DATA.joinpath("gateway.ndjson").read_bytes(), source="")
    assert 4 == len(newest.interactions)
    broken = "answers that broke off, whose body mitmproxy does not keep"
    assert {broken: 1} == newest.left_out
    for one, found in zip(sent.interactions, newest.interactions, strict=False):
        expected, got = one.interaction.response, found.interaction.response
        assert (expected.status, expected.body) == (got.status, got.body)
        assert expected.framing == got.framing
        assert expected.header("x-request-id") == got.header("x-request-id")
        assert EndingKind.COMPLETE == got.ending.kind
        assert 0 <= got.ending.at_ns - expected.ending.at_ns < 20 * MS
        assert "Grüß mich".encode() in found.interaction.request.body
        assert found.upstream.startswith("http://127.0.0.1:")
        assert found.at.startswith("2026-11-23T")


def import_flows_or_skip(name):
    """Read a file of mitmproxy 12, if this one's format is not older."""
    try:
        return import_flows(DATA / name, how=ReconstructionOptions())
    except InputError as error:
        pytest.skip(f"this mitmproxy is older: {error}")


def write(path: Path, *written) -> Path:
    """Write a flow file."""
    with path.open("wb") as file:
        for one in written:
            FlowWriter(file).add(one)
    return path


def stream(body: bytes | None = b"data: a\n\ndata: b\n\n", **changes):
    """Make a flow whose answer is an event stream."""
    made = tflow.tflow(resp=True)
    made.request.timestamp_start, made.request.timestamp_end = 1000.0, 1000.5
    made.response.timestamp_start, made.response.timestamp_end = 1001.5, 1002.5
    made.response.headers["content-type"] = "text/event-stream"
    made.response.headers.pop("content-length", None)
    made.response.raw_content = body
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_times_count_from_the_end_of_the_request(tmp_path):
    """First and last are those of the flow; in between they are invented."""
    path = write(tmp_path / "a", stream())
    [found] = import_flows(path, how=ReconstructionOptions()).interactions
    response = found.interaction.response
    assert [1000 * MS, 2000 * MS] == [one.at_ns for one in response.segments]
    assert 2000 * MS == response.ending.at_ns
    assert ("times", "borders") == found.reconstructed
    assert "1970-01-01T00:16:40Z" == found.at


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Client disconnected.", EndingKind.CLIENT_CLOSED),
        ("peer closed connection", EndingKind.TRUNCATED),
    ],
)
def test_an_error_tells_the_ending(tmp_path, said, kind):
    """Where mitmproxy kept the body, the ending is not that of a whole stream."""
    path = write(tmp_path / "a", stream(error=flows.Error(said)))
    [found] = import_flows(path, how=ReconstructionOptions()).interactions
    assert kind == found.interaction.response.ending.kind
    assert said in found.interaction.notes[0]


def test_what_cannot_be_taken_is_counted(tmp_path):
    """No answer, no body, no HTTP."""
    path = write(
        tmp_path / "a",
        stream(),
        stream(None),
        stream(None, error=flows.Error("x")),
        tflow.tflow(),
        tflow.ttcpflow(),
        tflow.twebsocketflow(),
    )
    imported = import_flows(path, how=ReconstructionOptions())
    assert 1 == len(imported.interactions)
    assert [1, 1, 1, 2] == sorted(imported.left_out.values())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"log": {"entries": []}}', "got JSON: `harness import har` reads HAR"),
        (b"\xef\xbb\xbf{", "got JSON"),
        (b"data: a\n\n", "flow 1 cannot be read"),
        (b"999999999999:x", "flow 1 cannot be read"),
        (b"9:1:a,1:b,}" * 2, "flow 1 cannot be read"),
        (b"4:1:a,]", "flow 1 cannot be read"),
    ],
)
def test_what_is_no_flow_file_is_refused(tmp_path, data, message):
    """Any other file is refused with a message."""
    path = tmp_path / "a.mitm"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        import_flows(path, how=ReconstructionOptions())


def test_nesting_without_end_is_refused(tmp_path):
    """The format recurses."""
    data = b""
    for _ in range(5000):
        data = b"%d:%b]" % (len(data), data)
    path = tmp_path / "a.mitm"
    path.write_bytes(data)
    with pytest.raises(InputError, match="flow 1 cannot be read: RecursionError"):
        import_flows(path, how=ReconstructionOptions())


def test_a_file_that_is_cut_names_the_flow(tmp_path):
    """Mitmproxy was killed while it wrote."""
    path = write(tmp_path / "a", stream(), stream())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="flow 2 cannot be read"):
        import_flows(path, how=ReconstructionOptions())


def test_the_bodies_have_a_limit(tmp_path, monkeypatch):
    """The file may be larger than the memory."""
    monkeypatch.setattr("harness.record.flows.KEPT_MAX", 30)
    path = write(tmp_path / "a", stream(), stream())
    with pytest.raises(InputError, match="at most 30 bytes"):
        import_flows(path, how=ReconstructionOptions())


def test_a_missing_file_is_told(tmp_path):
    """With the system's words."""
    with pytest.raises(InputError, match="cannot read: No such file"):
        import_flows(tmp_path / "a", how=ReconstructionOptions())


def test_mitmproxy_reads_our_har():
    """The export is a HAR for others too: it decodes to what was sent."""
    sent = import_ndjson(DATA.joinpath("gateway.ndjson").read_bytes(), source="")
    held = assemble_cassette(sent.interactions[:5], by="x")
    data = json.dumps(export_har([held], version="1")).encode()
    read = list(FlowReader(io.BytesIO(data)).stream())
    assert 5 == len(read)
    plain = held.interactions[0].response.body
    assert [plain, plain] == [one.response.content for one in read[:2]]
    for one, interaction in zip(read, held.interactions, strict=True):
        assert interaction.response.status == one.response.status_code
        assert interaction.request.body == one.request.content
        assert interaction.request.path == one.request.path

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette.importers.imported import assemble_cassette
from harness.cassette.importers.ndjson import import_ndjson
from harness.cassette.model import Ending, EndingKind, Interaction, Segment
from harness.errors import InputError

DATA = Path(__file__).resolve().parents[3] / "data" / "imports"
MS = 1_000_000
HEAD = {
    "request": {"method": "POST", "path": "/v1/chat/completions"},
    "response": {"status": 200, "headers": [["content-type", "text/event-stream"]]},
}


def log(*lines) -> bytes:
    """Write lines as a log; text is taken as it is."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return "".join(f"{text}\n" for text in texts).encode()


def interactions(*lines) -> list[Interaction]:
    """Return what a log of these lines holds."""
    imported = import_ndjson(log(*lines), source="a.ndjson")
    return [found.interaction for found in imported.interactions]


def test_a_line_becomes_a_segment():
    """Bytes, times and ending are those of the log; nothing is invented."""
    imported = import_ndjson(
        log(
            HEAD,
            {"at_ms": 1.5, "text": "data: 世"},
            {"at_ms": 1.500001, "base64": "/w=="},
            {"ending": {"at_ms": 9, "kind": "reset"}},
        ),
        source="a.ndjson",
    )
    [found] = imported.interactions
    response = found.interaction.response
    assert (
        Segment(at_ns=1_500_000, data="data: 世".encode()),
        Segment(at_ns=1_500_001, data=b"\xff"),
    ) == response.segments
    assert Ending(at_ns=9 * MS, kind=EndingKind.RESET) == response.ending
    assert ("HTTP/1.1", b"") == (
        response.http_version,
        found.interaction.request.body,
    )
    assert () == found.reconstructed
    assert () == assemble_cassette(imported.interactions, by="x").reconstructed


def test_interleaved_interactions_are_told_apart_by_id():
    """The sample of a gateway: two streams side by side, five kinds of answer."""
    source = str(DATA / "gateway.ndjson")
    imported = import_ndjson(Path(source).read_bytes(), source=source)
    found = imported.interactions
    assert "gateway 3.1" == imported.program
    assert ["1", "2", "3", "4", "5", "6"] == [
        one.interaction.request.path[-1] for one in found
    ]
    assert ["complete"] * 4 + ["truncated", "recorder_stopped"] == [
        one.interaction.response.ending.kind.value for one in found
    ]
    assert [4, 5, 1, 3, 1, 1] == [
        len(one.interaction.response.segments) for one in found
    ]
    assert found[0].at == "2026-11-23T07:00:01Z"
    assert found[0].tags == ("openai-chat",)


def test_without_an_ending_the_log_stopped():
    """Such a stream was still running: its ending is that of the recorder."""
    [stopped] = interactions(HEAD, {"at_ms": 7, "text": "data: a\n\n"})
    expected = Ending(at_ns=7 * MS, kind=EndingKind.RECORDER_STOPPED)
    assert expected == stopped.response.ending
    assert () == stopped.notes


def test_a_last_line_that_is_cut_is_dropped():
    """A writer that was killed leaves half a line; what was whole before it stays."""
    whole = log(HEAD, {"at_ms": 7, "text": "a"})
    cut = log({"at_ms": 8, "text": "b"})
    for length in range(1, len(cut) - 1):
        imported = import_ndjson(whole + cut[:length], source="a.ndjson")
        [found] = imported.interactions
        assert b"a" == found.interaction.response.body
        assert ("The last line of the log is cut.",) == found.interaction.notes


def test_blank_lines_and_empty_segments_are_passed_over():
    """Neither stands for a read."""
    [found] = interactions(HEAD, "", {"at_ms": 1, "text": ""}, "  ")
    assert () == found.response.segments


SEGMENT = {"at_ms": 1, "text": "a"}
END = {"ending": {"at_ms": 1, "kind": "complete"}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "a.ndjson: expected a line with request and response"),
        (["{"], "a.ndjson:1: expected JSON"),
        ([HEAD, "[]"], "a.ndjson:2: expected a mapping, got"),
        ([HEAD, '{"at_ms": NaN, "text": ""}'], "a.ndjson:2: expected JSON: NaN"),
        ([SEGMENT], "a.ndjson:1: no interaction without id was opened"),
        ([HEAD, {"id": "x", **SEGMENT}], "a.ndjson:2: no interaction 'x' was opened"),
        (
            [HEAD, {"at_ms": 1, "txt": "a"}],
            r"a.ndjson:2: txt: unknown key; .*\(did you mean 'text'\?\)",
        ),
        ([HEAD, {"at_ms": 1}], "a.ndjson:2: expected either 'text' or 'base64'"),
        ([HEAD, {**SEGMENT, "base64": "YQ=="}], "a.ndjson:2: expected either 'text'"),
        ([HEAD, {"text": "a"}], "a.ndjson:2: the key 'at_ms' is missing"),
        ([HEAD, {"at_ms": -1, "text": "a"}], "a.ndjson:2: at_ms: expected at least 0"),
        ([HEAD, {"at_ms": 1, "base64": "?"}], "a.ndjson:2: base64: expected base64"),
        ([HEAD, '{"at_ms": 1, "text": "\\ud800"}'], "text: expected text, got half"),
        (
            [HEAD, {"at_ms": 3, "text": "a"}, {"at_ms": 2.5, "text": "b"}],
            "a.ndjson:3: at_ms: expected a time not before .*, got 2.5 after 3",
        ),
        (
            [HEAD, {"at_ms": 3, "text": "a"}, END],
            "a.ndjson:3: ending.at_ms: expected a time not before",
        ),
        ([HEAD, END, SEGMENT], "a.ndjson:3: the interaction without id has ended"),
        ([HEAD, END, END], "a.ndjson:3: the interaction without id has ended"),
        (
            [HEAD, {"ending": {"at_ms": 1, "kind": "completed"}}],
            "a.ndjson:2: ending.kind: .*did you mean 'complete'",
        ),
        ([HEAD, HEAD], "a.ndjson:2: id: .* no id was opened before, on line 1"),
        (
            [{"id": 1, **HEAD}, {"id": 1, **HEAD}],
            "a.ndjson:2: id: .* the id 1 was opened before, on line 1",
        ),
        ([{"request": HEAD["request"]}], "a.ndjson:1: the key 'response' is missing"),
        ([{**HEAD, "format": 2}], "a.ndjson:1: format: expected 1, got 2"),
        ([{**HEAD, "at": "yesterday"}], "a.ndjson:1: at: expected a time"),
        ([{**HEAD, "at": "2026-11-23T08:00:00"}], "at: expected a time with its zone"),
        (
            [{**HEAD, "response": {"status": 200, "headers": [["a", "世"]]}}],
            r"a.ndjson:1: response.headers\[0\]: expected characters up to U\+00FF",
        ),
        (["[" * 100_000], "a.ndjson:1: expected JSON"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(lines, message):
    """A log that cannot be read is refused, never read by half."""
    with pytest.raises(InputError, match=message):
        import_ndjson(log(*lines), source="a.ndjson")


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12), st.binary(min_size=1, max_size=20)),
        max_size=20,
    )
)
def test_every_log_comes_back(pieces):
    """Whatever bytes and nanoseconds were written are read."""
    pieces = sorted(pieces, key=lambda piece: piece[0])
    lines = [
        {"at_ms": at_ns / MS, "base64": base64.b64encode(data).decode()}
        for at_ns, data in pieces
    ]
    [found] = interactions(HEAD, *lines)
    expected = tuple(Segment(at_ns=at_ns, data=data) for at_ns, data in pieces)
    assert expected == found.response.segments


def test_several_upstreams_are_named_in_notes():
    """A cassette names one upstream; where there were two, each interaction does."""
    imported = import_ndjson(
        log(
            {**HEAD, "id": 1, "upstream": "https://a.example"},
            {**HEAD, "id": 2, "upstream": "https://b.example", "notes": ["n"]},
        ),
        source="a.ndjson",
    )
    cassette = assemble_cassette(imported.interactions, by="x")
    assert cassette.recorded.upstream is None
    assert [
        ("The server that was asked is https://a.example.",),
        ("n", "The server that was asked is https://b.example."),
    ] == [one.notes for one in cassette.interactions]
    one = assemble_cassette(imported.interactions[:1], by="x")
    assert one.recorded.upstream == "https://a.example"

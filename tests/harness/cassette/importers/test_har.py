from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from harness.cassette.content_coding import codings_of, decode_body
from harness.cassette.importers.har import import_har
from harness.cassette.importers.imported import ImportedFile
from harness.cassette.importers.ndjson import import_ndjson
from harness.cassette.importers.reconstruction import ReconstructionOptions
from harness.cassette.importers.segmentation import Split
from harness.cassette.model import EndingKind
from harness.errors import InputError

DATA = Path(__file__).resolve().parents[3] / "data" / "imports"
MS = 1_000_000
STREAM = {"name": "content-type", "value": "text/event-stream; charset=utf-8"}


def entry(text="data: a\n\n", *, response=None, **changes):
    """Write an entry as a browser does."""
    content = {"size": 9, "mimeType": "text/event-stream"}
    if text is not None:
        content["text"] = text
    return {
        "startedDateTime": "2026-11-23T08:00:00.000+01:00",
        "request": {
            "method": "POST",
            "url": "https://llm.example:8443/v1/x?a=1",
            "headers": [
                {"name": ":authority", "value": "llm.example"},
                {"name": "accept", "value": "*/*"},
            ],
            "postData": {"mimeType": "application/json", "text": '{"q": "世"}'},
        },
        "response": {
            "status": 200,
            "httpVersion": "h2",
            "headers": [STREAM],
            "content": content,
            **(response or {}),
        },
        "timings": {"blocked": 3, "wait": 10.5, "receive": 20},
        **changes,
    }


def read(*entries, **how) -> ImportedFile:
    """Read a HAR of these entries."""
    log = {"version": "1.2", "creator": {"name": "Web", "version": "1"}}
    data = json.dumps({"log": {**log, "entries": entries}}).encode()
    return import_har(data, source="a.har", how=ReconstructionOptions(**how))


def test_a_har_of_mitmproxy_keeps_every_byte():
    """What it saw of the sample gateway has the bytes that the gateway sent."""
    sent = import_ndjson(DATA.joinpath("gateway.ndjson").read_bytes(), source="")
    source = DATA / "mitmproxy-11.har"
    imported = import_har(
        source.read_bytes(), source="a.har", how=ReconstructionOptions()
    )
    assert 4 == len(imported.interactions)
    # The one that broke off: mitmproxy drops what had come.
    expected = {"event streams whose body the source did not keep": 1}
    assert expected == imported.left_out
    for one, found in zip(sent.interactions, imported.interactions, strict=False):
        response, came = one.interaction.response, found.interaction.response
        assert decode_body(response.body, codings_of(response.headers)) == came.body
        assert () == codings_of(came.headers)
        assert response.framing == came.framing
        # It was waited for and received as long as the gateway says, about.
        assert 0 <= came.ending.at_ns - response.ending.at_ns < 20 * MS


def test_the_parts_of_an_entry():
    """Both heads, body and the times that are known arrive."""
    imported = read(entry("data: a\n\ndata: b\n\ndata: c\n\n"))
    assert "Web 1" == imported.program
    [found] = imported.interactions
    assert ("https://llm.example:8443", "2026-11-23T07:00:00Z") == (
        found.upstream,
        found.at,
    )
    request, response = found.interaction.request, found.interaction.response
    assert ("POST", "/v1/x?a=1", '{"q": "世"}'.encode()) == (
        request.method,
        request.path,
        request.body,
    )
    assert (("accept", "*/*"),) == request.headers
    assert "HTTP/2" == response.http_version
    assert [10_500_000, 20_500_000, 30_500_000] == [
        one.at_ns for one in response.segments
    ]
    assert (30_500_000, EndingKind.COMPLETE) == (
        response.ending.at_ns,
        response.ending.kind,
    )
    assert ("times", "borders") == found.reconstructed


def test_one_segment_comes_when_it_is_whole():
    """Where a body is not cut, its last byte arrives at the end."""
    [found] = read(entry("data: a\n\ndata: b\n\n"), split=Split.WHOLE).interactions
    assert [30_500_000] == [one.at_ns for one in found.interaction.response.segments]


@pytest.mark.parametrize("timings", [{}, {"wait": -1, "receive": 5}, {"wait": None}])
def test_times_that_are_not_known_are_invented(timings):
    """-1 is HAR's word for it."""
    [found] = read(entry("data: a\n\ndata: b\n\n", timings=timings)).interactions
    assert [100 * MS, 120 * MS] == [
        one.at_ns for one in found.interaction.response.segments
    ]


def test_base64_and_escaped_bytes():
    """Bytes that are not UTF-8, as browsers and as mitmproxy write them."""
    encoded = {
        "text": base64.b64encode(b"data: \xff\n\n").decode(),
        "encoding": "base64",
    }
    escaped = entry("data: \udcff\n\n")
    imported = read(entry(response={"content": encoded}), escaped)
    bodies = [found.interaction.response.body for found in imported.interactions]
    assert [b"data: \xff\n\n"] * 2 == bodies


def test_a_body_that_is_coded_still_stays_so():
    """HAR wants it decoded; not all who write it do that."""
    coded = gzip.compress(b"data: a\n\n")
    headers = [STREAM, {"name": "content-encoding", "value": "gzip"}]
    content = {"text": base64.b64encode(coded).decode(), "encoding": "base64"}
    [found] = read(
        entry(response={"content": content, "headers": headers})
    ).interactions
    assert coded == found.interaction.response.body
    assert ("gzip",) == codings_of(found.interaction.response.headers)


def test_the_messages_of_chrome_where_it_keeps_no_body():
    """The events are written anew, and the cassette says so."""
    messages = [
        {"time": 1.0, "eventName": "message", "eventId": "", "data": "a\nb"},
        {"time": 2.0, "eventName": "ping", "eventId": "7", "data": "c"},
    ]
    [found] = read(entry(None, _eventSourceMessages=messages)).interactions
    expected = b"data: a\ndata: b\n\nevent: ping\nid: 7\ndata: c\n\n"
    assert expected == found.interaction.response.body
    assert "written anew" in found.interaction.notes[0]


def test_what_cannot_be_taken_is_counted():
    """Sockets, requests without answer, streams without body."""
    imported = read(
        entry(),
        entry(_webSocketMessages=[]),
        entry(response={"status": 101}),
        entry(response={"status": 0}),
        entry(None),
        entry(""),
    )
    assert 1 == len(imported.interactions)
    assert {
        "WebSockets": 2,
        "requests without an answer": 1,
        "event streams whose body the source did not keep": 2,
    } == imported.left_out


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("net::ERR_ABORTED", EndingKind.CLIENT_CLOSED),
        ("net::ERR_CONNECTION_RESET", EndingKind.RESET),
        ("net::ERR_TIMED_OUT", EndingKind.TIMEOUT),
        ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", EndingKind.TRUNCATED),
        ("", EndingKind.COMPLETE),
        (None, EndingKind.COMPLETE),
    ],
)
def test_how_it_ended(error, kind):
    """Chrome's words for what went wrong are understood."""
    [found] = read(entry(response={"_error": error})).interactions
    assert kind == found.interaction.response.ending.kind
    assert bool(error) == any(str(error) in note for note in found.interaction.notes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.har:1: expected JSON"),
        (b"\n\xff", "a.har:2: expected UTF-8"),
        (b"[]", "a.har: expected a mapping, got an empty list"),
        (b'{"log": {}}', "a.har: log: the key 'entries' is missing"),
        (b"[" * 100_000, "a.har: expected JSON"),
        (b'{"log": {"entries": [{}]}}', r"log.entries\[0\]: the key 'request'"),
    ],
)
def test_what_is_no_har_is_refused(data, message):
    """Whatever the file holds, the message says what was expected, and where."""
    with pytest.raises(InputError, match=message):
        import_har(data, source="a.har", how=ReconstructionOptions())


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"status": "200"}, "status: expected a whole number"),
        ({"headers": [{"name": "a"}]}, r"headers\[0\]: the key 'value' is missing"),
        ({"headers": [{"name": "a", "value": "世"}]}, r"headers\[0\]: expected char"),
        ({"content": {"text": 3}}, "content.text: expected text or null, got 3"),
        (
            {"content": {"text": "?", "encoding": "base64"}},
            "content.text: expected base64",
        ),
        ({"content": {"text": "\ud800"}}, "content.text: expected text, got half"),
    ],
)
def test_what_is_wrong_in_an_entry_is_told(response, message):
    """The second entry is named, and the key in it."""
    with pytest.raises(
        InputError, match=rf"a.har: log.entries\[1\].response.{message}"
    ):
        read(entry(), entry(response=response))


def test_a_byte_order_mark_is_passed_over():
    """Fiddler writes one."""
    data = b"\xef\xbb\xbf" + json.dumps({"log": {"entries": [entry()]}}).encode()
    assert 1 == len(
        import_har(data, source="a.har", how=ReconstructionOptions()).interactions
    )

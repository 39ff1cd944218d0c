"""The line of a recording, and the values of its name."""

from __future__ import annotations

import gzip

import pytest

from harness.cassette.model import (
    Ending,
    EndingKind,
    Headers,
    Interaction,
    Request,
    Response,
    Segment,
)
from harness.record.recording import RecordingStart
from harness.record.saving.summary_line import (
    count_events,
    dialect_tags,
    name_values,
    summary_line,
)

SSE: Headers = (("content-type", "text/event-stream"),)


def interaction(
    body: bytes = b"data: 1\n\n", headers: Headers = SSE, path: str = "/v1", status=200
) -> Interaction:
    """Return a recording of one segment."""
    return Interaction(
        request=Request(method="POST", path=path, headers=(), body=b'{"model":"m 1"}'),
        response=Response(
            status=status,
            http_version="HTTP/1.1",
            headers=headers,
            segments=(Segment(at_ns=1, data=body),),
            ending=Ending(at_ns=1_204_000_000, kind=EndingKind.TRUNCATED),
        ),
    )


def test_the_line():
    """Path, model, events, bytes, duration, ending."""
    expected = "POST /v1 m 1: 1 event, 9 bytes, 1.204 s, truncated"
    assert expected == summary_line(interaction(), 9)


def test_the_line_of_an_error():
    """A status that is not 200 is said; a body that is no stream has no events."""
    failed = interaction(b"{}", (("content-type", "application/json"),), status=429)
    expected = "POST /v1 m 1: status 429, 2 bytes, 1.204 s, truncated"
    assert expected == summary_line(failed, 2)


def test_nothing_in_a_line_moves_the_cursor():
    """Control characters of a client are shown, not sent to the terminal."""
    line = summary_line(interaction(path="/\x1b[2J\n\u202e"), 9)
    assert line.startswith("POST /\\x1b[2J\\n\\u202e m 1: ")


@pytest.mark.parametrize(
    ("body", "coding", "expected"),
    [
        (b"data: 1\n\n: c\n\ndata: 2\n\ndata", "", 2),
        (gzip.compress(b"data: 1\n\n", mtime=0), "gzip", 1),
        (gzip.compress(b"data: 1\n\n" * 99, mtime=0)[:-6], "gzip", 99),
        (b"no gzip", "gzip", None),
        (b"data: 1\n\n", "unheard-of", None),
    ],
)
def test_counts_events(body, coding, expected):
    """Of coded bodies too, as far as they arrived."""
    headers = (*SSE, ("content-encoding", coding)) if coding else SSE
    assert expected == count_events(interaction(body, headers).response)


def test_the_values_of_a_name():
    """Time without fractions, path without its query."""
    start = RecordingStart(
        at="2026-11-23T05:40:07.123Z",
        upstream="https://llm.example:8443",
        request=interaction().request,
        status=200,
        http_version="HTTP/1.1",
        headers=SSE,
    )
    expected = {
        "date": "2026-11-23",
        "time": "20261123T054007Z",
        "number": "0007",
        "method": "POST",
        "host": "llm.example",
        "path": "v1/chat",
        "model": "m 1",
        "status": "200",
        "ending": "truncated",
    }
    assert expected == name_values(start, interaction(path="/v1/chat?key=k"), 7)


def test_the_tag_of_the_dialect():
    """Chat completions are tagged wherever they are mounted."""
    assert ("openai-chat",) == dialect_tags("/v1/chat/completions?x=1")
    assert () == dialect_tags("/v1/messages")

from __future__ import annotations

import pytest

from harness.cassette.exporters.sse import body_suffix
from harness.cassette.model import Ending, EndingKind, Response


@pytest.mark.parametrize(
    ("kind", "coding", "expected"),
    [
        ("text/event-stream; charset=utf-8", None, ".sse"),
        ("Text/Event-Stream", "gzip", ".sse.gz"),
        ("application/json", None, ".body"),
        ("application/json", "br", ".body.br"),
        ("text/event-stream", "zstd, gzip", ".sse.zst.gz"),
        ("text/event-stream", "own", ".sse.coded"),
        (None, "identity", ".body"),
    ],
)
def test_the_suffix_says_what_the_bytes_are(kind, coding, expected):
    """The content type, then each coding as its programs name their files."""
    headers = [("Content-Type", kind)] if kind else []
    headers += [("Content-Encoding", coding)] if coding else []
    response = Response(
        status=200,
        http_version="HTTP/1.1",
        headers=tuple(headers),
        segments=(),
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    )
    assert expected == body_suffix(response)

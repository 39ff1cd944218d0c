from __future__ import annotations

import pytest

from harness.cassette.model import Ending, EndingKind, Framing, Response, Segment


def response(*headers: tuple[str, str], segments: tuple[Segment, ...] = ()) -> Response:
    """An answer with these headers."""
    return Response(
        status=200,
        http_version="HTTP/1.1",
        headers=headers,
        segments=segments,
        ending=Ending(at_ns=0, kind=EndingKind.COMPLETE),
    )


def test_a_body_is_its_segments():
    """Joined in order."""
    segments = tuple(
        Segment(at_ns=at, data=data) for at, data in ((1, b"a"), (2, b"b"))
    )
    assert b"ab" == response(segments=segments).body
    assert b"" == response().body


def test_the_first_header_of_a_name_counts():
    """Names compare without case."""
    answer = response(("A", "1"), ("a", "2"), ("b", "3"))
    assert ("1", "3", None) == (
        answer.header("a"),
        answer.header("B"),
        answer.header("c"),
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((("Transfer-Encoding", "gzip, Chunked"),), Framing.CHUNKED),
        ((("content-length", "3"),), Framing.CONTENT_LENGTH),
        (
            (("content-length", "3"), ("transfer-encoding", "chunked")),
            Framing.CHUNKED,
        ),
        (
            (("transfer-encoding", "gzip"), ("content-length", "3")),
            Framing.CONTENT_LENGTH,
        ),
        ((("transfer-encoding", "gzip"),), Framing.CLOSE),
        ((), Framing.CLOSE),
    ],
)
def test_headers_say_how_a_body_ends(headers, expected):
    """Chunked wins over a length (RFC 9112, section 6.3)."""
    assert expected is response(*headers).framing

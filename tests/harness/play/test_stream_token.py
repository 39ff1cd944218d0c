"""How a token gets into a request, and how it is found there."""

from __future__ import annotations

import pytest

from harness.cassette.model import Request
from harness.play.stream_token import user_field, with_token


def request(body: bytes) -> Request:
    """Return a request that holds a token already."""
    headers = (("content-type", "application/json"), ("X-Harness-Stream", "old"))
    return Request(method="POST", path="/v1/x", headers=headers, body=body)


def test_the_token_stands_in_header_and_user_field():
    """Both places hold it, in place of what was there; the rest stays."""
    marked = with_token(
        request('{"model": "é", "user": "me", "n": 1.0}'.encode()), "t1"
    )
    expected = (("content-type", "application/json"), ("x-harness-stream", "t1"))
    assert expected == marked.headers
    assert '{"model":"é","user":"t1","n":1.0}'.encode() == marked.body


@pytest.mark.parametrize("body", [b"", b"[1]", b"text", b"\xff", b'{"a":'])
def test_a_body_that_is_no_json_object_stays_as_it_is(body):
    """Only the header holds the token then."""
    marked = with_token(request(body), "t1")
    assert body == marked.body
    assert ("x-harness-stream", "t1") in marked.headers


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"user": "t1", "stream": true}', "t1"),
        (b'{"user": 1}', None),
        (b"{}", None),
        (b'["user"]', None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_the_user_field_is_a_text_or_nothing(body, expected):
    """What is no JSON object holds no token."""
    assert expected == user_field(body)

"""mitmproxy's values as those of a cassette."""

from __future__ import annotations

import pytest

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

from mitmproxy.http import Request, Response
from mitmproxy.test import tflow

from harness.record.convert import (
    content_type_of,
    ends_by_length,
    read_headers,
    read_request,
    read_version,
    upstream_of,
)


def answer(version="HTTP/1.1", **headers):
    """Return a response with these headers."""
    response = Response.make(200, b"", headers)
    response.headers.pop("content-length", None)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    response.http_version = version
    return response


def test_headers_keep_order_case_and_bytes():
    """Repeated names too; bytes beyond ASCII are read as latin-1."""
    fields = [(b"X-A", b"1"), (b"x-a", b"\xff"), (b"B", b"")]
    assert (("X-A", "1"), ("x-a", "\xff"), ("B", "")) == read_headers(fields)


def test_a_request_is_read():
    """Path with its query; a body that was streamed past is empty."""
    flow = tflow.tflow()
    flow.request = Request.make("POST", "http://h/v1?a=1", b"asked", {"x": "1"})
    asked = read_request(flow)
    assert ("POST", "/v1?a=1", b"asked") == (asked.method, asked.path, asked.body)
    assert ("x", "1") in asked.headers
    flow.request.raw_content = None
    flow.request.path = ""
    asked = read_request(flow)
    assert ("/", b"") == (asked.path, asked.body)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("HTTP/1.0", ("HTTP/1.0", None)),
        ("HTTP/1.1", ("HTTP/1.1", None)),
        ("HTTP/2.0", ("HTTP/2", None)),
        ("HTTP/3", ("HTTP/2", "The upstream spoke HTTP/3, kept as HTTP/2.")),
    ],
)
def test_versions(version, expected):
    """A version that a cassette does not know is noted."""
    assert expected == read_version(answer(version))


def test_content_types():
    """An answer without one has an empty one."""
    assert "text/plain" == content_type_of(answer(content_type="text/plain"))
    assert "" == content_type_of(answer())


@pytest.mark.parametrize(
    ("version", "headers", "expected"),
    [
        ("HTTP/1.1", {}, False),
        ("HTTP/1.0", {}, False),
        ("HTTP/2.0", {}, True),
        ("HTTP/1.1", {"transfer_encoding": "Chunked"}, True),
        ("HTTP/1.1", {"transfer_encoding": "gzip"}, False),
        ("HTTP/1.1", {"content_length": "3"}, True),
    ],
)
def test_framing_marks_the_end_or_does_not(version, headers, expected):
    """Chunks, a length and HTTP/2 do."""
    assert expected is ends_by_length(answer(version, **headers))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/x", "https://h"),
        ("http://h:80/x", "http://h"),
        ("https://h:80/x", "https://h:80"),
        ("http://h:8080/x", "http://h:8080"),
        ("http://[::1]:8080/x", "http://[::1]:8080"),
    ],
)
def test_the_upstream_has_no_standard_port(url, expected):
    """Others are named, and addresses of IPv6 have brackets."""
    flow = tflow.tflow()
    flow.request = Request.make("GET", url)
    assert expected == upstream_of(flow)

from __future__ import annotations

import h11
import pytest

from proxy.http.origin import Origin, OriginError


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "prefix"),
    [
        ("http://h", "h", 80, b"h", b""),
        ("https://api.example/v1", "api.example", 443, b"api.example", b""),
        ("http://h:81/llm/v1/", "h", 81, b"h:81", b"/llm"),
        ("http://[::1]:9", "::1", 9, b"[::1]:9", b""),
        ("https://h:80", "h", 80, b"h:80", b""),
    ],
)
def test_base_urls(url, host, port, authority, prefix):
    """A base URL may hold a path; ``/v1`` at its end is optional."""
    origin = Origin.parse(url)
    assert (origin.host, origin.port) == (host, port)
    assert (origin.authority, origin.prefix) == (authority, prefix)


@pytest.mark.parametrize(
    "url",
    [
        *("", "h:80", "ftp://h", "http://", "http://h:x", "http://h:99999"),
        *("http://h?q", "http://h#f", "http://h/a b", "http://h/ü", "http://[::1"),
        "http://u:p@h",
    ],
)
def test_bad_base_urls(url):
    """Anything other than a base URL is refused."""
    with pytest.raises(OriginError):
        Origin.parse(url)


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [(b"POST", b"abc", b"3"), (b"POST", b"", b"0"), (b"GET", b"", None)],
)
def test_a_request_is_framed_by_its_length(method, body, length):
    """h11 reads the request, and a method without a body gets no length."""
    headers = ((b"Content-Length", b"77"), (b"X", b"y"), (b"Host", b"proxy"))
    request = Origin.parse("http://h/p").request(method, b"/v1/x?q", headers, body)
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request)
    head = connection.next_event()
    assert isinstance(head, h11.Request)
    assert head.target == b"/p/v1/x?q"
    found = dict(head.headers)
    assert found[b"host"] == b"h"
    assert found[b"accept-encoding"] == b"identity"
    assert found.get(b"content-length") == length

from __future__ import annotations

import pytest

from proxy.v2.headers import client_headers, is_event_stream


class TestIsEventStream:
    @pytest.mark.parametrize(
        ("status", "headers", "expected"),
        [
            (200, (), True),
            (200, ((b"Content-Type", b"text/event-stream"),), True),
            (200, ((b"content-type", b" Text/Event-Stream ; charset=utf-8"),), True),
            (200, ((b"content-type", b"text/event-stream-x"),), False),
            (200, ((b"content-type", b"application/json"),), False),
            (400, (), False),
            (429, ((b"content-type", b"text/event-stream"),), False),
            (200, ((b"content-encoding", b"gzip"),), False),
            (200, ((b"content-encoding", b"identity"),), True),
        ],
    )
    def test_status_type_and_coding_decide(self, status, headers, expected):
        """Only an uncoded event stream without an error status is read as one."""
        assert expected is is_event_stream(status, headers)


class TestClientHeaders:
    def test_hop_by_hop_headers_are_dropped(self):
        """Headers of the connection, and those it lists, are removed."""
        headers = (
            (b"Connection", b"close, X-Hop"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Proxy-Authenticate", b"Basic"),
            (b"TE", b"trailers"),
            (b"Trailer", b"x"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Upgrade", b"h2c"),
            (b"x-hop", b"1"),
            (b"Server", b"x"),
        )

        assert client_headers(headers, keep_length=True) == ((b"Server", b"x"),)

    def test_order_repeats_and_bytes_are_kept(self):
        """Other headers pass byte for byte."""
        headers = (
            (b"Set-Cookie", b"a=1"),
            (b"X-Name", b"caf\xe9"),
            (b"Set-Cookie", b"b=2"),
            (b"retry-after", b"3"),
        )

        assert headers == client_headers(headers, keep_length=True)

    @pytest.mark.parametrize("connection", [b"keep-alive", b"content-length"])
    def test_length_is_kept_for_a_body_that_passes(self, connection):
        """The length of an unchanged body stays, even if it is listed."""
        length = (b"Content-Length", b"9")

        headers = ((b"Connection", connection), length)

        assert (length,) == client_headers(headers, keep_length=True)
        assert client_headers(headers, keep_length=False) == ()

    def test_proxy_status_is_for_the_client(self):
        """Of the headers between two proxies only, none but that (RFC 9209)."""
        status = (b"Proxy-Status", b"cdn.example; error=http_response_timeout")
        headers = ((b"Proxy-Connection", b"close"), status)

        assert client_headers(headers, keep_length=False) == (status,)

from __future__ import annotations

import pytest

from proxy.http.headers import end_to_end, first_value


def test_hop_by_hop_headers_go_with_what_connection_lists():
    """End-to-end headers keep order, spelling and repeats."""
    headers = (
        (b"A", b"1"),
        (b"Connection", b"x-b, Keep-Alive"),
        (b"X-B", b"2"),
        (b"Keep-Alive", b"timeout=5"),
        (b"TE", b"trailers"),
        (b"Upgrade", b"h2c"),
        (b"Proxy-Authorization", b"x"),
        (b"A", b"3"),
        (b"Authorization", b"y"),
    )
    kept = ((b"A", b"1"), (b"A", b"3"), (b"Authorization", b"y"))
    assert end_to_end(headers) == kept
    assert first_value(kept, b"a") == b"1"
    assert first_value(kept, b"b") is None


@pytest.mark.parametrize("name", [b"Proxy-Status", b"proxy-status", b"Via"])
def test_what_proxies_say_of_an_answer_is_for_the_client(name):
    """Proxy-Status is end to end (RFC 9209, section 2), whatever it begins with."""
    headers = ((b"Proxy-Connection", b"close"), (name, b"cdn.example"))

    assert end_to_end(headers) == ((name, b"cdn.example"),)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(frozenset(), ()), (frozenset({b"x-a"}), ((b"X-A", b"1"),))],
)
def test_a_name_may_be_kept_against_connection(kept, expected):
    """The caller's names stay; the fixed set never does."""
    headers = ((b"Connection", b"X-A , close"), (b"X-A", b"1"), (b"Upgrade", b"h2c"))

    assert end_to_end(headers, kept=kept | {b"upgrade"}) == expected

from __future__ import annotations

import pytest

from proxy.http.routing import TargetError, origin_form, wants_stream


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        (b"/v1", b"/v1"),
        (b"/v1?x=/../y", b"/v1?x=/../y"),
        (b"/v1/chat/completions?a=%20&b", b"/v1/chat/completions?a=%20&b"),
        (b"/v1/models/meta%2Fllama", b"/v1/models/meta%2Fllama"),
        (b"/v1/a..b/...", b"/v1/a..b/..."),
        (b"/v1/a%20..%20b", b"/v1/a%20..%20b"),
        (b"HTTP://proxy:80/v1/x", b"/v1/x"),
    ],
)
def test_targets_that_are_forwarded(target, forwarded):
    """Path and query pass byte for byte; an absolute form loses its authority."""
    assert origin_form(target) == forwarded


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/", 404),
        (b"*", 404),
        (b"proxy:443", 404),
        (b"http://proxy", 404),
        (b"/V1/x", 404),
        (b"/v1x", 404),
        (b"//v1/x", 404),
        (b"/v1/./x", 400),
        (b"/v1/..", 400),
        (b"/v1/%2E%2e/x", 400),
        (b"/v1/a%2f..%2f..%2fx", 400),
        (b"/v1/..\\x", 400),
        (b"/v1/..%5cx", 400),
        (b"/v1/%252e%252e/x", 400),
        (b"/v1/%2e%2e%00/x", 400),
        (b"/v1/..%2500a", 400),
        (b"/v1/..%20/x", 400),
        (b"/v1/..;a=b/x", 400),
        (b"/v1/x#y", 400),
    ],
)
def test_targets_that_are_refused(target, status):
    """Nothing outside of /v1 is reached, in any spelling."""
    with pytest.raises(TargetError) as caught:
        origin_form(target)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "stream"),
    [
        (b'{"stream": true}', True),
        (b'{"a": NaN, "stream":true}', True),
        (b'{"\\u0073tream": true}', True),
        (b'{"a": "\\ud800", "stream": true}', True),
        (b'{"stream": false}', False),
        (b'{"stream": 1}', False),
        (b'{"stream": "true"}', False),
        (b'{"a": {"stream": true}}', False),
        (b'[{"stream": true}]', False),
        (b'"stream"', False),
        (b"stream=true", False),
        (b"[" * 100_000 + b"stream", False),
        (b"", False),
        (b"\xff stream", False),
    ],
)
def test_only_a_true_at_the_top_asks_for_a_stream(body, stream):
    """The JSON body decides, and nothing that merely looks like it."""
    assert wants_stream(body) is stream

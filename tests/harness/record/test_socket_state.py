"""A missing internal of mitmproxy is reported."""

from __future__ import annotations

import pytest

pytest.importorskip("mitmproxy", reason="the extra `record` is not installed")

from mitmproxy.proxy import server
from mitmproxy.proxy.layers import http as http_layer

from harness.record.socket_state import ConnectionMonitor


def test_this_mitmproxy_tells_everything():
    """Nothing is missing in the supported versions; installing twice is once."""
    assert [] == ConnectionMonitor().missing
    first = http_layer.HttpStream.handle_protocol_error
    assert [] == ConnectionMonitor().missing
    assert first is http_layer.HttpStream.handle_protocol_error


@pytest.mark.parametrize(
    ("owner", "name", "said"),
    [
        (http_layer.HttpStream, "handle_protocol_error", "which side broke off"),
        (server.ConnectionHandler, "on_timeout", "after the idle limit"),
        (server, "ConnectionIO", "a reset by the upstream from a close"),
    ],
)
def test_a_missing_internal_is_reported(monkeypatch, owner, name, said):
    """Each costs one distinction, which is named in words."""
    monkeypatch.delattr(owner, name)
    (missing,) = ConnectionMonitor().missing
    assert said in missing

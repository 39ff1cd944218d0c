from __future__ import annotations

import logging
from typing import Any

import pytest

from proxy.client_connection import ClientConnection
from proxy.http.origin import Origin
from proxy.rollout.config import LiveSettings
from proxy.server import Proxy
from tests.proxy.test_client_connection import STREAM, FakeTransport
from tests.proxy.virtual_time import in_virtual_time


class Silent:
    """A relay that logs as the real ones do, and waits."""

    def __init__(self, name: str, made: list[Any], settings: Any, seed: int) -> None:
        made.append((name, dict(settings), seed))
        self.name = name

    def handle(self, _now_ns: int, event: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        words = {"v1": "legacy", "v2": "new"}[self.name]
        line = f"Using {words} streaming architecture ({self.name})"
        return [("log", "debug", line, {})] if event[0] == "request" else []


def proxy(environ: dict[str, str], made: list[Any]) -> Proxy:
    """Return a proxy whose relays record their arguments."""
    return Proxy(
        origin=Origin.parse("http://127.0.0.1:9"),
        live=LiveSettings(environ),
        architectures={
            "v1": lambda settings, seed: Silent("v1", made, settings, seed),
            "v2": lambda settings, seed: Silent("v2", made, settings, seed),
        },
        logger=logging.getLogger("proxy"),
    )


@pytest.mark.parametrize(("percentage", "served"), [("0", "v1"), ("100", "v2")])
@in_virtual_time
async def test_each_stream_is_decided_once_and_logged_once(percentage, served, caplog):
    """The relay gets the raw variables and a seed; the log holds no secret."""
    environ = {
        "NEW_STREAMING_ROLLOUT_PERCENTAGE": percentage,
        "STREAMING_HOLD_MS": "020",
    }
    made: list[Any] = []
    server = proxy(environ, made)
    client = ClientConnection(server.answer, lambda _: None, 1)
    client.connection_made(FakeTransport())
    with caplog.at_level("DEBUG", logger="proxy"):
        client.data_received(STREAM)
        client.connection_lost(None)
    ((name, settings, seed),) = made
    assert (name, settings) == (served, {"STREAMING_HOLD_MS": "020"})
    assert 0 <= seed < 1 << 64
    lines = [record for record in caplog.records if "Using " in record.message]
    assert [record.levelname for record in lines] == ["INFO"]
    assert f"({served})" in lines[0].message
    assert "s3cret" not in repr([vars(record) for record in caplog.records])


@in_virtual_time
async def test_what_is_no_stream_needs_no_architecture():
    """Other requests are passed through, whatever the switches say."""
    made: list[Any] = []
    server = proxy({"NEW_STREAMING_ROLLOUT_PERCENTAGE": "100"}, made)
    client = ClientConnection(server.answer, lambda _: None, 1)
    client.connection_made(FakeTransport())
    client.data_received(STREAM.replace(b"true", b"null"))
    client.connection_lost(None)
    assert made == []


@in_virtual_time
async def test_streams_of_a_proxy_share_what_their_factory_asks_for():
    """Every relay of either architecture is handed the same dict."""
    handed: list[Any] = []

    def factory(settings: Any, seed: int, shared: Any = None) -> Silent:
        handed.append(shared)
        return Silent("v2", [], settings, seed)

    server = Proxy(
        origin=Origin.parse("http://127.0.0.1:9"),
        live=LiveSettings({"NEW_STREAMING_ROLLOUT_PERCENTAGE": "100"}),
        architectures={"v1": factory, "v2": factory},
        logger=logging.getLogger("proxy"),
    )
    for _ in range(2):
        client = ClientConnection(server.answer, lambda _: None, 1)
        client.connection_made(FakeTransport())
        client.data_received(STREAM)
        client.connection_lost(None)

    first, second = handed
    assert first == {}
    assert first is second

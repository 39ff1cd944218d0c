"""Probes: which one a target gets, and what it takes for ready."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from harness.config import Ready
from harness.judge.evidence.observation import ClientEnd
from harness.play.target import readiness
from harness.play.target.readiness import make_probe, output_probe


class Output:
    """The output of a target, as lines."""

    def __init__(self, *lines):
        self.lines = lines

    def since(self):
        return self.lines


def probed(probe):
    """Ask a probe once."""
    return asyncio.run(probe())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), None),
        (("starting", "listening nowhere"), None),
        (("x", "listening on http://a:1/", "listening on http://b:2"), "http://a:1"),
    ],
)
def test_the_first_line_that_matches_says_where(lines, expected):
    """Its group ``url``, without a slash at the end."""
    output = Output(*lines)
    assert expected == probed(output_probe(output, r"on (?P<url>http://\S+)", None))


@pytest.mark.parametrize("url", ["http://known", None])
def test_a_line_without_a_url_means_the_one_that_is_known(url):
    """Where none is known, the line says nothing."""
    assert url == probed(output_probe(Output("ready"), "^ready$", url))


def test_a_line_comes_before_a_status():
    """A target that says both is ready when it says so."""
    ready = Ready(stdout="^ready$", http="/healthz")
    assert "http://u" == probed(make_probe(ready, "http://u", Output("ready")))


def test_a_target_must_say_where_it_listens():
    """Neither a URL nor output: nothing could be probed."""
    with pytest.raises(ValueError, match="needs a URL"):
        make_probe(None, None, Output())


@pytest.mark.parametrize(
    ("status", "end", "expected"),
    [
        (200, ClientEnd.COMPLETE, "http://u"),
        (399, ClientEnd.COMPLETE, "http://u"),
        (400, ClientEnd.COMPLETE, None),
        (200, ClientEnd.TRUNCATED, None),
        (None, ClientEnd.COMPLETE, None),
    ],
)
def test_a_whole_answer_below_400_is_ready(monkeypatch, status, end, expected):
    """What breaks off is not."""
    asked = []

    async def fetch(url, request, *, deadline_s):
        asked.append((url, request.method, request.path))
        return SimpleNamespace(status=status, end=end)

    monkeypatch.setattr(readiness, "fetch", fetch)
    probe = make_probe(Ready(http="/healthz"), "http://u", Output())
    assert expected == probed(probe)
    assert [("http://u", "GET", "/healthz")] == asked


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://h:81", 81), ("http://h", 80), ("https://h", 443)],
)
def test_without_a_health_check_a_connection_is_enough(monkeypatch, url, port):
    """It is made to the port of the URL, or its scheme, and closed again."""
    asked, closed = [], []

    async def open_connection(host, port):
        asked.append((host, port))
        return None, SimpleNamespace(close=lambda: closed.append(True))

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    assert url == probed(make_probe(None, url, Output()))
    assert ([("h", port)], [True]) == (asked, closed)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError()])
def test_a_connection_that_is_not_made_means_not_yet(monkeypatch, error):
    """No error: the target may still be starting."""

    async def open_connection(host, port):
        raise error

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    assert probed(make_probe(None, "http://h:1", Output())) is None

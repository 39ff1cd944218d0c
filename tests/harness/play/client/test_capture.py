"""What a cassette keeps of an exchange, and which exchanges none can hold."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harness.cassette.model import EndingKind, Framing, Request
from harness.errors import EvidenceError
from harness.judge.evidence.observation import ClientEnd
from harness.play.client import capture as module
from harness.play.client.capture import capture
from harness.play.client.fetch import Exchange

REQUEST = Request(method="POST", path="/v1", headers=(("a", "b"),), body=b"{}")
EXCHANGE = Exchange(
    zero_ns=7,
    status=200,
    http_version="HTTP/1.1",
    headers=((b"X-A", b"\xe9"),),
    framing=Framing.CHUNKED,
    head_at_ns=5,
    reads=((10, b"abcd"), (20, b"ef")),
    pieces=((10, b"ab"), (10, b"cd"), (20, b"ef")),
    raw=(),
    end=ClientEnd.COMPLETE,
    end_at_ns=30,
)


@pytest.fixture
def fetched(monkeypatch):
    """Have `capture` get an exchange; give what it asked for."""
    asked = []

    def answer(**changes):
        async def fetch(url, request, **options):
            asked.append((url, request, options))
            return replace(EXCHANGE, **changes)

        monkeypatch.setattr(module, "fetch", fetch)
        return asked

    return answer


def test_pieces_become_segments_with_their_times(fetched):
    """The borders of chunks are kept; header lines are text."""
    fetched()
    interaction = asyncio.run(capture("http://u", REQUEST))
    response = interaction.response
    assert REQUEST == interaction.request
    assert [(10, b"ab"), (10, b"cd"), (20, b"ef")] == [
        (segment.at_ns, segment.data) for segment in response.segments
    ]
    assert (("X-A", "\xe9"),) == response.headers
    assert (30, EndingKind.COMPLETE) == (response.ending.at_ns, response.ending.kind)


def test_credentials_are_sent_and_not_kept(fetched):
    """They go to the client alone."""
    asked = fetched()
    secret = (("authorization", "Bearer secret"),)
    interaction = asyncio.run(
        capture("http://u", REQUEST, headers=secret, deadline_s=3)
    )
    [(url, request, options)] = asked
    assert ("http://u", REQUEST, secret, 3) == (
        url,
        request,
        options["headers"],
        options["deadline_s"],
    )
    assert REQUEST.headers == interaction.request.headers


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (ClientEnd.TRUNCATED, EndingKind.TRUNCATED),
        (ClientEnd.RESET, EndingKind.RESET),
        (ClientEnd.TIMEOUT, EndingKind.TIMEOUT),
        (ClientEnd.CLIENT_CLOSED, EndingKind.CLIENT_CLOSED),
    ],
)
def test_broken_endings_are_kept(fetched, end, kind):
    """A cassette has a word for each."""
    fetched(end=end)
    assert kind is asyncio.run(capture("http://u", REQUEST)).response.ending.kind


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": ClientEnd.REFUSED, "why": "nobody"}, r"kept: refused \(nobody\)$"),
        ({"end": ClientEnd.PROTOCOL_ERROR, "why": "x"}, r"kept: protocol_error \(x\)$"),
        ({"end": ClientEnd.TIMEOUT, "status": None}, "kept: timeout$"),
        ({"end": ClientEnd.RESET, "http_version": None}, "kept: reset$"),
    ],
)
def test_what_no_cassette_can_hold_is_missing_evidence(fetched, changes, words):
    """The message names the server and the end."""
    fetched(**changes)
    with pytest.raises(EvidenceError, match=f"http://u gave no answer .* {words}"):
        asyncio.run(capture("http://u", REQUEST))

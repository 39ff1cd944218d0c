"""Which stream a request is assigned to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harness.cassette.model import Framing, Request
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft
from harness.play.upstream.correlation import Correlator, MatchedBy
from harness.play.upstream.requests import ReceivedRequest
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script

SCRIPT = Script(
    scenario_id="a/b",
    seed=1,
    request=Request(method="POST", path="/", headers=(), body=b""),
    attempts=(),
    client=ClientPlan(),
)


def received(*, header: str | None = None, body: bytes = b"") -> ReceivedRequest:
    """Return a request as the upstream read it."""
    headers = [] if header is None else [(b"X-Harness-Stream", header.encode())]
    return ReceivedRequest(headers=headers, body=body)


@pytest.fixture
def slots():
    """Return an empty desk."""

    async def make():
        return Correlator()

    return asyncio.run(make())


def opened(slots: Correlator, *tokens: str):
    """Open slots for these tokens."""
    return [slots.open(token, SCRIPT) for token in tokens]


def test_the_header_names_the_stream(slots):
    """The token in the header counts, whatever else is open."""
    one, two = opened(slots, "one", "two")
    assert (two, MatchedBy.HEADER) == slots.find(received(header="two"))
    assert (one, MatchedBy.HEADER) == slots.find(received(header="one"))


def test_the_user_field_names_the_stream(slots):
    """Where the header was dropped, the exact token in the body counts."""
    _, two = opened(slots, "one", "two")
    found = slots.find(received(body=b'{"user": "two", "stream": true}'))
    assert (two, MatchedBy.USER) == found


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"user": 1}', b'{"user": "on"}', b"\xff"]
)
def test_without_a_token_nothing_is_guessed(slots, body):
    """One open stream is no reason to assign a request by itself."""
    opened(slots, "one")
    assert "it holds no token of an open stream" == slots.find(received(body=body))


def test_in_turn_the_only_open_stream_gets_it(slots):
    """One at a time, a request without a token belongs to the stream that runs."""
    (one,) = opened(slots, "one")
    slots.serial = True
    assert (one, MatchedBy.TURN) == slots.find(received(body=b'{"user": "me"}'))


def test_in_turn_two_open_streams_are_ambiguous(slots):
    """Assigning by turn needs exactly one open stream."""
    opened(slots, "one", "two")
    slots.serial = True
    assert "it holds no token, and 2 streams are open" == slots.find(received())


@pytest.mark.parametrize("how", ["header", "user"])
def test_a_late_request_is_not_taken_for_the_next_stream(slots, how):
    """A retry of a stream that is over matches nothing, one at a time as well."""
    first, _ = opened(slots, "one", "two")
    first.close()
    slots.serial = True
    late = (
        received(header="one") if how == "header" else received(body=b'{"user":"one"}')
    )
    assert "its stream is over" == slots.find(late)


def test_an_unknown_token_in_the_header_matches_nothing(slots):
    """A header that is not ours is not overruled by turn."""
    opened(slots, "one")
    slots.serial = True
    assert "its token belongs to no stream" == slots.find(received(header="other"))


def test_a_token_is_used_once(slots):
    """Open or closed, a token is never that of a second stream."""
    (one,) = opened(slots, "one")
    with pytest.raises(ValueError, match="used before"):
        slots.open("one", SCRIPT)
    one.close()
    with pytest.raises(ValueError, match="used before"):
        slots.open("one", SCRIPT)


def test_nothing_to_wait_for_is_settled():
    """A slot that no request reached is settled immediately."""

    async def wait():
        await Correlator().open("one", SCRIPT).settled()

    asyncio.run(wait())


def test_attempts_that_are_refused_come_before_those_that_are_seen():
    """They leave no trace, so the first request is the next attempt."""
    wire = WireDraft(
        status=200,
        http_version="HTTP/1.1",
        headers=(),
        framing=Framing.CHUNKED,
        head_at_ns=None,
        writes=(),
        spans=(),
        end=StreamEnd.REFUSED,
        end_at_ns=0,
    )
    plain = replace(wire, end=StreamEnd.COMPLETE)
    script = replace(SCRIPT, attempts=(wire, wire, plain, wire))
    slots = Correlator()
    assert 3 == slots.open("t1", script).next_attempt
    assert 1 == slots.open("t2", SCRIPT).next_attempt

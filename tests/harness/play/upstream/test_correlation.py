"""Which stream a request is assigned to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from harness.cassette.model import Framing, Request
from harness.faults.draft.wire import Finish, WireDraft
from harness.play.upstream.correlation import Assignment, Tickets
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
def tickets():
    """Return an empty desk."""

    async def make():
        return Tickets()

    return asyncio.run(make())


def opened(tickets: Tickets, *tokens: str):
    """Open tickets for these tokens."""
    return [tickets.open(token, SCRIPT) for token in tokens]


def test_the_header_names_the_stream(tickets):
    """The token in the header counts, whatever else is open."""
    one, two = opened(tickets, "one", "two")
    assert (two, Assignment.HEADER) == tickets.find(received(header="two"))
    assert (one, Assignment.HEADER) == tickets.find(received(header="one"))


def test_the_user_field_names_the_stream(tickets):
    """Where the header was dropped, the exact token in the body counts."""
    _, two = opened(tickets, "one", "two")
    found = tickets.find(received(body=b'{"user": "two", "stream": true}'))
    assert (two, Assignment.USER) == found


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"user": 1}', b'{"user": "on"}', b"\xff"]
)
def test_without_a_token_nothing_is_guessed(tickets, body):
    """One open stream is no reason to assign a request, unless told to."""
    opened(tickets, "one")
    assert "it holds no token of an open stream" == tickets.find(received(body=body))


def test_in_turn_the_only_open_stream_gets_it(tickets):
    """One at a time, a request without a token belongs to the stream that runs."""
    (one,) = opened(tickets, "one")
    tickets.serial = True
    assert (one, Assignment.TURN) == tickets.find(received(body=b'{"user": "me"}'))


def test_in_turn_two_open_streams_are_ambiguous(tickets):
    """Assigning by turn needs exactly one open stream."""
    opened(tickets, "one", "two")
    tickets.serial = True
    assert "it holds no token, and 2 streams are open" == tickets.find(received())


@pytest.mark.parametrize("how", ["header", "user"])
def test_a_late_request_is_not_taken_for_the_next_stream(tickets, how):
    """A retry of a stream that is over is a stray, in turn as well."""
    first, _ = opened(tickets, "one", "two")
    first.close()
    tickets.serial = True
    late = (
        received(header="one") if how == "header" else received(body=b'{"user":"one"}')
    )
    assert "its stream is over" == tickets.find(late)


def test_an_unknown_token_in_the_header_is_a_stray(tickets):
    """A header that is not ours is not overruled by turn."""
    opened(tickets, "one")
    tickets.serial = True
    assert "its token belongs to no stream" == tickets.find(received(header="other"))


def test_a_token_is_used_once(tickets):
    """Open or closed, a token never stands for a second stream."""
    (one,) = opened(tickets, "one")
    with pytest.raises(ValueError, match="used before"):
        tickets.open("one", SCRIPT)
    one.close()
    with pytest.raises(ValueError, match="used before"):
        tickets.open("one", SCRIPT)


def test_nothing_to_wait_for_is_settled():
    """A ticket that no request reached is settled at once."""

    async def wait():
        await Tickets().open("one", SCRIPT).settled()

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
        finish=Finish.REFUSED,
        finish_at_ns=0,
    )
    plain = replace(wire, finish=Finish.COMPLETE)
    script = replace(SCRIPT, attempts=(wire, wire, plain, wire))
    tickets = Tickets()
    assert 3 == tickets.open("t1", script).next_attempt
    assert 1 == tickets.open("t2", SCRIPT).next_attempt

"""What an upstream gives to requests, and what it notes; tests/e2e has its sockets."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace

import pytest

from harness.cassette.model import Framing, Request
from harness.errors import InputError
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft
from harness.play.upstream import server as module
from harness.play.upstream.correlation import MatchedBy
from harness.play.upstream.requests import ReceivedRequest
from harness.play.upstream.server import Upstream, round_robin
from harness.scenario.model import ClientPlan
from harness.scenario.script import Script


def wire(status: int) -> WireDraft:
    """An answer with its own status."""
    return WireDraft(
        status=status,
        http_version="HTTP/1.1",
        headers=(),
        framing=Framing.CHUNKED,
        head_at_ns=0,
        writes=(),
        spans=(),
        end=StreamEnd.COMPLETE,
        end_at_ns=0,
    )


SCRIPT = Script(
    scenario_id="a/b",
    seed=1,
    request=Request(method="POST", path="/v1", headers=(), body=b"{}"),
    attempts=(wire(200), wire(201)),
    client=ClientPlan(),
)


class Listener:
    """A server of asyncio that listens nowhere."""

    family = socket.AF_INET

    def __init__(self):
        self.sockets = [self]
        self.closed = False

    def getsockname(self):
        return ("127.0.0.1", 5055)

    def close(self):
        self.closed = True

    async def wait_closed(self):
        return None


class Timers:
    """A timer that never fires."""

    def set(self, due_ns):
        """Do nothing."""

    def close(self):
        """Do nothing."""


@pytest.fixture
def _offline(monkeypatch):
    """Listen nowhere, and need no timer of the system."""

    async def listen(self):
        return Listener()

    monkeypatch.setattr(Upstream, "_listen", listen)
    scheduler = module.Scheduler
    monkeypatch.setattr(
        module,
        "Scheduler",
        lambda clock: scheduler(clock=clock, timer=lambda _: Timers()),
    )


def entered(drive, **options):
    """Drive a coroutine function with an upstream; its clock stands at 70 ns."""

    async def main():
        async with Upstream(clock=lambda: 70, **options) as upstream:
            return await drive(upstream)

    return asyncio.run(main())


def received(token: str | None = None) -> ReceivedRequest:
    """A request that was read at 50 ns."""
    headers = [] if token is None else [(b"x-harness-stream", token.encode())]
    return ReceivedRequest(method="POST", path="/v1", headers=headers, read_at_ns=50)


def test_answers_come_by_turn_over_and_over():
    """By hand there are no slots."""
    choose = round_robin([wire(200), wire(201)])
    assert [200, 201, 200] == [choose(received()).status for _ in range(3)]


@pytest.mark.usefixtures("_offline")
def test_a_slot_gives_its_attempts_one_after_another():
    """The last one repeats; how the slot was found is handed on."""

    async def drive(upstream):
        slot = upstream.expect("t1", SCRIPT)
        context = upstream._context
        statuses = []
        for _ in range(3):
            draft, *rest = context.assign(received("t1"))
            assert [slot, MatchedBy.HEADER] == rest
            statuses.append(draft.status)
            slot.add(SimpleNamespace(player=SimpleNamespace(stop=list)), rest[1])
        return statuses, context.assign(received("t2"))

    expected = [200, 201, 201], "its token belongs to no stream"
    assert expected == entered(drive)


@pytest.mark.usefixtures("_offline")
def test_a_responder_takes_the_place_of_slots():
    """It may have nothing left."""
    left = [wire(200)]

    async def drive(upstream):
        return [upstream._context.assign(received("t1")) for _ in range(2)]

    first, second = entered(drive, responder=lambda _: left.pop() if left else None)
    assert (200, None, None) == (first[0].status, *first[1:])
    assert "nothing is left to play" == second


@pytest.mark.usefixtures("_offline")
def test_a_request_of_no_stream_is_kept_with_its_time():
    """Bytes that were no request have none of their own: it is the present."""

    async def drive(upstream):
        upstream._context.add_unmatched(received(), "nobody asked")
        upstream._context.add_unmatched(ReceivedRequest(), "no request")
        return upstream.unmatched

    assert [(50, "POST", "/v1", "nobody asked"), (70, "", "", "no request")] == [
        (one.at_ns, one.method, one.path, one.why) for one in entered(drive)
    ]


@pytest.mark.usefixtures("_offline")
def test_the_end_of_an_answer_is_passed_on():
    """To whoever asked to know."""
    over = []

    async def drive(upstream):
        upstream._context.notify_over("served")

    entered(drive, on_over=over.append)
    entered(drive)
    assert ["served"] == over


@pytest.mark.usefixtures("_offline")
def test_by_turn_is_switched_on_and_off():
    """A preflight finds out whether it is needed."""

    async def drive(upstream):
        upstream.expect("t1", SCRIPT)
        before = upstream.serial, upstream._context.assign(received())
        upstream.serial = True
        return before, upstream._context.assign(received())[2]

    before, after = entered(drive)
    assert ((False, "it holds no token of an open stream"), MatchedBy.TURN) == (
        before,
        after,
    )


@pytest.mark.usefixtures("_offline")
def test_while_it_refuses_nothing_listens(monkeypatch):
    """Idle connections are closed, and afterwards it listens again."""
    closed = []

    class Holder:
        def __init__(self, *_):
            closed.append("opened")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            closed.append("holder")

        def setsockopt(self, *_):
            """Do nothing."""

        def bind(self, address):
            closed.append(address)

    class Idle:
        def close_idle(self):
            closed.append("idle")

        def stop(self):
            """Do nothing."""

    names = ("SOCK_STREAM", "SOL_SOCKET", "SO_REUSEADDR")
    constants = {name: getattr(socket, name) for name in names}
    monkeypatch.setattr(module, "socket", SimpleNamespace(socket=Holder, **constants))

    async def drive(upstream):
        first = upstream._server
        upstream._context.connections.add(Idle())
        async with upstream.refusing():
            assert first.closed
            assert first is upstream._server
        assert first is not upstream._server

    entered(drive)
    assert ["opened", ("127.0.0.1", 5055), "idle", "holder"] == closed


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")],
)
def test_the_url_is_one_that_clients_can_use(host, url):
    """IPv6 addresses are in brackets."""
    assert url == Upstream(host, 80).url


@pytest.mark.usefixtures("_offline")
def test_an_address_that_cannot_be_used_is_an_error_of_configuration(monkeypatch):
    """The system's own words, with the address."""

    async def listen(self):
        raise OSError(98, "[Errno 98] while attempting to bind: long words")

    monkeypatch.setattr(Upstream, "_listen", listen)

    async def drive(upstream):
        raise AssertionError

    with pytest.raises(InputError, match=r"cannot listen on 127\.0\.0\.1:81: Addr"):
        entered(drive, port=81)

"""What the clients of a bench count: losses, repeats, order, ages, ends.

There are no sockets: a transport answers a request with the bytes of the test.
"""

from __future__ import annotations

import asyncio

import pytest

from harness.bench.readers import run_load
from harness.bench.workload import DONE, FINISH, REQUEST, Workload, event
from tests.harness.play.client.test_stamped_connection import Transport

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nX-Arm: v2\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def chunk(*parts: bytes) -> bytes:
    """One transfer chunk."""
    data = b"".join(parts)
    return b"%x\r\n%b\r\n" % (len(data), data)


def wire(*numbers: int) -> bytes:
    """A whole answer of these events."""
    chunks = [chunk(event(number, 1)) for number in numbers]
    return HEAD + b"".join(chunks) + chunk(FINISH, DONE) + b"0\r\n\r\n"


class Answering(Transport):
    """A transport that brings an answer in reads of a size, once it was asked."""

    def __init__(self, protocol, answer, size):
        super().__init__()
        self.protocol, self.answer, self.size = protocol, answer, size

    def write(self, data):
        super().write(data)
        for start in range(0, len(self.answer), self.size):
            self.protocol.data_received(self.answer[start : start + self.size])
        self.protocol.connection_lost(None)


def load(*answers: bytes, events=3, size=1 << 16):
    """Run a load, a stream for each answer; return the result and the transports."""
    transports, addresses = [], []

    async def main():
        loop = asyncio.get_running_loop()

        async def create_connection(factory, host, port):
            protocol = factory()
            addresses.append((host, port))
            transport = Answering(protocol, answers[len(transports)], size)
            transports.append(transport)
            protocol.connection_made(transport)
            return transport, protocol

        loop.create_connection = create_connection
        workload = Workload(streams=len(answers), events=events, rate=0)
        return await run_load(
            "http://h:81/base/", workload, (("x-a", "1"),), deadline_s=10
        )

    result = asyncio.run(main())
    assert {("h", 81)} == set(addresses)
    return result, transports


@pytest.mark.parametrize("size", [1 << 16, 200, 7, 1])
def test_events_are_found_however_they_are_cut(size):
    """Also where a number or its stamp lies in two reads."""
    result, _ = load(wire(0, 1, 2), wire(0, 1, 2), size=size)
    assert (6, 0, 0) == (result.events, result.lost, result.unfinished)
    assert 2 == len(result.ttft_ns)
    # They were stamped when the clock of the machine began.
    assert min(result.delay_ns) > 0


@pytest.mark.parametrize(
    ("numbers", "events", "lost"),
    [
        ((0, 1), 2, 1),
        ((0, 2), 2, 2),
        ((0, 1, 1, 2), 4, 1),
        ((1, 0, 2), 3, 3),
        ((), 0, 3),
    ],
)
def test_losses_repeats_and_a_wrong_order_are_counted(numbers, events, lost):
    """An event is wrong where it is not the one after the event before it."""
    result, _ = load(wire(*numbers))
    assert (events, lost, 0) == (result.events, result.lost, result.unfinished)


@pytest.mark.parametrize(
    "answer",
    [
        wire(0, 1, 2).removesuffix(b"0\r\n\r\n"),
        HEAD + b"".join(chunk(event(n, 1)) for n in range(3)) + b"0\r\n\r\n",
        wire(0, 1, 2).replace(chunk(FINISH, DONE), b"zz\r\n"),
    ],
)
def test_a_stream_without_its_end_is_unfinished(answer):
    """Neither the last event nor the end of the body may be missing."""
    result, _ = load(answer)
    assert (3, 0, 1) == (result.events, result.lost, result.unfinished)


def test_an_answer_without_text_has_no_time_to_its_first():
    """It must not count as an instant one."""
    result, _ = load(HEAD + b"0\r\n\r\n")
    assert ([], 0) == (result.ttft_ns, result.events)


def test_the_request_has_the_path_of_the_base_and_all_headers():
    """Connections are closed in the end."""
    result, (transport,) = load(wire(0, 1, 2))
    head, _, body = transport.done[0][1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /base/v1/chat/completions HTTP/1.1\r\nhost: h:81\r\n")
    assert head.endswith(b"\r\nx-a: 1")
    assert REQUEST == body
    assert ("abort",) == transport.done[-1]
    assert (b"x-arm", b"v2") in result.headers

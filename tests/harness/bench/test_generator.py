"""The model server of a bench: what it sends, and when; no socket and no time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import httptools
import pytest

from harness.bench import generator as module
from harness.bench.generator import Generator
from harness.bench.workload import DONE, FINISH, MARK
from tests.harness.play.client.test_stamped_connection import Transport

POST = b"POST /v1 HTTP/1.1\r\nhost: u\r\ncontent-length: 2\r\n\r\n{}"


class Loop:
    """A loop whose calls are made by the test, at the times that were asked for."""

    def __init__(self):
        self.calls = []
        self.due_s = []

    def time(self):
        return 100.0

    def call_at(self, due_s, call):
        self.due_s.append(due_s)
        self.calls.append(call)

    def call_soon(self, call):
        self.calls.append(call)

    def run(self):
        while self.calls:
            self.calls.pop(0)()


class Body:
    """Reads an answer with llhttp."""

    def __init__(self, wire):
        self.text, self.chunks, self.whole = b"", 0, False
        httptools.HttpResponseParser(self).feed_data(wire)

    def on_body(self, data):
        self.text += data

    def on_chunk_header(self):
        self.chunks += 1

    def on_message_complete(self):
        self.whole = True


@pytest.fixture
def loop(monkeypatch):
    """Put a loop without time in place of the running one."""
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop


def connected(line: str):
    """Return a connection to a generator that took a line, and its transport."""
    generator, transport = Generator(), Transport()
    generator.configure(line)
    connection = module._Connection(generator)
    connection.connection_made(transport)
    return connection, transport


def written(transport) -> bytes:
    """What was written."""
    return b"".join(step[1] for step in transport.done if step[0] == "write")


def test_phases_fill_a_gap_evenly():
    """Streams that began at different times do not send at the same instant."""
    generator = Generator()
    phases = sorted(generator.phase() for _ in range(100))
    gaps = [two - one for one, two in pairwise(phases)]
    assert 0 <= phases[0] <= phases[-1] < 1
    assert max(gaps) < 0.02


def test_a_line_holds_for_the_streams_after_it():
    """And they are spread again."""
    generator = Generator()
    first = generator.phase()
    generator.configure('{"events": 5, "rate": 20}')
    assert (5, 20.0, first) == (generator.events, generator.rate, generator.phase())


def test_a_stream_has_every_event_once_in_order_and_its_end(loop):
    """One chunk for each, without a pace in bursts."""
    connection, transport = connected('{"events": 40, "rate": 0}')
    connection.data_received(POST)
    loop.run()
    body = Body(written(transport))
    assert list(range(40)) == [int(found[1]) for found in MARK.finditer(body.text)]
    assert body.text.endswith(FINISH + DONE)
    # The end of the body is a chunk as well.
    assert (True, 40 + 1 + 1) == (body.whole, body.chunks)


def test_unpaced_streams_take_turns(loop):
    """After 16 events another one may send."""
    connection, transport = connected('{"events": 40, "rate": 0}')
    connection.data_received(POST)
    loop.calls.pop(0)()
    assert 16 == len(MARK.findall(written(transport)))
    loop.calls.pop(0)()
    assert 32 == len(MARK.findall(written(transport)))


def test_a_pace_is_one_event_in_each_gap(loop):
    """From a phase of its own, on a grid that does not drift."""
    connection, transport = connected('{"events": 4, "rate": 20}')
    connection.data_received(POST)
    loop.run()
    first, *others = loop.due_s
    assert 100.0 <= first < 100.05
    assert others == pytest.approx([first + 0.05, first + 0.1, first + 0.15])
    assert Body(written(transport)).whole


@pytest.mark.parametrize("rate", [0, 20])
def test_a_client_that_does_not_read_is_waited_for(loop, rate):
    """Nothing is lost when it reads on."""
    connection, transport = connected(f'{{"events": 3, "rate": {rate}}}')
    connection.data_received(POST)
    connection.pause_writing()
    loop.run()
    assert b"" == written(transport).partition(b"\r\n\r\n")[2]
    connection.resume_writing()
    loop.run()
    assert 3 == len(MARK.findall(Body(written(transport)).text))


@pytest.mark.parametrize(("version", "closed"), [(b"1.1", False), (b"1.0", True)])
def test_a_connection_is_kept_if_the_request_allows_it(loop, version, closed):
    """A proxy may keep its connections to the upstream."""
    connection, transport = connected('{"events": 1, "rate": 0}')
    connection.data_received(POST.replace(b"1.1", version))
    loop.run()
    assert closed is transport.is_closing()


def test_a_client_that_left_is_sent_nothing(loop):
    """The rest of its stream is dropped."""
    connection, transport = connected('{"events": 40, "rate": 0}')
    connection.data_received(POST)
    loop.calls.pop(0)()
    before = written(transport)
    connection.connection_lost(None)
    loop.run()
    assert before == written(transport)

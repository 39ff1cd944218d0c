"""How much a slow client reads, and when it sleeps; no socket and no time."""

from __future__ import annotations

import asyncio

import pytest

from harness.play.client.throttle import ThrottledReader
from harness.scenario.model import Pause, ReadPlan
from tests.harness.play.client.test_stamped_connection import Transport


class Inner:
    """A protocol that counts its bytes, and notes what happens to it."""

    def __init__(self):
        self.body_length = 0
        self.has_head = True
        self.seen = []

    def data_received(self, data):
        self.body_length += len(data)
        self.seen.append(data)

    def __getattr__(self, name):
        return lambda *arguments: self.seen.append((name, *arguments))


class Loop:
    """A loop whose timers are fired by the test."""

    def __init__(self):
        self.timers = []

    def call_later(self, seconds, callback):
        self.timers.append([seconds, callback])
        return self

    def cancel(self):
        self.timers.clear()

    def fire(self):
        self.timers.pop(0)[1]()


class Reading(Transport):
    """A transport that knows whether it is read from."""

    reading = True

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


@pytest.fixture
def loop(monkeypatch):
    """Put a loop without time in place of the running one."""
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop


def made(plan):
    """Return a reader with its inner protocol and its transport."""
    inner, transport = Inner(), Reading()
    reader = ThrottledReader(inner, plan)
    reader.connection_made(transport)
    inner.seen.clear()
    return reader, inner, transport


def bring(reader, data):
    """Bring bytes as asyncio does, in as many reads as the buffer takes."""
    sizes = []
    while data:
        buffer = reader.get_buffer(-1)
        size = min(len(buffer), len(data))
        buffer[:size], data = data[:size], data[size:]
        reader.buffer_updated(size)
        sizes.append(size)
    return sizes


def test_a_rate_is_a_small_read_and_a_pause_after_each(loop):
    """50 kB/s are 1,000 bytes every 20 ms."""
    reader, inner, transport = made(ReadPlan(bytes_per_s=50_000))
    assert [1000] == bring(reader, b"x" * 1000)
    assert (False, [0.02]) == (transport.reading, [timer[0] for timer in loop.timers])
    loop.fire()
    assert transport.reading
    assert b"x" * 1000 == b"".join(inner.seen)


def test_a_pause_begins_when_enough_of_the_body_was_read(loop):
    """Near it reads are a KiB; after it they are large again."""
    pause = Pause(after_bytes=70_000, for_ms=400)
    reader, _, transport = made(ReadPlan(pause=pause))
    assert [65_536, 4464] == bring(reader, b"x" * 70_000)
    assert ([0.4], False) == ([timer[0] for timer in loop.timers], transport.reading)
    loop.fire()
    assert transport.reading
    assert [65_536] == bring(reader, b"x" * 65_536)
    assert [] == loop.timers


def test_near_the_pause_a_read_is_a_kib(loop):
    """Head and framing are read as well, which do not count as body."""
    reader, inner, transport = made(ReadPlan(pause=Pause(after_bytes=10, for_ms=1)))
    inner.has_head = False
    assert [1024, 976] == bring(reader, b"x" * 2000)
    assert (transport.reading, []) == (True, loop.timers)
    inner.has_head = True
    bring(reader, b"x")
    assert not transport.reading


def test_a_pause_may_have_no_end(loop):
    """Nothing wakes the client again."""
    reader, _, transport = made(ReadPlan(pause=Pause(after_bytes=1, for_ms=None)))
    bring(reader, b"x")
    assert (False, []) == (transport.reading, loop.timers)


def test_a_client_that_left_does_not_sleep(loop):
    """Its transport is closing, and a timer would be left behind."""
    reader, _, transport = made(ReadPlan(bytes_per_s=50_000))
    transport.abort()
    bring(reader, b"x")
    assert [] == loop.timers


def test_a_connection_that_is_lost_drops_its_timer(loop):
    """The timer is dropped, and the inner protocol hears of the loss."""
    reader, inner, _ = made(ReadPlan(bytes_per_s=50_000))
    bring(reader, b"x")
    reader.connection_lost(None)
    assert [] == loop.timers
    assert ("connection_lost", None) == inner.seen[-1]


def test_waking_after_the_end_reads_nothing(loop):
    """A closing transport must not be resumed."""
    reader, _, transport = made(ReadPlan(bytes_per_s=50_000))
    bring(reader, b"x")
    transport.close()
    loop.fire()
    assert not transport.reading


def test_everything_else_is_passed_on(loop):
    """The inner protocol sees what it would see at the transport itself."""
    reader, inner, _ = made(ReadPlan(bytes_per_s=50_000))
    reader.pause_writing()
    reader.resume_writing()
    reader.eof_received()
    assert [("pause_writing",), ("resume_writing",), ("eof_received",)] == inner.seen
    assert [] == loop.timers

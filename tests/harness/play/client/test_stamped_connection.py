"""Stamps, the head that is handed on, and when a connection may be kept."""

from __future__ import annotations

import asyncio

import pytest

from harness.judge.evidence.observation import ClientEnd
from harness.play.client.response_reader import ResponseReader
from harness.play.client.stamped_connection import StampedConnection
from harness.scenario.model import Abort, AbortHow, ClientPlan

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


class Transport(asyncio.Transport):
    """A transport that notes what is done with it."""

    def __init__(self):
        super().__init__()
        self.done = []

    def set_write_buffer_limits(self, high=None, low=None):
        self.done.append(("limits", high))

    def write(self, data):
        self.done.append(("write", data))

    def write_eof(self):
        self.done.append(("eof",))

    def abort(self):
        self.done.append(("abort",))

    def close(self):
        self.done.append(("close",))

    def is_closing(self):
        return ("close",) in self.done or ("abort",) in self.done


def connected(plan: ClientPlan | None = None):
    """Return a connection whose clock counts its readings, with its transport."""
    ticks = iter(range(1, 100))
    connection = StampedConnection(
        ResponseReader(), clock=lambda: next(ticks), plan=plan
    )
    transport = Transport()
    connection.connection_made(transport)
    return connection, transport


def run(drive):
    """Run a coroutine function."""
    return asyncio.run(drive())


def test_every_read_is_kept_raw_with_its_time():
    """The reader judges it; what comes after the end is not stamped any more."""

    async def drive():
        connection, transport = connected()
        for data in (HEAD, b"ab", b"cd"):
            connection.data_received(data)
        assert connection.over.done()
        connection.data_received(b"more")
        assert [(1, HEAD), (2, b"ab"), (3, b"cd")] == connection.raw
        assert (ClientEnd.COMPLETE, 4) == (
            connection.reader.end,
            connection.body_length,
        )
        assert [("limits", 0)] == transport.done

    run(drive)


def test_bytes_are_handed_on_until_the_client_library_has_the_head():
    """Then nothing is buffered any more."""

    async def drive():
        connection, _ = connected()
        reading = asyncio.ensure_future(connection.read(10))
        await asyncio.sleep(0)
        assert connection.sent.done()
        connection.data_received(HEAD)
        assert HEAD[:10] == await reading
        assert HEAD[10:] == await connection.read(1000)
        connection.stop_buffering()
        connection.data_received(b"abcd")
        assert b"" == await connection.read(1000)

    run(drive)


def test_a_reset_is_an_error_for_who_reads_the_head():
    """FIN is the end, RST is not."""

    async def drive():
        connection, _ = connected()
        connection.eof_received()
        assert b"" == await connection.read(1)
        connection, _ = connected()
        connection.connection_lost(ConnectionResetError())
        with pytest.raises(ConnectionResetError):
            await connection.read(1)

    run(drive)


def test_sent_is_when_the_kernel_took_the_bytes():
    """A send waits for it, and on a closed connection it fails."""

    async def drive():
        connection, transport = connected()
        connection.pause_writing()
        sending = asyncio.ensure_future(connection.send(b"x"))
        await asyncio.sleep(0)
        assert connection.sent_at_ns is None
        connection.resume_writing()
        await sending
        assert 1 == connection.sent_at_ns
        transport.close()
        with pytest.raises(BrokenPipeError):
            await connection.send(b"y")

    run(drive)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (HEAD + b"abcd", True),
        (HEAD + b"ab", False),
        (HEAD + b"abcdef", False),
        (HEAD.replace(b"1.1", b"1.0") + b"abcd", False),
        (HEAD.replace(b"OK\r\n", b"OK\r\nConnection: Close\r\n") + b"abcd", False),
    ],
)
def test_only_after_a_whole_answer_another_request_may_follow(answer, expected):
    """Nor where the peer says that it closes, or sent more than an answer."""

    async def drive():
        connection, _ = connected()
        connection.data_received(answer)
        return connection.can_be_kept()

    assert expected is run(drive)


def test_a_client_that_shuts_its_sending_half_goes_on_reading():
    """It does so once; its connection is not kept."""

    async def drive():
        plan = ClientPlan(abort=Abort(after_bytes=2, how=AbortHow.HALF_CLOSE))
        connection, transport = connected(plan)
        for data in (HEAD, b"ab", b"c", b"d"):
            connection.data_received(data)
        assert [("limits", 0), ("eof",)] == transport.done
        assert (None, ClientEnd.COMPLETE) == (
            connection.left_at_ns,
            connection.reader.end,
        )
        assert not connection.can_be_kept()

    run(drive)


def test_a_client_that_leaves_resets_the_connection():
    """What comes later is not its business."""

    async def drive():
        plan = ClientPlan(abort=Abort(after_bytes=2))
        connection, transport = connected(plan)
        connection.data_received(HEAD + b"ab")
        assert ("abort",) == transport.done[-1]
        assert 2 == connection.left_at_ns
        assert connection.over.done()

    run(drive)

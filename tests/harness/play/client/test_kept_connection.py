"""What a connection that is kept is good for."""

from __future__ import annotations

from harness.play.client.kept_connection import KeptConnection


class Transport:
    """A transport that its peer may close."""

    def __init__(self):
        self.protocol = None
        self.closing = False

    def set_protocol(self, protocol):
        self.protocol = protocol

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True


class Connection:
    """A stamped connection whose answer ended, in a way that allows more or not."""

    def __init__(self, *, good=True):
        self.transport = Transport()
        self.good = good

    def can_be_kept(self):
        return self.good


def test_it_is_taken_once():
    """Bytes that arrive meanwhile are not stamped."""
    kept, connection = KeptConnection(), Connection()
    assert kept.keep(connection)
    assert connection.transport.protocol is not None
    assert connection.transport is kept.take()
    assert kept.reused
    assert kept.take() is None
    assert not kept.reused


def test_one_that_does_not_allow_another_exchange_is_not_kept():
    """Its owner has to close it."""
    kept, connection = KeptConnection(), Connection(good=False)
    assert not kept.keep(connection)
    assert kept.take() is None
    assert not connection.transport.closing


def test_one_that_its_peer_closed_is_not_taken():
    """The next exchange gets a fresh one."""
    kept, connection = KeptConnection(), Connection()
    kept.keep(connection)
    connection.transport.close()
    assert kept.take() is None
    assert not kept.reused


def test_closing_frees_what_is_kept():
    """Closing twice does no harm."""
    kept, connection = KeptConnection(), Connection()
    kept.keep(connection)
    kept.close()
    kept.close()
    assert connection.transport.closing
    assert kept.take() is None

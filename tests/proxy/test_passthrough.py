from __future__ import annotations

import pytest

from proxy.passthrough import PassThrough

CANCEL = ("cancel_timer", "limit")


def started() -> PassThrough:
    """Return a relay that was asked."""
    relay = PassThrough(timeout_ns=7)
    commands = relay.handle(100, ("request", b"GET", b"/v1/x", (), b""))
    assert commands == [("connect", 1), ("set_timer", "limit", 107)]
    return relay


def headed() -> PassThrough:
    """Return a relay that passed a head on."""
    relay = started()
    headers = ((b"A", b"1"), (b"Connection", b"x"), (b"X", b"y"))
    assert relay.handle(101, ("head", 404, headers)) == [
        ("send_head", 404, ((b"A", b"1"),))
    ]
    return relay


def test_what_comes_is_passed_on():
    """Status, end-to-end headers and every piece of the body."""
    relay = headed()
    assert relay.handle(102, ("data", b"x")) == [("send", b"x")]
    assert relay.handle(103, ("ended", "complete")) == [CANCEL, ("end",)]


@pytest.mark.parametrize("kind", ["truncated", "reset", "protocol_error"])
def test_an_answer_that_breaks_off_is_broken_off(kind):
    """It must not look finished."""
    assert headed().handle(102, ("ended", kind)) == [CANCEL, ("abort",)]


@pytest.mark.parametrize("kind", ["refused", "truncated", "reset", "protocol_error"])
def test_a_failure_before_the_head_is_a_502(kind):
    """The client gets the reason."""
    commands = started().handle(102, ("ended", kind))
    assert [command[0] for command in commands] == [
        "cancel_timer",
        "send_head",
        "send",
        "end",
    ]
    assert commands[1][1] == 502
    assert kind.encode() in commands[2][1]


def test_the_limit_is_a_504_before_the_head_and_a_cut_after_it():
    """The upstream is freed in both cases, and nothing follows."""
    relay = started()
    commands = relay.handle(107, ("timer", "limit"))
    assert commands[0] == ("close_upstream",)
    assert commands[1][:2] == ("send_head", 504)
    assert relay.handle(108, ("ended", "reset")) == []
    relay = headed()
    assert relay.handle(107, ("timer", "limit")) == [("close_upstream",), ("abort",)]


def test_a_client_that_leaves_ends_it():
    """Nothing is sent to nobody."""
    relay = headed()
    assert relay.handle(102, ("client_gone", "fin")) == [("close_upstream",), CANCEL]
    assert relay.handle(103, ("data", b"x")) == []


def test_a_client_that_reads_again_changes_nothing():
    """The driver alone resumes the upstream."""
    assert headed().handle(102, ("writable",)) == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [("connect_timeout", 504), ("refused", 502), ("truncated", 502), ("complete", 502)],
)
def test_an_upstream_that_was_late_has_its_own_status(kind, status):
    """A client may retry one and not the other."""
    relay = PassThrough(timeout_ns=1)
    relay.handle(0, ("request", b"GET", b"/v1/x", (), b""))
    heads = [
        command
        for command in relay.handle(1, ("ended", kind))
        if command[0] == "send_head"
    ]
    assert [head[1] for head in heads] == [status]

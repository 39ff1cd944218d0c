from __future__ import annotations

import pytest

from proxy.v2 import BREAKER, breaker_state, make_relay
from proxy.v2.recovery.breaker import CircuitState

REQUEST = ("request", b"POST", b"/v1/chat/completions", (), b"{}")
ONE_ERROR = {"STREAMING_MAX_ERRORS": "1", "STREAMING_RETRIES": "0"}


def names(commands):
    """Return the names of commands."""
    return [command[0] for command in commands]


def fail(shared):
    """Let the only attempt of a stream fail."""
    relay = make_relay(ONE_ERROR, 0, shared)
    relay.handle(0, REQUEST)
    relay.handle(1, ("ended", "refused"))


def test_streams_of_one_proxy_share_the_circuit():
    """A failure of one stream refuses the next."""
    shared = {}
    fail(shared)

    commands = make_relay(ONE_ERROR, 1, shared).handle(2, REQUEST)

    assert "connect" not in names(commands)
    (head,) = [command for command in commands if command[0] == "send_head"]
    assert head[1] == 503


@pytest.mark.parametrize("shared", [None, {}])
def test_a_stream_that_shares_nothing_has_its_own_circuit(shared):
    """Another proxy, or a stream alone, is not concerned."""
    fail({})

    commands = make_relay(ONE_ERROR, 1, shared).handle(2, REQUEST)

    assert "connect" in names(commands)


@pytest.mark.parametrize(
    ("state", "number"),
    [
        (CircuitState.CLOSED, 0),
        (CircuitState.HALF_OPEN, 1),
        (CircuitState.OPEN, 2),
    ],
)
def test_the_state_of_the_circuit_is_a_number(state, number):
    """For a gauge; the worst state is the highest."""
    shared = {}
    make_relay({}, 0, shared)
    shared[BREAKER].state = state

    assert number == breaker_state(shared)


def test_without_a_stream_the_circuit_is_closed():
    """No relay has made a breaker yet."""
    assert breaker_state({}) == 0


def test_a_bad_setting_is_refused():
    """Before the stream begins, with the name of the variable."""
    with pytest.raises(ValueError, match="STREAMING_RETRIES: expected a whole number"):
        make_relay({"STREAMING_RETRIES": "x"}, 0)


def test_settings_are_those_of_the_stream():
    """A stream with other settings is not served from the memory of the last."""
    for seconds in ("7", "8", "7"):
        relay = make_relay({"STREAMING_TIMEOUT_SECONDS": seconds}, 0)
        (timer,) = [
            command for command in relay.handle(0, REQUEST) if command[1] == "total"
        ]
        assert timer == ("set_timer", "total", int(seconds) * 1_000_000_000)

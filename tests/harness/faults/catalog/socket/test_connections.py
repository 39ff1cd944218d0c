from __future__ import annotations

import pytest

from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.delivery import SocketPlan
from harness.faults.registry import FaultCall, FaultError, find_live_only

MS = 1_000_000


def test_the_connection_has_a_plan(play):
    """Every fault sets its part and leaves the others."""
    wire = play(
        {"accept_delay": {"ms": 5}},
        {"keepalive_close": {"idle_ms": 7}},
        {"nodelay": {}},
    )
    assert (
        SocketPlan(accept_ns=5 * MS, idle_ns=7 * MS, nodelay=False)
        == wire.delivery.socket
    )
    assert (
        3 == play({"keepalive_close": {"after_requests": 3}}).delivery.socket.requests
    )


def test_a_refusal_has_nothing_to_send(play):
    """There is no connection to send it on."""
    wire = play({"close_before_head": {"how": "refuse"}})
    assert (StreamEnd.REFUSED, None, 0, b"") == (
        wire.end,
        wire.head_at_ns,
        wire.end_at_ns,
        wire.body,
    )


@pytest.mark.parametrize("parameters", [{}, {"idle_ms": 1, "after_requests": 1}])
def test_a_kept_connection_is_closed_in_one_way(play, parameters):
    """By time or by number."""
    with pytest.raises(FaultError, match="expected one of idle_ms and after_requests"):
        play({"keepalive_close": parameters})


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("stall", {"at": {"event": 1}}, None),
        ("nodelay", {}, "nodelay"),
        ("content_encoding", {"coding": "gzip"}, "content_encoding"),
        ("framing", {"mode": "close"}, None),
        ("framing", {"mode": "dup_te"}, 'framing with mode: "dup_te"'),
        ("headers", {"set": {"a": "1"}}, None),
        ("headers", {"raw_lines": ["a"]}, 'headers with raw_lines: ["a"]'),
        ("segment", {"size": 1}, None),
        ("segment", {"size": 1, "of": "wire"}, 'segment with of: "wire"'),
    ],
)
def test_what_virtual_time_cannot_show_is_declared(name, parameters, expected):
    """With the fault, for all of it or for some of its parameters."""
    calls = [
        FaultCall(name="sse_bom", parameters={}),
        FaultCall(name=name, parameters=parameters),
    ]
    assert expected == find_live_only(calls)

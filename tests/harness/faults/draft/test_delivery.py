from __future__ import annotations

from harness.faults.draft.delivery import Delivery, Heartbeat, SendSizes, SocketPlan


def test_every_wait_is_divided_by_the_speed():
    """What is no time stays."""
    plan = SocketPlan(accept_ns=10, idle_ns=30, requests=4)
    slow = Delivery(
        surplus=b"x",
        heartbeat=Heartbeat(every_ns=40, data=b":\n\n"),
        send_sizes=SendSizes(sizes=(1,), gap_ns=20),
        socket=plan,
    )

    assert slow.scaled(2.0) == Delivery(
        surplus=b"x",
        heartbeat=Heartbeat(every_ns=20, data=b":\n\n"),
        send_sizes=SendSizes(sizes=(1,), gap_ns=10),
        socket=SocketPlan(accept_ns=5, idle_ns=15, requests=4),
    )
    assert Delivery().scaled(2.0) == Delivery()

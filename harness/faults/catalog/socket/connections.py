"""Faults of the connection itself: accepted late, closed while idle, slow to send."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from harness.faults.draft.wire import WireDraft
from harness.faults.errors import FaultError
from harness.faults.parameters import Count, Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["accept_delay", "keepalive_close", "nodelay"]


@fault(Layer.SOCKET, example={"ms": 300})
def accept_delay(draft: WireDraft, *, ms: Milliseconds) -> WireDraft:
    """Serve a new connection only after a delay.

    As with a server whose accept queue is long, the kernel accepts connection and
    request immediately, but nobody reads the request yet. A reused connection is
    already accepted and is served immediately.

    Args:
        draft: The stream.
        ms: The delay.

    Oracle:
        Both: as sent.
    """
    socket = replace(draft.delivery.socket, accept_ns=round(ms * NS_PER_MS))
    delivery = replace(draft.delivery, socket=socket)
    return replace(draft, delivery=delivery).with_note(f"accepted {ms:g} ms late")


@fault(Layer.SOCKET, example={"idle_ms": 100}, live_only=True)
def keepalive_close(
    draft: WireDraft,
    *,
    idle_ms: Milliseconds | None = None,
    after_requests: Count | None = None,
) -> WireDraft:
    """Close a kept connection by FIN, without a notice in the head.

    Args:
        draft: The stream.
        idle_ms: The time without a request after which it is closed.
        after_requests: The number of answers after which it is closed immediately.

    Oracle:
        Both: the answer passes; the next request does not fail because of it.
    """
    if (idle_ms is None) is (after_requests is None):
        raise FaultError("expected one of idle_ms and after_requests")
    idle_ns = None if idle_ms is None else round(idle_ms * NS_PER_MS)
    socket = replace(draft.delivery.socket, idle_ns=idle_ns, requests=after_requests)
    delivery = replace(draft.delivery, socket=socket)
    when = (
        f"after {after_requests} answer(s)"
        if idle_ms is None
        else f"when it was idle for {idle_ms:g} ms"
    )
    return replace(draft, delivery=delivery).with_note(
        f"closed the kept connection {when}"
    )


@fault(Layer.SOCKET, example={"on": False}, live_only=True)
def nodelay(draft: WireDraft, *, on: Literal[False] = False) -> WireDraft:
    """Leave small sends to Nagle's algorithm, which waits for acknowledgements.

    The head and every write are sends of their own; with a reader that delays its
    acknowledgements each may arrive about 40 ms late.

    Args:
        draft: The stream.
        on: The socket option TCP_NODELAY.

    Oracle:
        Both: as sent; the proxy adds no delay of its own.
    """
    socket = replace(draft.delivery.socket, nodelay=on)
    delivery = replace(draft.delivery, socket=socket)
    return replace(draft, delivery=delivery).with_note("sent with TCP_NODELAY off")

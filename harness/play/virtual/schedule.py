"""The schedule of an upstream: a draft as the events that a relay gets."""

from __future__ import annotations

from typing import Any

from harness.cassette.model import Framing, Headers
from harness.faults.draft.blocks import StreamEnd
from harness.faults.draft.wire import WireDraft

__all__ = ["Schedule", "encoded", "schedule_of", "silent_from_ns"]

Schedule = tuple[tuple[int, tuple[Any, ...]], ...]
"""The events of an upstream for a relay, in order, each with its time since the
connection was accepted."""


def schedule_of(wire: WireDraft) -> Schedule:
    """Return what a reader of the upstream's wire sees, with the times."""
    if wire.end is StreamEnd.REFUSED:
        return ((0, ("ended", "refused")),)
    schedule: list[tuple[int, tuple[Any, ...]]] = []
    visible = 0
    at_ns = wire.head_at_ns or 0
    if wire.head_at_ns is not None:
        head = ("head", wire.status, encoded(_wire_headers(wire)))
        schedule.append((wire.head_at_ns, head))
    for write in wire.writes:
        # A write never overtakes the one before it, as on a socket.
        at_ns = max(at_ns, write.at_ns)
        if write.raw:
            return (*schedule, (at_ns, ("ended", "protocol_error")))
        data = write.data
        if wire.promised_length is not None:
            data = data[: max(0, wire.promised_length - visible)]
        visible += len(data)
        if data:
            schedule.append((at_ns, ("data", data)))
    ended_as = _ended_as(wire, visible)
    if ended_as is not None:
        schedule.append((max(at_ns, wire.end_at_ns), ("ended", ended_as)))
    return tuple(schedule)


def silent_from_ns(wire: WireDraft) -> int:
    """Return the start of a stall, in which there may be heartbeats."""
    last_ns = max((write.at_ns for write in wire.writes), default=0)
    return max(wire.head_at_ns or 0, last_ns, wire.end_at_ns)


def encoded(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """Return header fields as bytes."""
    return tuple(
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers
    )


def _ended_as(wire: WireDraft, visible: int) -> str | None:
    """Return what a reader of the upstream's wire sees at its end; None: nothing."""
    if wire.end is StreamEnd.STALL:
        return None
    if wire.end is StreamEnd.RESET:
        return "reset"
    if wire.head_at_ns is None:
        return "truncated"
    if wire.end in {StreamEnd.TRUNCATED, StreamEnd.HALF_CLOSED}:
        return "complete" if wire.framing is Framing.CLOSE else "truncated"
    short = wire.promised_length is not None and visible < wire.promised_length
    return "truncated" if short else "complete"


def _wire_headers(wire: WireDraft) -> Headers:
    """Return the headers on the wire, framing included."""
    if wire.framing is Framing.CHUNKED:
        return (*wire.headers, ("Transfer-Encoding", "chunked"))
    if wire.framing is Framing.CONTENT_LENGTH:
        length = wire.promised_length
        if length is None:
            length = len(wire.body)
        return (*wire.headers, ("Content-Length", str(length)))
    return wire.headers

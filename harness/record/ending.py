"""Classifies how a recorded stream ended.

mitmproxy reports an end by one of three hooks, and its texts do not say which side
ended it: a reset by the server is reported as "reset by client", a stalled upstream as
"Client disconnected". So the kind is decided from facts, by the first rule that holds:

1. The recorder stops, or another addon kills the flow: ``recorder_stopped``.
2. The message ended by its framing: ``complete``. If the end of the connection is the
   framing, a reset looks the same, and only the socket shows it: ``reset``.
3. The client's connection was closed for idleness: ``timeout``.
4. The client ended it: ``client_closed``.
5. The upstream sent RST (TCP, or RST_STREAM in HTTP/2): ``reset``.
6. The upstream ended it in any other way: ``truncated``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.cassette.model import EndingKind

__all__ = ["EndFacts", "Hook", "Side", "classify"]


class Hook(StrEnum):
    """The hook of mitmproxy that reported the end."""

    RESPONSE = "response"
    ERROR = "error"
    DONE = "done"


class Side(StrEnum):
    """The side that ended a stream."""

    CLIENT = "client"
    UPSTREAM = "upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndFacts:
    """The known facts about an end; None: this mitmproxy does not show it.

    Attributes:
        hook: The hook that reported it.
        side: The side that ended it, if the layer that noticed says so.
        client_gone: Whether the client's connection was closed at the time of the hook;
            used if ``side`` is None.
        closed_by_length: Whether the framing itself marks the end of the body.
        upstream_reset: Whether the upstream's socket had been reset.
        stream_reset: Whether HTTP/2 reset this one stream.
        timed_out: Whether the connection was closed for idleness.
        silent_ns: Time since the last bytes arrived.
        idle_limit_ns: Silence after which mitmproxy closes a connection; used if
            ``timed_out`` is None.
        killed: Whether another addon killed the flow.
    """

    hook: Hook
    side: Side | None = None
    client_gone: bool = False
    closed_by_length: bool = True
    upstream_reset: bool | None = None
    stream_reset: bool = False
    timed_out: bool | None = None
    silent_ns: int = 0
    idle_limit_ns: int | None = None
    killed: bool = False


def classify(facts: EndFacts) -> EndingKind:
    """Return how the stream ended, by the rules of this module."""
    if facts.hook is Hook.DONE or facts.killed:
        return EndingKind.RECORDER_STOPPED
    if facts.hook is Hook.RESPONSE:
        if facts.upstream_reset and not facts.closed_by_length:
            return EndingKind.RESET
        return EndingKind.COMPLETE
    if _side(facts) is Side.CLIENT:
        return EndingKind.TIMEOUT if _timed_out(facts) else EndingKind.CLIENT_CLOSED
    if facts.upstream_reset or facts.stream_reset:
        return EndingKind.RESET
    return EndingKind.TRUNCATED


def _side(facts: EndFacts) -> Side:
    if facts.side is not None:
        return facts.side
    return Side.CLIENT if facts.client_gone else Side.UPSTREAM


def _timed_out(facts: EndFacts) -> bool:
    if facts.timed_out is not None:
        return facts.timed_out
    return facts.idle_limit_ns is not None and facts.silent_ns >= facts.idle_limit_ns

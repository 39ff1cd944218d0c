"""The relay for answers that are not streams: it passes the upstream's bytes on.

It has the contract of an architecture, so the driver needs no second path. Status,
end-to-end headers and body pass unchanged and immediately. An upstream that fails
before its head becomes 502; one that is silent for too long, or cannot be connected to
in time, 504; if it breaks off later, the answer to the client is broken off as well,
without the terminator.
"""

from __future__ import annotations

from proxy.http.error_responses import error_body
from proxy.http.headers import end_to_end
from proxy.relay import Command, Ending, Event

__all__ = ["PassThrough"]

_TIMER = "limit"


class PassThrough:
    """The relay of one answer that passes unchanged.

    Args:
        timeout_ns: Limit of the whole exchange, in nanoseconds.
    """

    __slots__ = ("_done", "_headed", "_timeout_ns")

    def __init__(self, *, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._headed = False
        self._done = False

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Take one event and return the commands; see :mod:`proxy.relay`."""
        if self._done:
            return []
        match event:
            case ("data", data):
                return [("send", data)]
            case ("request", *_):
                limit_ns = now_ns + self._timeout_ns
                return [("connect", 1), ("set_timer", _TIMER, limit_ns)]
            case ("head", status, headers):
                self._headed = True
                return [("send_head", status, end_to_end(headers))]
            case ("ended", kind):
                return self._ended(kind)
            case ("timer", _):
                return self._timed_out()
            case ("client_gone", _):
                self._done = True
                return [("close_upstream",), ("cancel_timer", _TIMER)]
            case _:
                return []

    def _ended(self, kind: Ending) -> list[Command]:
        self._done = True
        cancel: Command = ("cancel_timer", _TIMER)
        if self._headed:
            return [cancel, ("end",)] if kind == "complete" else [cancel, ("abort",)]
        status = 504 if kind == "connect_timeout" else 502
        return [cancel, *_error(status, f"the upstream's answer did not begin: {kind}")]

    def _timed_out(self) -> list[Command]:
        self._done = True
        close: Command = ("close_upstream",)
        if self._headed:
            return [close, ("abort",)]
        return [close, *_error(504, "the upstream did not answer in time")]


def _error(status: int, message: str) -> list[Command]:
    headers, body = error_body(status, message)
    return [("send_head", status, headers), ("send", body), ("end",)]

"""The contract of an architecture: what goes into a relay, and what comes out.

A *relay* is the sans-IO logic of one architecture for one stream.  It takes *events*
with the time at which they happened, and answers with *commands*.  It opens nothing,
waits for nothing and reads no clock.  A *driver* (sockets in the server, a simulated
clock in a test bench) performs the commands, in order.

A dotted path names a factory, ``make_relay(settings, seed, shared)``.  ``settings``
holds the ``STREAMING_*`` variables as strings, a missing one meaning its default; all
randomness comes from ``seed``.  ``shared`` is a dict, one for each proxy, in which
relays keep what streams share, such as a circuit breaker; a driver passes it by keyword
to a factory that has a parameter of that name, and a factory without one fits too.
Events and commands are plain tuples, name first: a relay fits without importing this
module, and an object per event would cost time.

Events
    ``("request", method, target, headers, body)``: the first event, and only once.
    ``("head", status, headers)``: the upstream's final head, informational ones left
    out.
    ``("data", data)``: body bytes, transfer coding removed; never empty.
    ``("ended", kind)``: the upstream's answer is over, perhaps before a head.
    ``("client_gone", how)``: nothing can be sent any more.
    ``("writable",)``: a client that did not read for a while reads again.
    ``("timer", name)``: a timer that was set is due; it is no longer set.

Commands
    ``("connect", attempt)``: connect and send the request; attempts count from 1.  A
    relay may ask for another one after an attempt has ended or was closed.
    ``("send_head", status, headers)``, then ``("send", data)``, any number of times.
    ``("end",)``: end the answer cleanly.
    ``("abort",)``: close without the terminator, so that it cannot look finished.
    ``("close_upstream",)``: close now; nothing more is read.
    ``("pause_upstream",)`` and ``("resume_upstream",)``: stop and continue reading.
    ``("set_timer", name, at_ns)`` sets or moves; ``("cancel_timer", name)``.
    ``("log", level, message, fields)``.
    ``("count", name, amount, labels)`` adds to a counter, and ``("observe", name,
    value, labels)`` puts a value into a distribution: ``name`` without a prefix, with
    its unit as suffix; ``labels`` a dict of few fixed values.  They are for operators'
    metrics, and a driver may ignore them.  They are per stream, not per event.

The driver owns framing.  It drops ``Transfer-Encoding`` from every head that a relay
sends, and frames by the relay's ``Content-Length`` where there is one, else chunked
(HTTP/1.1 clients) or by the close.  It limits the time that a connection attempt may
take and reports a failure as ``("ended", "refused")``, or ``"connect_timeout"`` where
the limit was reached: a relay cannot see a connection being made.  While it does not
read because the client does not, it stops the relay's timers.

At equal instants the client's events come first, then the upstream's, then timers,
then order of insertion.  The reasons are in ``docs/design/relay.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

__all__ = ["Command", "Ending", "Event", "Headers", "LogLevel", "MakeRelay", "Relay"]

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields in wire order, repeats kept, names as received."""

Ending = Literal[
    "complete", "truncated", "reset", "refused", "connect_timeout", "protocol_error"
]
"""How the upstream's answer ended.

``complete``: as its framing said.  ``truncated``: closed before that.  ``reset``: the
connection was reset.  ``refused``: no connection was made.  ``connect_timeout``: none
was made in time.  ``protocol_error``: the bytes were not HTTP.
"""

LogLevel = Literal["debug", "info", "warning", "error"]

Event = (
    tuple[Literal["request"], bytes, bytes, Headers, bytes]
    | tuple[Literal["head"], int, Headers]
    | tuple[Literal["data"], bytes]
    | tuple[Literal["ended"], Ending]
    | tuple[Literal["client_gone"], Literal["fin", "rst"]]
    | tuple[Literal["writable"]]
    | tuple[Literal["timer"], str]
)
"""An event that a relay takes; the forms are in the module's docstring."""

Command = (
    tuple[Literal["connect"], int]
    | tuple[Literal["send_head"], int, Headers]
    | tuple[Literal["send"], bytes]
    | tuple[Literal["end", "abort"]]
    | tuple[Literal["close_upstream", "pause_upstream", "resume_upstream"]]
    | tuple[Literal["set_timer"], str, int]
    | tuple[Literal["cancel_timer"], str]
    | tuple[Literal["log"], LogLevel, str, dict[str, Any]]
    | tuple[Literal["count", "observe"], str, float, dict[str, str]]
)
"""A command that a relay returns; the forms are in the module's docstring."""


class Relay(Protocol):
    """The logic of one architecture, for one stream."""

    def handle(self, now_ns: int, event: Event) -> list[Command]:
        """Take one event and return the commands, in order.

        Args:
            now_ns: Monotonic time of the event in nanoseconds, from any origin.
            event: One of the forms in the module's docstring.

        Raises:
            ValueError: The driver broke the contract, such as a body before a head.
        """


class MakeRelay(Protocol):
    """The factory that a dotted path names."""

    def __call__(
        self,
        settings: Mapping[str, str],
        seed: int,
        shared: dict[str, Any] | None = None,
    ) -> Relay:
        """Make the relay of one stream.

        Args:
            settings: The ``STREAMING_*`` variables.
            seed: The source of all randomness.
            shared: State that the streams of one proxy share; None: this stream alone.

        Raises:
            ValueError: A setting does not parse; the message names the variable and
                says what was expected.
        """

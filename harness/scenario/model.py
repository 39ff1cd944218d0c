"""What a scenario says, as values (DESIGN, section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from harness.cassette.model import Request, Response
from harness.faults.registry import FaultCall

__all__ = [
    "Abort",
    "AbortHow",
    "ClientPlan",
    "Expect",
    "ExpectedEnding",
    "Mode",
    "Reading",
    "Scenario",
    "Waiver",
]


class Mode(StrEnum):
    """How a scenario can be run."""

    LIVE = "live"
    VIRTUAL = "virtual"


class AbortHow(StrEnum):
    """How a client leaves."""

    FIN = "fin"
    RST = "rst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The client leaves in mid stream.

    Attributes:
        after_events: Leave once so many events (comments not counted) were read; 0:
            leave once the head was read. None: see ``after_ms``.
        after_ms: Leave so long after the request was sent, whatever came.
        how: FIN or RST.
    """

    after_events: int | None = None
    after_ms: float | None = None
    how: AbortHow = AbortHow.RST


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """What the client does.

    Attributes:
        abort: Leave in mid stream.
        deadline_ms: Stop waiting so long after the request was sent; what has not ended
            by then hangs. None: the mode's default.
    """

    abort: Abort | None = None
    deadline_ms: float | None = None


class ExpectedEnding(StrEnum):
    """How a stream must look to the client when it is over."""

    COMPLETE = "complete"
    """`[DONE]`, or a finish_reason and a clean end; nothing told of a failure."""

    ERROR = "error"
    """The client is told: an error event, an error status, or no clean end."""

    UNFINISHED = "unfinished"
    """Not finished, as the upstream was not; telling of an error is allowed."""

    ABORTED = "aborted"
    """The client left; nothing is expected of the end."""


class Reading(StrEnum):
    """Which reading of a changed stream the client must get."""

    ORIGINAL = "original"
    AS_SENT = "as_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What a scenario demands beyond, or in place of, the oracle; None: the oracle's.

    Attributes:
        text: A reading, or the literal text of choice 0.
        tool_calls: A reading.
        finish_reason: The literal finish_reason of choice 0.
        usage: A reading.
        ending: How it must look when it is over.
        status: HTTP status at the client.
        max_hold_ms: Longest delay that the target may add to any event.
        upstream_requests: Requests that reach the upstream.
        upstream_closed_within_ms: After the client left, or the stream was over.
        log: A regular expression that one line of the target's log must match.
    """

    text: Reading | str | None = None
    tool_calls: Reading | None = None
    finish_reason: str | None = None
    usage: Reading | None = None
    ending: ExpectedEnding | None = None
    status: int | None = None
    max_hold_ms: float | None = None
    upstream_requests: int | None = None
    upstream_closed_within_ms: float | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A difference between two right answers that its owner accepts until a day.

    Attributes:
        level: transport, events, message, ending or upstream.
        reason: Why it is accepted.
        owner: Who accepts it.
        expires: The last day it holds.
    """

    level: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing to show about a target.

    Attributes:
        id: Stable path, ``family/name``.
        why: The reason it exists, with its evidence.
        tags: Free words; ``pr`` marks the default suite.
        request: What the client asks; its body is JSON with ``"stream": true`` unless
            the scenario is about something else.
        response: The recorded (or hand-written) answer that the upstream plays.
        recorded: True where ``response`` is a recording.
        faults: In order.
        client: What the client does.
        expect: What is demanded beyond the oracle.
        allow: Waivers.
        modes: How it can be run.
        source: Where it was read from, for messages and reproduction.
    """

    id: str
    why: str
    tags: tuple[str, ...]
    request: Request
    response: Response
    recorded: bool
    faults: tuple[FaultCall, ...] = ()
    client: ClientPlan = ClientPlan()
    expect: Expect = Expect()
    allow: tuple[Waiver, ...] = ()
    modes: tuple[Mode, ...] = (Mode.LIVE, Mode.VIRTUAL)
    source: str | None = None

    @property
    def family(self) -> str:
        """First part of the id."""
        return self.id.partition("/")[0]

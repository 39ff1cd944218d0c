"""What a scenario says, as values (DESIGN, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from harness.cassette.model import Request, Response
from harness.faults.registry import FaultCall
from harness.scenario.bounds import Bounds
from harness.scenario.client import Abort, AbortHow, ClientPlan, Pause, ReadPlan
from harness.scenario.group import Phase, Streams

__all__ = [
    "Abort",
    "AbortHow",
    "Bounds",
    "ClientPlan",
    "Expect",
    "ExpectedEnding",
    "Mode",
    "Pause",
    "Phase",
    "ReadPlan",
    "Reading",
    "Scenario",
    "Streams",
    "Take",
    "Waiver",
]


class Mode(StrEnum):
    """How a scenario can be run."""

    LIVE = "live"
    VIRTUAL = "virtual"


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
        status: HTTP status at the client, one of these.
        max_hold_ms: Longest delay that the target may add to any event.
        upstream_requests: Requests that reach the upstream, retries included.
        upstream_closed_within_ms: After the client left, or the stream was over.
        log: A regular expression that one line of the target's log must match.
        max_probes: Requests at once that reach the upstream from the moment at which
            the target first fails a client without asking, until one of them succeeds.
        recovers_within_ms: So long after the upstream is up again, all are served.
    """

    text: Reading | str | None = None
    tool_calls: Reading | None = None
    finish_reason: str | None = None
    usage: Reading | None = None
    ending: ExpectedEnding | None = None
    status: tuple[int, ...] = ()
    max_hold_ms: float | None = None
    upstream_requests: Bounds | None = None
    upstream_closed_within_ms: float | None = None
    log: str | None = None
    max_probes: int | None = None
    recovers_within_ms: float | None = None


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
class Take:
    """What the upstream plays for one attempt of the target.

    Attributes:
        response: The recorded (or hand-written) answer.
        recorded: True where it is a recording.
        faults: In order.
    """

    response: Response
    recorded: bool
    faults: tuple[FaultCall, ...] = ()


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
        attempts: What attempt after attempt of the target gets, the last one
            repeating; empty: ``response`` with ``faults``, every time.
        client: What the client does.
        expect: What is demanded beyond the oracle.
        allow: Waivers.
        streams: Many clients that ask the same; None: one.
        sequence: In place of an exchange of its own, those that follow one another on
            one client connection.
        outage: What the upstream does by time; empty: it works.
        settings: Environment of the target's own processes for this scenario, and
            settings of its relay.
        modes: How it can be run.
        source: Where it was read from, for messages and reproduction.
        added: Those of its faults that the command line put on top of a scenario, whose
            id is what stands before the ``+`` in this one's.
    """

    id: str
    why: str
    tags: tuple[str, ...]
    request: Request
    response: Response
    recorded: bool
    faults: tuple[FaultCall, ...] = ()
    attempts: tuple[Take, ...] = ()
    client: ClientPlan = field(default_factory=ClientPlan)
    expect: Expect = Expect()
    allow: tuple[Waiver, ...] = ()
    streams: Streams | None = None
    sequence: tuple[Scenario, ...] = ()
    outage: tuple[Phase, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    modes: tuple[Mode, ...] = (Mode.LIVE, Mode.VIRTUAL)
    source: str | None = None
    added: tuple[FaultCall, ...] = ()

    @property
    def takes(self) -> tuple[Take, ...]:
        """What attempt after attempt gets, the last one repeating; at least one."""
        return self.attempts or (
            Take(response=self.response, recorded=self.recorded, faults=self.faults),
        )

    @property
    def all_faults(self) -> tuple[FaultCall, ...]:
        """The faults of all attempts and exchanges."""
        if self.sequence:
            return tuple(call for one in self.sequence for call in one.all_faults)
        return tuple(call for take in self.takes for call in take.faults)

    @property
    def is_group(self) -> bool:
        """Whether it is judged as several streams."""
        return bool(self.streams or self.sequence or self.outage)

    @property
    def needs_fresh_target(self) -> bool:
        """Whether it needs processes of its own: what it leaves behind would stay."""
        return bool(self.settings or self.outage)

    @property
    def family(self) -> str:
        """First part of the id."""
        return self.id.partition("/")[0]

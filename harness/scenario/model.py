"""The content of a scenario, as values.

A scenario is one exchange, or a sequence of them, played by one client or by many,
while the upstream works or fails. An exchange is the request and the behaviour of a
client, the answers of the upstream, and the demands beyond the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from harness.cassette.model import Request, Response
from harness.faults.registry import FaultCall

__all__ = [
    "READ_EVERY_NS",
    "Abort",
    "AbortHow",
    "Answer",
    "Bounds",
    "ClientPlan",
    "ExchangePlan",
    "Expect",
    "ExpectedEnding",
    "Mode",
    "Pause",
    "Phase",
    "ReadPlan",
    "Reading",
    "Scenario",
    "Streams",
    "Waiver",
]

READ_EVERY_NS = 20_000_000
"""Interval of a client that reads at a rate: a fiftieth of the rate each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The upstream's answer to one attempt of the target.

    Attributes:
        response: The recorded or hand-written response.
        recorded: True for a recording.
        faults: In the order in which they are applied.
    """

    response: Response
    recorded: bool
    faults: tuple[FaultCall, ...] = ()


class AbortHow(StrEnum):
    """How a client leaves."""

    FIN = "fin"
    RST = "rst"
    HALF_CLOSE = "half_close"
    """It shuts only its sending half, and continues to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The client leaves in the middle of a stream; one of the first four says when.

    Attributes:
        after_events: After this many events (comments not counted); 0: after the head.
        after_ms: This long after the request was sent.
        after_bytes: After this many bytes of the body.
        before_head: After the upstream has the request, before it answers.
        how: FIN, RST, or the sending half only.
    """

    after_events: int | None = None
    after_ms: float | None = None
    after_bytes: int | None = None
    before_head: bool = False
    how: AbortHow = AbortHow.RST

    @property
    def leaves(self) -> bool:
        """Whether the client reads no more afterwards."""
        return self.how is not AbortHow.HALF_CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The client stops reading.

    Attributes:
        after_bytes: After this many bytes of the body.
        for_ms: Duration; None: it never reads again, and leaves at its deadline.
    """

    after_bytes: int
    for_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """A client that does not read everything immediately; one of the two.

    Attributes:
        bytes_per_s: It reads a fiftieth of this every 20 ms.
    """

    bytes_per_s: int | None = None
    pause: Pause | None = None

    @property
    def bytes_per_read(self) -> int | None:
        """The size of each read; None: it has no rate."""
        return None if self.bytes_per_s is None else max(1, self.bytes_per_s // 50)

    @property
    def stops(self) -> bool:
        """Whether it never reads the rest."""
        return self.pause is not None and self.pause.for_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """The behaviour of a client.

    Attributes:
        abort: None: it stays to the end.
        deadline_ms: Time from the request until it stops waiting; a stream that has not
            ended by then hangs. None: the mode's default.
        read: None: it reads everything immediately.
        receive_buffer: Bytes that can wait for the client before its peer must wait:
            SO_RCVBUF when live, exact in virtual time. None: the system's default, and
            64 KiB in virtual time.
    """

    abort: Abort | None = None
    deadline_ms: float | None = None
    read: ReadPlan | None = None
    receive_buffer: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A range of numbers that are right.

    Attributes:
        at_most: None: no limit.
    """

    at_least: int = 0
    at_most: int | None = None

    def __contains__(self, number: int) -> bool:
        """Whether a number is in the range."""
        return self.at_least <= number and (
            self.at_most is None or number <= self.at_most
        )

    def __str__(self) -> str:
        """Say it in words: ``2``, ``at most 3``."""
        if self.at_least == self.at_most:
            return str(self.at_least)
        if self.at_most is None:
            return f"at least {self.at_least}"
        if not self.at_least:
            return f"at most {self.at_most}"
        return f"{self.at_least} to {self.at_most}"


class ExpectedEnding(StrEnum):
    """How a stream must look to the client when it is over."""

    COMPLETE = "complete"
    """`[DONE]`, or a finish_reason and a clean end, without any report of a failure."""

    ERROR = "error"
    """The client learns of it: an error event, an error status, or no clean end."""

    UNFINISHED = "unfinished"
    """Not finished, as at the upstream; an error report is allowed."""

    ABORTED = "aborted"
    """The client left; any end is right."""


class Reading(StrEnum):
    """The reading of a changed stream that the client must get."""

    ORIGINAL = "original"
    AS_SENT = "as_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """A scenario's demands beyond, or in place of, the oracle; None: the oracle's.

    Attributes:
        text: A reading, or the literal text of choice 0.
        finish_reason: The literal finish_reason of choice 0.
        status: HTTP status at the client, one of these.
        max_hold_ms: Longest delay that the target may add to any event.
        upstream_requests: Requests that reach the upstream, retries included.
        upstream_closed_within_ms: After the client left, or the stream was over.
        log: A regular expression that must match a line of the target's log.
        max_probes: Concurrent requests that reach the upstream from the moment when the
            target first fails a client without asking, until one of them succeeds.
        recovers_within_ms: Time after the upstream's return until all are served.
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
class ExchangePlan:
    """A request, its answers, and the demands on it.

    Attributes:
        request: Its body is JSON with ``"stream": true`` unless the scenario is about
            something else.
        answers: One for each attempt of the target, the last one repeats; at least one.
        expect: Demands beyond the oracle.
        by_attempt: Whether the scenario lists its answers by attempt, each with its own
            faults.
    """

    request: Request
    answers: tuple[Answer, ...]
    client: ClientPlan = field(default_factory=ClientPlan)
    expect: Expect = field(default_factory=Expect)
    by_attempt: bool = False

    @property
    def faults(self) -> tuple[FaultCall, ...]:
        """The faults of all answers."""
        return tuple(call for answer in self.answers for call in answer.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Many clients with the same request.

    Attributes:
        every_ms: From one start to the next; 0: all start together.
        canary: Whether the text of each carries a marker of its own.
        abort_ratio: Share of the clients that leave in the middle of their stream; the
            seed chooses which, and where.
        one_connection: Whether they follow one another on one client connection.
    """

    count: int
    every_ms: float = 0.0
    canary: bool = False
    abort_ratio: float = 0.0
    one_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The upstream's answer to requests from a moment on.

    Attributes:
        from_ms: Since the first client asked.
        answer: ``ok`` (the recorded one), ``refuse``, ``reset``, ``close``, or an error
            status.
        upstream_requests: Requests that may arrive in this phase; None: any number.
    """

    from_ms: float
    answer: str | int
    upstream_requests: Bounds | None = None

    @property
    def works(self) -> bool:
        """Whether the upstream is up."""
        return self.answer == "ok"


class Mode(StrEnum):
    """How a scenario can be run."""

    LIVE = "live"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A difference between two right answers that its owner accepts until a day.

    Attributes:
        level: transport, events, message, ending or upstream.
        owner: The person who accepts it.
        expires: The last day on which it holds.
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
        exchange: For a sequence: its first request and answer, and the demands on all
            of its exchanges together.
        sequence: In place of one exchange, several that follow one another on one
            client connection.
        streams: None: one client.
        outage: The upstream's phases by time; empty: it works.
        settings: Environment of the target's own processes for this scenario, and
            settings of its relay.
        modes: How it can be run.
        allow: Waivers.
        source: Its file, for messages and reproduction.
        added: The faults that the command line added to a scenario, whose id is the
            part of this one's id before the ``+``.
    """

    id: str
    why: str
    tags: tuple[str, ...]
    exchange: ExchangePlan
    sequence: tuple[ExchangePlan, ...] = ()
    streams: Streams | None = None
    outage: tuple[Phase, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    modes: tuple[Mode, ...] = (Mode.LIVE, Mode.VIRTUAL)
    allow: tuple[Waiver, ...] = ()
    source: str | None = None
    added: tuple[FaultCall, ...] = ()

    @property
    def all_faults(self) -> tuple[FaultCall, ...]:
        """The faults of all attempts and exchanges."""
        exchanges = self.sequence or (self.exchange,)
        return tuple(call for exchange in exchanges for call in exchange.faults)

    @property
    def is_group(self) -> bool:
        """Whether it is judged as several streams."""
        return bool(self.streams or self.sequence or self.outage)

    @property
    def needs_fresh_target(self) -> bool:
        """Whether it needs processes of its own, because it changes their state."""
        return bool(self.settings or self.outage)

    @property
    def family(self) -> str:
        """First part of the id."""
        return self.id.partition("/")[0]

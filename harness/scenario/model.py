"""What a scenario says, as values.

A scenario is one exchange, or a sequence of them, that is played by one client or by
many, while the upstream works or not. An exchange is what a client asks and does, what
the upstream answers, and what is demanded beyond the oracle.
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
"""A client that reads at a rate reads so often, a fiftieth of the rate each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the upstream plays for one attempt of the target.

    Attributes:
        response: The recorded (or hand-written) response.
        recorded: True where it is a recording.
        faults: In order.
    """

    response: Response
    recorded: bool
    faults: tuple[FaultCall, ...] = ()


class AbortHow(StrEnum):
    """How a client leaves."""

    FIN = "fin"
    RST = "rst"
    HALF_CLOSE = "half_close"
    """It shuts its sending half only, and goes on reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The client leaves in mid stream; one of the first four says when.

    Attributes:
        after_events: Once so many events (comments not counted) were read; 0: once the
            head was read.
        after_ms: So long after the request was sent, whatever came.
        after_bytes: Once so many bytes of the body were read.
        before_head: Once the upstream has the request, before it answers.
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
        after_bytes: Once so many bytes of the body were read.
        for_ms: So long; None: it never reads again, and leaves at its deadline.
    """

    after_bytes: int
    for_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """How the client reads, where it does not take at once what comes; one of the two.

    Attributes:
        bytes_per_s: It reads so much, a fiftieth of it every 20 ms.
        pause: It stops reading.
    """

    bytes_per_s: int | None = None
    pause: Pause | None = None

    @property
    def bytes_per_read(self) -> int | None:
        """How much it reads at a time; None: it has no rate."""
        return None if self.bytes_per_s is None else max(1, self.bytes_per_s // 50)

    @property
    def stops(self) -> bool:
        """Whether it never reads the rest."""
        return self.pause is not None and self.pause.for_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPlan:
    """What the client does.

    Attributes:
        abort: Leave in mid stream.
        deadline_ms: Stop waiting so long after the request was sent; what has not ended
            by then hangs. None: the mode's default.
        read: How it reads; None: what comes, at once.
        receive_buffer: Bytes that wait for the client to read them before its peer is
            held up: SO_RCVBUF when live, exact in virtual time. None: the system's
            default, and 64 KiB.
    """

    abort: Abort | None = None
    deadline_ms: float | None = None
    read: ReadPlan | None = None
    receive_buffer: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A number that need not be exact.

    Attributes:
        at_least: The lowest that is right.
        at_most: The highest; None: any.
    """

    at_least: int = 0
    at_most: int | None = None

    def __contains__(self, number: int) -> bool:
        """Whether a number is right."""
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
class ExchangePlan:
    """What a client asks, what it gets, and what is demanded.

    Attributes:
        request: What the client asks; its body is JSON with ``"stream": true`` unless
            the scenario is about something else.
        answers: What attempt after attempt of the target gets, the last one repeating;
            at least one.
        client: What the client does.
        expect: What is demanded beyond the oracle.
        by_attempt: Whether the scenario writes its answers by attempt, each with its
            own faults.
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
    """Many clients that ask the same.

    Attributes:
        count: How many.
        every_ms: From one start to the next; 0: all start together.
        canary: Whether the text of each carries a marker of its own.
        abort_ratio: Which share of them leaves in mid stream; the seed says which, and
            where.
        one_connection: Whether they follow one another on one client connection.
    """

    count: int
    every_ms: float = 0.0
    canary: bool = False
    abort_ratio: float = 0.0
    one_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What the upstream does with a request that comes from a time on.

    Attributes:
        from_ms: Since the first client asked.
        answer: ``ok`` (what is recorded), ``refuse``, ``reset``, ``close``, or an error
            status.
        upstream_requests: How many requests may come in this phase; None: any.
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
        exchange: What is asked, answered and demanded; of a sequence, the first
            question and answer, and what is demanded of all together.
        sequence: In place of one exchange, those that follow one another on one client
            connection.
        streams: Many clients that ask the same; None: one.
        outage: What the upstream does by time; empty: it works.
        settings: Environment of the target's own processes for this scenario, and
            settings of its relay.
        modes: How it can be run.
        allow: Waivers.
        source: Where it was read from, for messages and reproduction.
        added: Those of its faults that the command line put on top of a scenario, whose
            id is what stands before the ``+`` in this one's.
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
        """Whether it needs processes of its own: what it leaves behind would stay."""
        return bool(self.settings or self.outage)

    @property
    def family(self) -> str:
        """First part of the id."""
        return self.id.partition("/")[0]

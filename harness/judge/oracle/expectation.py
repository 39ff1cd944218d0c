"""The expectation: what a correct proxy must make of a script, in four parts.

The oracle computes it (`harness.judge.oracle.oracle`); each check compares its part
with what was observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.cassette.model import Headers
from harness.dialects.message import TextKey
from harness.judge.evidence.reading import EMPTY_READING, Event, Reading
from harness.judge.evidence.sdk_models import ClientView
from harness.scenario.model import Bounds, ExpectedEnding
from harness.units import NS_PER_S

__all__ = [
    "CLIENT_WINDOW_BYTES",
    "Alternative",
    "Content",
    "Contract",
    "Duty",
    "Ending",
    "Expectation",
    "Head",
]

CLIENT_WINDOW_BYTES = 1 << 16
"""Bytes that wait for a client before its peer is paused, where no buffer is given: the
high-water mark of asyncio's transports."""


class Contract(StrEnum):
    """The promise of a target about faulty streams."""

    REPAIRING = "repairing"
    """It reduces repeats to what was meant, and keeps broken events from the client."""

    TRANSPARENT = "transparent"
    """It forwards what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The expected status and header lines of an answer.

    Attributes:
        status: HTTP status; None: any failure status, or no head at all.
        statuses: The statuses that the scenario allows; empty: it does not say.
        headers: Header lines that must arrive as the upstream sent them.
        at_ns: Time of the upstream's head after its request; None: never.
        coded: True where the upstream compresses and says so: the answer may arrive
            coded and labelled, or decoded and without the label.
        may_refuse: True where the upstream's head is so wrong that status 502 is also
            right.
        injected: Names of headers that only a broken line of the upstream can inject.
        hop_by_hop: Headers of the upstream's own connection, in lower case.
    """

    status: int | None
    statuses: tuple[int, ...] = ()
    headers: Headers = ()
    at_ns: int | None = None
    coded: bool = False
    may_refuse: bool = False
    injected: tuple[str, ...] = ()
    hop_by_hop: Headers = ()

    @property
    def retry_after_ns(self) -> int | None:
        """The wait that the upstream asks for, where it gives it in seconds."""
        for name, value in self.headers:
            if name == "retry-after" and value.strip().isdigit():
                return int(value) * NS_PER_S
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The expected body of an answer: its events, or its bytes.

    Attributes:
        reading: What the client must read; if it leaves, at most that.
        source_ends: For every event of ``reading``, the end offset in the upstream's
            body of the block that first carried it.
        optional: Events that are allowed in addition: the rest of a repeat that
            carried more than text.
        comments: Comments that must pass; their end offsets in the upstream's body.
        heartbeat: The data of the event that a stalled upstream repeats forever.
        reduced_openings: For texts that open with a repeat, their deltas without it:
            the other right reading under the repairing contract.
        blank_openings: Texts that open with white space, where its length is not
            decided.
        prefix_only: True where only the beginning of the answer is due, because the
            client leaves.
        body: The exact body, for answers that are not event streams.
        foreign_bytes: The treatment of bytes that are not UTF-8, ``pass`` or
            ``replace``; None: either.
        literal_text: The text of choice 0 that the scenario demands word for word.
        literal_finish: The finish_reason of choice 0 that it demands.
    """

    reading: Reading = EMPTY_READING
    source_ends: tuple[int, ...] = ()
    optional: tuple[Event, ...] = ()
    comments: tuple[int, ...] = ()
    heartbeat: str | None = None
    reduced_openings: Mapping[TextKey, tuple[str, ...]] = field(default_factory=dict)
    blank_openings: frozenset[TextKey] = frozenset()
    prefix_only: bool = False
    body: bytes = b""
    foreign_bytes: str | None = None
    literal_text: str | None = None
    literal_finish: str | None = None

    @property
    def repaired(self) -> bool:
        """Whether a right proxy may leave out some of what was sent."""
        return bool(self.optional or self.reduced_openings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The expected end of an answer, and the reasons.

    Attributes:
        reasons: The oracle's reasons, in plain words.
        hang_allowed: True where the target may stay open as the upstream did.
        done_sent: Whether the upstream sent ``[DONE]``.
        done_forbidden: Whether adding ``[DONE]`` is wrong.
        error_forbidden: Whether reporting an unfinished end as a failure is wrong.
        upstream_clean: Whether the upstream completed its framing.
    """

    kind: ExpectedEnding
    reasons: tuple[str, ...]
    hang_allowed: bool = False
    done_sent: bool = False
    done_forbidden: bool = False
    error_forbidden: bool = False
    upstream_clean: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """The duties of a target besides the answer: to its upstream, in time and memory.

    Attributes:
        upstream_requests: Number of requests to the upstream, as the scenario demands;
            None: one, and more where `harness.judge.checks.attempts` allows them.
        upstream_closed_within_ms: The scenario's own limit for freeing the upstream
            after the client left; None: that of `harness.judge.limits`.
        max_hold_ms: Its own limit for hold; None: that of `harness.judge.limits`.
        log_pattern: A regular expression that a line of the target's log must match.
        fails: Whether the upstream's answer is a failure, as a circuit breaker counts.
        may_be_retried: Whether the draft fails before any content, in a way that
            another attempt may fix.
        client_window_bytes: Bytes that wait for a slow client before its peer is
            paused; None: it reads immediately.
        largest_event_bytes: Size of the upstream's largest event.
    """

    upstream_requests: Bounds | None = None
    upstream_closed_within_ms: float | None = None
    max_hold_ms: float | None = None
    log_pattern: str | None = None
    fails: bool = False
    may_be_retried: bool = False
    client_window_bytes: int | None = None
    largest_event_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The outcome that a correct proxy must produce.

    Attributes:
        contract: The promise it was computed under.
        stream: True where the answer is an event stream; else its body must pass.
        direct_views: What each modelled client makes of the upstream's own answer;
            None: it is sent in a way that is not modelled.
        later_drafts: The expectations where the second draft of the script, or a later
            one, was played last.
        alternatives: Other right outcomes, where a policy leaves it to the target.
    """

    contract: Contract
    stream: bool
    head: Head
    content: Content
    ending: Ending
    duty: Duty = field(default_factory=Duty)
    direct_views: tuple[ClientView | None, ...] = ()
    later_drafts: tuple[Expectation, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def for_draft(self, number: int) -> Expectation:
        """Return the expectation where that draft of the script was played last."""
        return self.later_drafts[number - 1] if number else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another right outcome, which a policy leaves to the target.

    Attributes:
        policy: Name of the policy.
        choice: What the target did, in words.
        expected: The expectation then.
    """

    policy: str
    choice: str
    expected: Expectation

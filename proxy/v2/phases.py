"""The phases of an exchange, and the transitions between them.

Rules of this file:

1. Every transition is in :data:`TRANSITIONS`; one that is absent is an error, and
   raises: an event of the contract (:mod:`proxy.relay`) is the driver's mistake,
   anything else is ours.
2. The phase is the progress of the exchange.  It knows nothing about the content of
   the answer; the state of its text is kept by :mod:`proxy.v2.states`.

Theory of operation:

An event of the contract leaves the phase unchanged, except a client that left; the
relay's decision about the event moves the phase.

A request is *ready* until the circuit breaker lets an attempt go; then it is *asked*.
A head decides: the answer is an event stream (*streaming*), or anything else, which
passes as it is (*passing*).  A head that is worth another attempt, and an upstream that
ended without a head, lead to *waiting*, and from there to the next attempt.  Nothing is
retried once the head was the answer's: there is no way back from streaming and passing.

Every end of the exchange, good or bad, leads to *over*; an event that still arrives
there is late, and has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from proxy.v2.states import IllegalTransitionError

__all__ = ["TRANSITIONS", "Phase", "PhaseTrigger", "step"]


class Phase(StrEnum):
    """The progress of an exchange.

    Strings, because a lookup by a member of another enum runs a ``__hash__`` in Python.
    """

    READY = "ready"
    """There is no request yet."""

    ASKED = "asked"
    """An attempt is in progress; no head yet."""

    WAITING = "waiting"
    """An attempt failed, and the next will follow."""

    STREAMING = "streaming"
    """The body is an event stream."""

    PASSING = "passing"
    """The body passes unchanged."""

    OVER = "over"
    """The answer has ended, or the client has left."""


class PhaseTrigger(StrEnum):
    """A trigger of an exchange: an event of the contract, or the relay's decision.

    Strings, so that an event's name can be looked up directly.
    """

    REQUEST = "request"
    """The client asks; whether an attempt may start is decided next."""

    HEAD = "head"
    """The upstream's head; how it is treated is decided next."""

    DATA = "data"
    """Bytes of a body; they may finish the answer or make it fail."""

    ENDED = "ended"
    """The upstream's answer is over; the meaning is decided next."""

    CLIENT_GONE = "client_gone"
    """The client left."""

    WRITABLE = "writable"
    """A client that did not read for a while reads again."""

    TIMER = "timer"
    """A timer is due; an attempt or a failure may follow."""

    ATTEMPT = "attempt"
    """The request is sent to the upstream, for the first time or again."""

    RETRY = "retry"
    """An attempt failed, and another one will follow after a pause."""

    EVENT_STREAM = "event stream"
    """The head is the answer's, and announces an event stream."""

    OTHER_ANSWER = "other answer"
    """The head is the answer's, and announces something else."""

    FINISHED = "finished"
    """The answer is whole."""

    FAILED = "failed"
    """There is no answer, or no more of it, and the client gets an error."""


TRANSITIONS: Mapping[Phase, Mapping[PhaseTrigger, Phase]] = MappingProxyType(
    {
        Phase.READY: {
            PhaseTrigger.REQUEST: Phase.READY,
            PhaseTrigger.ATTEMPT: Phase.ASKED,
            PhaseTrigger.FAILED: Phase.OVER,
        },
        Phase.ASKED: {
            PhaseTrigger.HEAD: Phase.ASKED,
            PhaseTrigger.ENDED: Phase.ASKED,
            PhaseTrigger.CLIENT_GONE: Phase.OVER,
            PhaseTrigger.WRITABLE: Phase.ASKED,
            PhaseTrigger.TIMER: Phase.ASKED,
            PhaseTrigger.RETRY: Phase.WAITING,
            PhaseTrigger.EVENT_STREAM: Phase.STREAMING,
            PhaseTrigger.OTHER_ANSWER: Phase.PASSING,
            PhaseTrigger.FAILED: Phase.OVER,
        },
        Phase.WAITING: {
            PhaseTrigger.DATA: Phase.WAITING,
            PhaseTrigger.ENDED: Phase.WAITING,
            PhaseTrigger.CLIENT_GONE: Phase.OVER,
            PhaseTrigger.WRITABLE: Phase.WAITING,
            PhaseTrigger.TIMER: Phase.WAITING,
            PhaseTrigger.ATTEMPT: Phase.ASKED,
            PhaseTrigger.FAILED: Phase.OVER,
        },
        Phase.STREAMING: {
            PhaseTrigger.DATA: Phase.STREAMING,
            PhaseTrigger.ENDED: Phase.STREAMING,
            PhaseTrigger.CLIENT_GONE: Phase.OVER,
            PhaseTrigger.WRITABLE: Phase.STREAMING,
            PhaseTrigger.TIMER: Phase.STREAMING,
            PhaseTrigger.FINISHED: Phase.OVER,
            PhaseTrigger.FAILED: Phase.OVER,
        },
        Phase.PASSING: {
            PhaseTrigger.DATA: Phase.PASSING,
            PhaseTrigger.ENDED: Phase.PASSING,
            PhaseTrigger.CLIENT_GONE: Phase.OVER,
            PhaseTrigger.WRITABLE: Phase.PASSING,
            PhaseTrigger.TIMER: Phase.PASSING,
            PhaseTrigger.FINISHED: Phase.OVER,
            PhaseTrigger.FAILED: Phase.OVER,
        },
        Phase.OVER: {
            PhaseTrigger.HEAD: Phase.OVER,
            PhaseTrigger.DATA: Phase.OVER,
            PhaseTrigger.ENDED: Phase.OVER,
            PhaseTrigger.CLIENT_GONE: Phase.OVER,
            PhaseTrigger.WRITABLE: Phase.OVER,
            PhaseTrigger.TIMER: Phase.OVER,
        },
    }
)


def step(phase: Phase, trigger: PhaseTrigger) -> Phase:
    """Return the phase that follows.

    Raises:
        IllegalTransitionError: :data:`TRANSITIONS` has no such pair.
    """
    try:
        return TRANSITIONS[phase][trigger]
    except KeyError:
        raise IllegalTransitionError(f"{trigger} in phase {phase}") from None

"""The phases of an exchange, and what moves it from one to the next.

Rules of this file:

1. Everything that moves the phase is in :data:`TRANSITIONS`; what is absent is an
   error, and raises: an event of the contract (:mod:`proxy.relay`) is the driver's
   mistake, anything else is ours.
2. The phase says how far the exchange has come.  It knows nothing about what is in the
   answer; where its text stands is kept by :mod:`proxy.v2.states`.

Theory of operation:

An event of the contract leaves the phase as it is, but for a client that left; what
the relay decides upon it moves on.

A request is *ready* until the circuit breaker lets an attempt go; then it is *asked*.
A head decides: the answer is an event stream (*streaming*), or anything else, which
passes as it is (*passing*).  A head that is worth another attempt, and an upstream that
ended without a head, lead to *waiting*, and from there to the next attempt.  Nothing is
retried once the head was the answer's: there is no way back from streaming and passing.

Whatever ends the exchange, well or not, leads to *over*; what still arrives there is
late, and nothing comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from proxy.v2.states import IllegalTransitionError

__all__ = ["TRANSITIONS", "Phase", "PhaseTrigger", "step"]


class Phase(StrEnum):
    """How far an exchange has come.

    Strings, as a lookup by another member of an enum calls its ``__hash__`` in Python.
    """

    READY = "ready"
    """There is no request yet."""

    ASKED = "asked"
    """An attempt is on its way; no head yet."""

    WAITING = "waiting"
    """An attempt failed, and the next is to come."""

    STREAMING = "streaming"
    """The body is an event stream."""

    PASSING = "passing"
    """The body passes as it is."""

    OVER = "over"
    """The answer has ended, or the client has left."""


class PhaseTrigger(StrEnum):
    """What can happen to an exchange: an event of the contract, or what it decides.

    Strings, so that an event's name is looked up as it is.
    """

    REQUEST = "request"
    """The client asks; whether an attempt may go is decided next."""

    HEAD = "head"
    """The upstream's head; what it is taken for is decided next."""

    DATA = "data"
    """Bytes of a body; they may decide that the answer is finished or failed."""

    ENDED = "ended"
    """The upstream's answer is over; what that means is decided next."""

    CLIENT_GONE = "client_gone"
    """The client left."""

    WRITABLE = "writable"
    """A client that did not read for a while reads again."""

    TIMER = "timer"
    """A timer is due; it may decide on an attempt, or on a failure."""

    ATTEMPT = "attempt"
    """The request is sent to the upstream, for the first time or again."""

    RETRY = "retry"
    """An attempt failed, and another one is to follow after a pause."""

    EVENT_STREAM = "event stream"
    """The head is the answer's, and announces an event stream."""

    OTHER_ANSWER = "other answer"
    """The head is the answer's, and announces something else."""

    FINISHED = "finished"
    """The answer is whole."""

    FAILED = "failed"
    """There is no answer, or no more of it, and the client is told."""


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

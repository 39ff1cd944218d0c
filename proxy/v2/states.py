"""The states of a stream's text, and the transitions between them.

Rules of this file:

1. Every transition is in :data:`TRANSITIONS`; one that is absent is an error, and
   raises.
2. The state is that of the answer's text.  It knows nothing about connections; the
   progress of the exchange is kept by :mod:`proxy.v2.phases`.

Theory of operation:

*Initial* lasts until there is text to judge.  Role, usage, comments and white space
pass in this state.

The first text of a choice begins an *opening*, in which only what is new is sent on:
*Stuttering*.  When no opening is left, text passes unchanged: *NormalFlow*.  A later
choice, or the answer after the reasoning, begins an opening of its own and leads back
to Stuttering.  If the detector is off, the first event leads directly to NormalFlow.

An event that cannot be read is dropped; the stream is *Recovering* until the next
readable event, which finds the openings unchanged.

Every ending (``[DONE]``, a clean end, a cut, a timeout, a client that left) leads to
*Terminating*, which is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

__all__ = ["TRANSITIONS", "IllegalTransitionError", "State", "StateTrigger", "step"]


class State(Enum):
    """The state of an answer's text; values are the words of the log lines."""

    INITIAL = "Initial"
    STUTTERING = "Stuttering"
    NORMAL_FLOW = "NormalFlow"
    RECOVERING = "Recovering"
    TERMINATING = "Terminating"


class StateTrigger(Enum):
    """A trigger that moves the state of an answer's text."""

    OPENING = "opening"
    """An event was read, and an opening is in progress."""

    FLOWING = "flowing"
    """An event was read, and no opening is in progress."""

    BROKEN = "broken"
    """An event could not be read."""

    ENDED = "ended"
    """The answer is over, for whatever reason."""


class IllegalTransitionError(RuntimeError):
    """The table has no such transition; the caller is wrong."""


TRANSITIONS: Mapping[State, Mapping[StateTrigger, State]] = MappingProxyType(
    {
        State.INITIAL: {
            StateTrigger.OPENING: State.STUTTERING,
            StateTrigger.FLOWING: State.NORMAL_FLOW,
            StateTrigger.BROKEN: State.RECOVERING,
            StateTrigger.ENDED: State.TERMINATING,
        },
        State.STUTTERING: {
            StateTrigger.OPENING: State.STUTTERING,
            StateTrigger.FLOWING: State.NORMAL_FLOW,
            StateTrigger.BROKEN: State.RECOVERING,
            StateTrigger.ENDED: State.TERMINATING,
        },
        State.NORMAL_FLOW: {
            StateTrigger.OPENING: State.STUTTERING,
            StateTrigger.FLOWING: State.NORMAL_FLOW,
            StateTrigger.BROKEN: State.RECOVERING,
            StateTrigger.ENDED: State.TERMINATING,
        },
        State.RECOVERING: {
            StateTrigger.OPENING: State.STUTTERING,
            StateTrigger.FLOWING: State.NORMAL_FLOW,
            StateTrigger.BROKEN: State.RECOVERING,
            StateTrigger.ENDED: State.TERMINATING,
        },
        State.TERMINATING: {},
    }
)


def step(state: State, trigger: StateTrigger) -> State:
    """Return the state that follows.

    Raises:
        IllegalTransitionError: :data:`TRANSITIONS` has no such pair.
    """
    try:
        return TRANSITIONS[state][trigger]
    except KeyError:
        raise IllegalTransitionError(
            f"{trigger.value} in state {state.value}"
        ) from None

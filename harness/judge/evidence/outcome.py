"""The outcome: how an answer looked to the client at its end."""

from __future__ import annotations

from enum import StrEnum

from harness.judge.evidence.observation import ClientEnd, Observation
from harness.judge.evidence.reading import Reading

__all__ = ["Outcome", "outcome_of"]


class Outcome(StrEnum):
    """What the client had to believe about an answer."""

    COMPLETE = "complete"
    """``[DONE]``, or every finish_reason and a clean end; no failure was reported."""

    ERROR = "error"
    """A failure was reported: an error event, an error status, or no clean end."""

    UNFINISHED = "unfinished"
    """A clean end, but no sign of a finish and no sign of a failure."""

    HANG = "hang"
    """None of these before the client's deadline."""

    ABORTED = "aborted"
    """The client left."""


_NOT_CLEAN = frozenset(
    {
        ClientEnd.TRUNCATED,
        ClientEnd.RESET,
        ClientEnd.PROTOCOL_ERROR,
        ClientEnd.REFUSED,
    }
)


def outcome_of(observation: Observation, reading: Reading) -> Outcome:
    """Classify an answer as a client that stops at ``[DONE]`` would."""
    if observation.end is ClientEnd.CLIENT_CLOSED:
        return Outcome.ABORTED
    if reading.errors or observation.status is None or observation.status >= 400:
        return Outcome.HANG if observation.end is ClientEnd.TIMEOUT else Outcome.ERROR
    if observation.end is ClientEnd.TIMEOUT:
        return Outcome.HANG
    if reading.done:
        # Such a client has stopped reading; the end of the wire is judged separately.
        return Outcome.COMPLETE
    if observation.end in _NOT_CLEAN:
        return Outcome.ERROR
    return Outcome.COMPLETE if reading.finished else Outcome.UNFINISHED

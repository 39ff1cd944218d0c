"""Proof of what served a stream, taken from the stream itself.

A green run with the candidate stopped, or with its flag ignored, must be impossible.
So a stream counts only where its request reached the upstream of its target and, if the
target has a proof, where the answer says what served it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from harness.config import Proof
from harness.judge.evidence.observation import ClientEnd, Observation
from harness.printable import quote

__all__ = ["check_proof", "served_by"]


def served_by(proof: Proof | None, observation: Observation) -> str | None:
    """Return what served the stream, as it says itself; None where it says nothing."""
    if proof is None:
        return None
    if proof.header is not None:
        value = observation.header(proof.header[0])
        return None if value is None else value.decode("latin-1")
    pattern = re.compile(proof.log or "")
    return next((line for line in observation.log if pattern.search(line)), None)


def check_proof(
    proof: Proof | None, observation: Observation, *, may_skip_upstream: bool = False
) -> Observation:
    """Return the observation, marked invalid where it proves nothing.

    A client that leaves before the head cannot see what served it: its request at the
    target's own upstream, and the preflight, are enough.

    Args:
        proof: How the target shows what served a stream.
        observation: What both ends saw.
        may_skip_upstream: True where an answer of the target is enough: the upstream
            refused the first connection, or an open circuit sends no request.
    """
    why = observation.invalid or _why(
        proof, observation, may_skip_upstream=may_skip_upstream
    )
    return replace(observation, invalid=why)


def _why(
    proof: Proof | None, observation: Observation, *, may_skip_upstream: bool
) -> str | None:
    name = observation.target
    if observation.end is ClientEnd.REFUSED:
        return f"no connection to {name} could be made"
    if not observation.upstream and not may_skip_upstream:
        status = observation.status
        said = f"status {status}" if status else f"no answer ({observation.end})"
        return f"no request of {name} reached its upstream; the client got {said}"
    if proof is None:
        return None
    left_early = observation.end is ClientEnd.CLIENT_CLOSED
    if observation.status is None and left_early:
        return None
    if proof.header is not None:
        header, wanted = proof.header
        got = observation.header(header)
        if got is None or got.decode("latin-1") != wanted:
            said = "no such header" if got is None else quote(got.decode("latin-1"))
            return f"{name} must answer with {header}: {wanted}, got {said}"
        return None
    if served_by(proof, observation) is None:
        return f"no log line of {name} matches {quote(proof.log or '')}"
    return None

"""The new architecture: a state machine over an incremental event-stream parser.

Words: an *event* is a server-sent event, its *payload* the data, its *head* the lines
other than data; a *chunk* is the parsed payload; an *opening* is the beginning of a
text, in which repeats are dropped; an event is *malformed* when its payload is not
JSON; a *failure* is the upstream's.

Modules: ``machine`` takes the exchange through its ``phases``; ``attempts`` makes
attempts by the rules of ``retry``, if the ``breaker`` permits; ``stream`` takes the
events of one body, and its ``journal`` reports on them and keeps the state of their
text (``states``); ``event_parser`` finds and writes events; ``template`` recognises
those that are like the last one; ``openings`` holds the rule of the opening, and
``confidence`` weighs it; ``hold_buffer`` holds openings back; ``content`` knows what a
chunk carries, ``payload`` reads and edits its JSON; ``in_band_errors`` finds errors
that an upstream sends as events; ``dialect`` writes the proxy's own; ``headers`` reads
response heads; ``settings`` reads variables.
Nothing here opens, waits, reads a clock or logs; see :mod:`proxy.relay`.  The rules are
in ``docs/design/new-architecture.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from proxy.relay import Relay
from proxy.v2.machine import StreamRelay
from proxy.v2.recovery.breaker import CircuitBreaker, CircuitState
from proxy.v2.settings import Settings

__all__ = ["BREAKER", "breaker_state", "make_relay"]

BREAKER = "v2.breaker"
"""The key of the circuit breaker in what streams share."""

_STATES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


def breaker_state(shared: Mapping[str, Any]) -> int:
    """Return the circuit's state as a number: 0 closed, 1 half-open, 2 open.

    Args:
        shared: The state that the streams of a proxy share.
    """
    breaker = shared.get(BREAKER)
    return 0 if breaker is None else _STATES[breaker.state]


def make_relay(
    settings: Mapping[str, str], seed: int, shared: dict[str, Any] | None = None
) -> Relay:
    """Make the relay of one stream.

    Args:
        settings: ``STREAMING_*`` variables; see :mod:`proxy.v2.settings`.
        seed: The source of randomness, for the jitter of pauses.
        shared: The state that the streams of one proxy share; the upstream's circuit
            breaker is kept there.  None: this stream alone.

    Raises:
        ValueError: A setting does not parse; the message names the variable and says
            what was expected.
    """
    read = _read(frozenset(settings.items()))
    breaker = CircuitBreaker()
    if shared is not None:
        breaker = shared.setdefault(BREAKER, breaker)
    return StreamRelay(read, seed, breaker)


@lru_cache(maxsize=8)
def _read(settings: frozenset[tuple[str, str]]) -> Settings:
    """Read settings once, not for every stream: reading costs as much as 30 events."""
    return Settings.read(dict(settings))

"""The meaning of a variant's script to the oracle, without its exact place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable

from harness.cassette.model import Framing
from harness.dialects.payload import PayloadKind, looks_like_object
from harness.dialects.registry import OPENAI_CHAT
from harness.faults.draft.wire import WireDraft
from harness.judge.oracle.oracle import Contract
from harness.sse.model import ServerSentEvent
from harness.sse.parser import EventStreamParser, parse
from harness.sweep.model import SweepKind

__all__ = ["meanings_of", "write_ends"]


def meanings_of(
    wire: WireDraft, kind: SweepKind, contracts: frozenset[Contract]
) -> Callable[[int], Hashable]:
    """Return a function from the place of a variant to its meaning.

    Args:
        wire: The whole stream.
        kind: What is done at a place.
        contracts: The contracts of the targets.
    """
    if kind in {SweepKind.BORDER, SweepKind.HALVES}:
        return lambda _: None
    looks_clean = kind is SweepKind.CLEAN or (
        kind is SweepKind.FIN and wire.framing is Framing.CLOSE
    )
    return _Meanings(wire, pending=looks_clean and Contract.REPAIRING in contracts)


def write_ends(wire: WireDraft) -> list[int]:
    """Return the end of every write in the body."""
    ends = []
    total = 0
    for write in wire.writes:
        total += len(write.data)
        ends.append(total)
    return ends


class _Meanings:
    """The meaning of a cut: what is whole before it, and what is left of an event.

    Two cuts with one meaning have the same whole events and comments before them, in
    the same write. Where an end looks clean, a repairing proxy also dispatches what is
    left of an event, so that counts too.
    """

    def __init__(self, wire: WireDraft, *, pending: bool) -> None:
        self._body = wire.body
        self._writes = write_ends(wire)
        self._spans = [span.end for span in wire.spans]
        self._pending = pending
        self._counts: list[tuple[int, int, int]] = [(0, 0, 0)]
        parser = EventStreamParser()
        events = comments = end = 0
        for at in range(len(self._body)):
            for found in parser.feed(self._body[at : at + 1]):
                if isinstance(found, ServerSentEvent):
                    events += 1
                else:
                    comments += 1
                end = found.end
            self._counts.append((events, comments, end))

    def __call__(self, offset: int) -> Hashable:
        events, comments, end = self._counts[offset]
        span = bisect_left(self._spans, offset)
        whole = span < len(self._spans) and self._spans[span] == offset
        place = bisect_left(self._writes, offset)
        left = self._left(offset, span) if self._pending and not whole else None
        return events, comments, end, span, whole, place, left

    def _left(self, offset: int, span: int) -> Hashable:
        """Return what the cut block says, once its blank line is supplied."""
        start = self._spans[span - 1] if span else 0
        said: list[tuple[str, str | bool]] = []
        for event in parse(self._body[start:offset] + b"\n\n").events:
            payload = OPENAI_CHAT.read(event.data, event.event)
            if payload.kind is PayloadKind.MALFORMED:
                said.append((event.event, looks_like_object(event.data)))
            else:
                said.append((event.event, event.data))
        return tuple(said)

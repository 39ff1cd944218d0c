"""Faults of time: when the head, the first event and the next one are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from harness.faults.cuts import cut_body, split_writes
from harness.faults.draft import Finish, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import Milliseconds
from harness.faults.position import Position, offset_at, shown_position
from harness.faults.registry import Layer, fault

__all__ = ["first_token_delay", "head_delay", "pace", "stall"]

_NS_PER_MS = 1_000_000


@fault(Layer.SOCKET, example={"itl_ms": 20})
def pace(
    draft: WireDraft,
    rng: Random,
    *,
    itl_ms: Milliseconds,
    jitter_ms: Milliseconds = 0.0,
) -> WireDraft:
    """Send the writes at an even pace; what shares a write still does.

    `chunking` before it gives every event a write of its own. The head and the first
    write keep their times; the end follows the last write as it did.

    Args:
        draft: The stream.
        rng: Draws the jitter.
        itl_ms: From one write to the next.
        jitter_ms: Up to so much more or less.
    """
    if len(draft.writes) < 2:
        raise FaultError("the stream has fewer than two writes to pace")
    tail_ns = max(0, draft.finish_at_ns - draft.writes[-1].at_ns)
    at_ns = draft.writes[0].at_ns
    writes = [draft.writes[0]]
    for write in draft.writes[1:]:
        gap_ms = max(0.0, itl_ms + rng.uniform(-jitter_ms, jitter_ms))
        at_ns += round(gap_ms * _NS_PER_MS)
        writes.append(replace(write, at_ns=at_ns))
    return replace(draft, writes=tuple(writes), finish_at_ns=at_ns + tail_ns).noted(
        f"sent {len(writes)} writes {itl_ms:g} ms apart, jitter {jitter_ms:g} ms"
    )


@fault(Layer.SOCKET, example={"ms": 500})
def head_delay(draft: WireDraft, *, ms: Milliseconds) -> WireDraft:
    """Send the head, and all after it, so much later.

    Args:
        draft: The stream.
        ms: How much.
    """
    if draft.head_at_ns is None:
        raise FaultError("the upstream closes before a head")
    delay_ns = round(ms * _NS_PER_MS)
    return replace(
        _delayed(draft, 0, delay_ns), head_at_ns=draft.head_at_ns + delay_ns
    ).noted(f"sent the head {ms:g} ms later")


@fault(Layer.SOCKET, example={"ms": 500})
def first_token_delay(draft: WireDraft, *, ms: Milliseconds) -> WireDraft:
    """Send the first text, and all after it, so much later; the head comes at once.

    Args:
        draft: The stream; it needs text that is not only white space.
        ms: How much.
    """
    end = offset_at(draft, {"after": "first_content"})
    start = next(span.start for span in draft.spans if span.end == end)
    return _wait(draft, start, ms).noted(f"sent the first text {ms:g} ms later")


@fault(Layer.SOCKET, example={"at": {"event": 3}, "for_ms": 500})
def stall(
    draft: WireDraft, *, at: Position, for_ms: Milliseconds | None = None
) -> WireDraft:
    """Say nothing for a while, or ever again, with the connection open.

    Args:
        draft: The stream.
        at: Where.
        for_ms: How long; null: for ever.
    """
    offset = offset_at(draft, at)
    if for_ms is not None:
        return _wait(draft, offset, for_ms).noted(
            f"said nothing for {for_ms:g} ms at {shown_position(at)} (byte {offset})"
        )
    cut = cut_body(draft, offset)
    return replace(cut, finish=Finish.STALL).noted(
        f"said nothing ever again at {shown_position(at)} (byte {offset})"
    )


def _wait(draft: WireDraft, offset: int, ms: float) -> WireDraft:
    writes = split_writes(draft.writes, offset)
    before = _count_before(writes, offset)
    return _delayed(replace(draft, writes=writes), before, round(ms * _NS_PER_MS))


def _count_before(writes: Sequence[Write], offset: int) -> int:
    """Return how many writes lie before a byte of the body; they are split there."""
    position = 0
    for number, write in enumerate(writes):
        if position >= offset:
            return number
        position += 0 if write.raw else len(write.data)
    return len(writes)


def _delayed(draft: WireDraft, first: int, delay_ns: int) -> WireDraft:
    later = tuple(
        replace(write, at_ns=write.at_ns + delay_ns) for write in draft.writes[first:]
    )
    return replace(
        draft,
        writes=(*draft.writes[:first], *later),
        finish_at_ns=draft.finish_at_ns + delay_ns,
    )

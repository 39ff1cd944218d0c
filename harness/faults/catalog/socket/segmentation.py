"""Faults of the writes of a body: their number and their borders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, groupby
from random import Random
from typing import Annotated, Literal

from harness.faults.draft.cuts import split_writes
from harness.faults.draft.delivery import SendSizes
from harness.faults.draft.position import Position, format_position, offset_at
from harness.faults.draft.wire import WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, Count, Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = ["border_at", "coalesce", "segment"]

_RANDOM_COUNT = 997
"""The number of sizes drawn for all bytes on a wire, which are then repeated."""
_RANDOM_MAX = 64
"""The largest piece of random size, in bytes: an event has a few of them."""


@fault(Layer.SOCKET, example={"size": 1}, live_only={"of": ("wire",)})
def segment(
    draft: WireDraft,
    rng: Random,
    *,
    size: Count | list[Count] | Literal["random"],
    gap_ms: Milliseconds = 0.0,
    of: Literal["body", "wire"] = "body",
) -> WireDraft:
    """Cut every write into pieces, each a send of its own.

    Args:
        draft: The stream.
        rng: Draws the sizes.
        size: Bytes of a piece; a list of sizes, which is repeated; or random from 1 to
            64.
        gap_ms: Time from one piece to the next; a late piece delays the following ones.
        of: ``body``: each piece of the body is also a transfer chunk. ``wire``: all
            bytes on the wire are cut, head, chunk sizes and terminator included; the
            chunks stay the same.

    Oracle:
        Both: the same events, each as soon as it is complete.
    """
    gap_ns = round(gap_ms * NS_PER_MS)
    if isinstance(size, list) and not size:
        raise FaultError("expected at least one size", key="size")
    if of == "wire":
        sends = SendSizes(sizes=_fixed_sizes(size, rng), gap_ns=gap_ns)
        delivery = replace(draft.delivery, send_sizes=sends)
        return replace(draft, delivery=delivery).with_note(
            f"cut all bytes on the wire into pieces of {size} byte(s)"
        )
    sizes = _sizes(size, rng)
    writes: list[Write] = []
    free_ns = 0
    for write in draft.writes:
        for data in _pieces(write.data, sizes):
            at_ns = max(write.at_ns, free_ns)
            writes.append(replace(write, at_ns=at_ns, data=data))
            free_ns = at_ns + gap_ns
    last_ns = writes[-1].at_ns if writes else 0
    return replace(
        draft, writes=tuple(writes), end_at_ns=max(draft.end_at_ns, last_ns)
    ).with_note(f"cut the writes into {len(writes)} pieces of {size} byte(s)")


@fault(Layer.SOCKET, example={"n": 4})
def coalesce(draft: WireDraft, *, n: Annotated[int, AtLeast(2)]) -> WireDraft:
    """Join writes: send ``n`` of them as one, when the last of them is due.

    Args:
        draft: The stream.
        n: The number of writes in one.

    Oracle:
        Both: the same events, all events of a write together.
    """
    writes: list[Write] = []
    for raw, run in groupby(draft.writes, key=lambda write: write.raw):
        members = list(run)
        if raw:
            writes.extend(members)
        else:
            writes.extend(
                _join(members[at : at + n]) for at in range(0, len(members), n)
            )
    return replace(draft, writes=tuple(writes)).with_note(
        f"sent {len(draft.writes)} writes as {len(writes)}"
    )


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}, "gap_ms": 5})
def border_at(
    draft: WireDraft,
    *,
    at: Position,
    writes: Literal["recorded", "two"] = "recorded",
    gap_ms: Milliseconds = 0.0,
) -> WireDraft:
    """Split the body at a byte: the bytes after it are in another write.

    Args:
        draft: The stream.
        at: Where; it must be within the body.
        writes: ``recorded``: one more border among the recorded ones. ``two``: the
            whole body in two writes, sent when the first byte is due.
        gap_ms: Time between the two sides; a late write delays the following ones.
            Live, writes without a gap may be read as one.

    Oracle:
        Both: borders have no meaning, so the client gets the same as without this one.
    """
    offset = offset_at(draft, at)
    size = len(draft.body)
    if not 0 < offset < size:
        raise FaultError(f"expected a byte within the body of {size}, got {offset}")
    parted = draft.writes if writes == "recorded" else _joined(draft.writes)
    gap_ns = round(gap_ms * NS_PER_MS)
    new: list[Write] = []
    position = late_ns = 0
    for write in split_writes(parted, offset):
        if position == offset:
            late_ns = max(write.at_ns, new[-1].at_ns + gap_ns)
        new.append(replace(write, at_ns=max(write.at_ns, late_ns)))
        position += 0 if write.raw else len(write.data)
    finish_ns = draft.end_at_ns if writes == "recorded" else 0
    return replace(
        draft,
        writes=tuple(new),
        end_at_ns=max(finish_ns, new[-1].at_ns),
    ).with_note(f"split the body at {format_position(at)} (byte {offset})")


def _join(writes: Sequence[Write]) -> Write:
    data = b"".join(write.data for write in writes)
    return Write(max(write.at_ns for write in writes), data)


def _sizes(size: int | list[int] | str, rng: Random) -> Iterator[int]:
    if size == "random":
        while True:
            yield rng.randint(1, _RANDOM_MAX)
    yield from cycle(_fixed_sizes(size, rng))


def _fixed_sizes(size: int | list[int] | str, rng: Random) -> tuple[int, ...]:
    if isinstance(size, int):
        return (size,)
    if isinstance(size, str):
        return tuple(rng.randint(1, _RANDOM_MAX) for _ in range(_RANDOM_COUNT))
    return tuple(size)


def _pieces(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        length = next(sizes)
        yield data[start : start + length]
        start += length


def _joined(writes: tuple[Write, ...]) -> tuple[Write, ...]:
    if any(write.raw for write in writes):
        raise FaultError("bytes outside the framing cannot be joined", key="writes")
    # At the time of the last, the silence would be longer than any recorded one.
    at_ns = writes[0].at_ns
    return (Write(at_ns, b"".join(write.data for write in writes)),)

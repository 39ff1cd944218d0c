"""Faults of borders and of the close: how the bytes are cut, and where they stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, groupby
from random import Random
from typing import Annotated, Literal

from harness.cassette.model import Framing
from harness.faults.draft.coded import coded_body
from harness.faults.draft.position import Position, offset_at, shown_position
from harness.faults.draft.transport import Pieces
from harness.faults.draft.wire import Finish, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, Count, Milliseconds
from harness.faults.registry import Layer, fault
from harness.units import NS_PER_MS

__all__ = [
    "FINISHES",
    "close_at",
    "close_before_head",
    "coalesce",
    "cut_body",
    "is_before_head",
    "segment",
    "split_writes",
    "without_head",
]

_RANDOM_COUNT = 997
"""Sizes drawn for all that is on a wire, which come over and over."""
_RANDOM_MAX = 64
"""Largest piece that ``segment`` cuts at random, in bytes: a few to an event."""

How = Literal["fin", "rst", "half_close"]
FINISHES = {
    "fin": Finish.TRUNCATED,
    "rst": Finish.RESET,
    "half_close": Finish.HALF_CLOSED,
    "refuse": Finish.REFUSED,
}
"""What a scenario calls the ways to close a connection."""

_SHOWN = {"fin": "FIN", "rst": "RST", "half_close": "half a FIN", "refuse": "refusal"}


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
        size: Bytes of a piece; a list of them, over and over; or random from 1 to 64.
        gap_ms: From one piece to the next; what is late delays what follows.
        of: The body, so that each piece is a transfer chunk as well; or all that is on
            the wire, head, chunk sizes and terminator too, whose chunks stay as they
            are.

    Oracle:
        Both: the same events, each as soon as it is whole.
    """
    gap_ns = round(gap_ms * NS_PER_MS)
    if isinstance(size, list) and not size:
        raise FaultError("expected at least one size", key="size")
    if of == "wire":
        pieces = Pieces(sizes=_fixed_sizes(size, rng), gap_ns=gap_ns)
        return replace(draft, pieces=pieces).noted(
            f"cut all on the wire into pieces of {size} byte(s)"
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
        draft, writes=tuple(writes), finish_at_ns=max(draft.finish_at_ns, last_ns)
    ).noted(f"cut the writes into {len(writes)} pieces of {size} byte(s)")


@fault(Layer.SOCKET, example={"n": 4})
def coalesce(draft: WireDraft, *, n: Annotated[int, AtLeast(2)]) -> WireDraft:
    """Send so many writes as one, when the last of them was due.

    Args:
        draft: The stream.
        n: How many.

    Oracle:
        Both: the same events, all of a write at once.
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
    return replace(draft, writes=tuple(writes)).noted(
        f"sent {len(draft.writes)} writes as {len(writes)}"
    )


@fault(Layer.SOCKET, example={"at": {"event": 3, "offset": 40}, "how": "fin"})
def close_at(
    draft: WireDraft,
    *,
    at: Position,
    how: How = "fin",
    grace_ms: Milliseconds = 50.0,
) -> WireDraft:
    """Close the connection within the body, or behind it but before its framing ends.

    Args:
        draft: The stream.
        at: Where.
        how: In which way.

            - ``fin``: FIN.
            - ``rst``: RST.
            - ``half_close``: FIN, and what the peer sends is still taken.
        grace_ms: From the last byte to RST, which may discard what was not read yet.

    Oracle:
        Both: what came before passes, and the client is told, unless the stream said
        [DONE]. Where the close is the end of the body it looks clean, and only what was
        said tells whether it was finished.
    """
    grace_ns = round(grace_ms * NS_PER_MS) if how == "rst" else 0
    if is_before_head(at):
        return without_head(draft, FINISHES[how], grace_ns).noted(
            f"closed by {_SHOWN[how]} before a head"
        )
    offset = offset_at(draft, at)
    cut = cut_body(draft, offset)
    return replace(
        cut, finish=FINISHES[how], finish_at_ns=cut.finish_at_ns + grace_ns
    ).noted(f"closed by {_SHOWN[how]} at {shown_position(at)} (byte {offset})")


@fault(Layer.SOCKET, example={"how": "rst"})
def close_before_head(
    draft: WireDraft, *, how: Literal["fin", "rst", "refuse"] = "fin"
) -> WireDraft:
    """Close the connection in place of an answer, or let none come about.

    Args:
        draft: The stream.
        how: In which way.

            - ``fin``: FIN when the request was read.
            - ``rst``: RST when it was.
            - ``refuse``: no connection comes about. Live, such a stream has its
              upstream for itself.

    Oracle:
        Both: a status of failure, or no answer at all; asking again is right.
    """
    at_ns = draft.finish_at_ns if draft.head_at_ns is None else draft.head_at_ns
    return without_head(draft, FINISHES[how], 0 if how == "refuse" else at_ns).noted(
        "refused the connection"
        if how == "refuse"
        else f"closed by {how.upper()} before a head"
    )


def without_head(draft: WireDraft, finish: Finish, at_ns: int) -> WireDraft:
    """Return the draft with nothing sent, and this done at its time."""
    return replace(
        draft,
        head_at_ns=None,
        writes=(),
        spans=(),
        coding=None,
        surplus=b"",
        finish=finish,
        finish_at_ns=at_ns,
    )


def is_before_head(at: Position) -> bool:
    """Whether a position is behind ``accept``: the request was read, no head is out."""
    return at.get("after") == "accept"


def cut_body(draft: WireDraft, offset: int) -> WireDraft:
    """Return the draft without what lies behind a byte of the body.

    The block that is cut stays as a partial span. A content-length still promises the
    whole body. The end is when the last byte left was written.
    """
    writes = []
    position = 0
    for write in split_writes(draft.writes, offset):
        if position >= offset:
            break
        writes.append(write)
        position += 0 if write.raw else len(write.data)
    spans = []
    for span in draft.spans:
        if span.end <= offset:
            spans.append(span)
        elif span.start < offset:
            spans.append(replace(span, end=offset, partial=True))
    promised = draft.promised_length
    if draft.framing is Framing.CONTENT_LENGTH and promised is None:
        promised = len(coded_body(draft))
    return replace(
        draft,
        writes=tuple(writes),
        spans=tuple(spans),
        finish_at_ns=writes[-1].at_ns if writes else draft.head_at_ns or 0,
        promised_length=promised,
        chunks=replace(draft.chunks, missing=0),
        surplus=b"",
    )


def split_writes(writes: Sequence[Write], offset: int) -> tuple[Write, ...]:
    """Return writes with one border more, at a byte of the body."""
    new: list[Write] = []
    position = 0
    for write in writes:
        inside = offset - position
        if not write.raw and 0 < inside < len(write.data):
            new.append(replace(write, data=write.data[:inside]))
            new.append(replace(write, data=write.data[inside:]))
        else:
            new.append(write)
        position += 0 if write.raw else len(write.data)
    return tuple(new)


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

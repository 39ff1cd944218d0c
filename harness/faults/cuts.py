"""Faults of borders and of the close: how the bytes are cut, and where they stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random
from typing import Annotated, Literal

from harness.cassette.model import Framing
from harness.faults.draft import Finish, WireDraft, Write
from harness.faults.errors import FaultError
from harness.faults.parameters import AtLeast, Count, Milliseconds
from harness.faults.position import Position, offset_at, shown_position
from harness.faults.registry import Layer, fault

__all__ = [
    "chunking",
    "close_at",
    "close_before_head",
    "coalesce",
    "cut_body",
    "segment",
    "split_writes",
]

_NS_PER_MS = 1_000_000
_RANDOM_MAX = 64
"""Largest piece that ``segment`` cuts at random, in bytes: a few to an event."""

How = Literal["fin", "rst"]
_FINISHES = {"fin": Finish.TRUNCATED, "rst": Finish.RESET}


@fault(Layer.SOCKET, example={"mode": "per_event"})
def chunking(
    draft: WireDraft, *, mode: Literal["per_event", "one"] = "per_event"
) -> WireDraft:
    """Send every event in a write of its own, or the whole body in one.

    Args:
        draft: The stream.
        mode: An event's write goes out when its last byte was due; the one write when
            the last byte of all was.
    """
    if mode == "one":
        return coalesce(draft, n=max(2, len(draft.writes)))
    writes = draft.writes
    for span in draft.spans:
        writes = split_writes(writes, span.end)
    ends = [span.end for span in draft.spans]
    groups: list[list[Write]] = [[] for _ in ends]
    offset = place = 0
    for write in writes:
        if write.raw:
            raise FaultError("bytes past the framing have no event")
        groups[place].append(write)
        offset += len(write.data)
        place += offset == ends[place]
    joined = tuple(_join(group) for group in groups if group)
    return replace(draft, writes=joined).noted(f"sent {len(joined)} events one by one")


@fault(Layer.SOCKET, example={"size": 1})
def segment(
    draft: WireDraft,
    rng: Random,
    *,
    size: Count | Literal["random"],
    gap_ms: Milliseconds = 0.0,
) -> WireDraft:
    """Cut every write into pieces, each a write of its own.

    Args:
        draft: The stream.
        rng: Draws the sizes.
        size: Bytes of a piece, or random from 1 to 64.
        gap_ms: From one piece to the next; what is late delays what follows.
    """
    gap_ns = round(gap_ms * _NS_PER_MS)
    writes: list[Write] = []
    free_ns = 0
    for write in draft.writes:
        for data in _pieces(write.data, size, rng):
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
        how: FIN or RST.
        grace_ms: From the last byte to RST, which may discard what was not read yet.
    """
    offset = offset_at(draft, at)
    cut = cut_body(draft, offset)
    grace_ns = round(grace_ms * _NS_PER_MS) if how == "rst" else 0
    return replace(
        cut, finish=_FINISHES[how], finish_at_ns=cut.finish_at_ns + grace_ns
    ).noted(f"closed by {how.upper()} at {shown_position(at)} (byte {offset})")


@fault(Layer.SOCKET, example={"how": "rst"})
def close_before_head(draft: WireDraft, *, how: How = "fin") -> WireDraft:
    """Close the connection in place of an answer.

    Args:
        draft: The stream.
        how: FIN or RST.
    """
    at_ns = draft.head_at_ns
    return replace(
        draft,
        head_at_ns=None,
        writes=(),
        spans=(),
        finish=_FINISHES[how],
        finish_at_ns=draft.finish_at_ns if at_ns is None else at_ns,
    ).noted(f"closed by {how.upper()} before a head")


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
        promised = len(draft.body)
    return replace(
        draft,
        writes=tuple(writes),
        spans=tuple(spans),
        finish_at_ns=writes[-1].at_ns if writes else draft.head_at_ns or 0,
        promised_length=promised,
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


def _pieces(data: bytes, size: int | str, rng: Random) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        length = size if isinstance(size, int) else rng.randint(1, _RANDOM_MAX)
        yield data[start : start + length]
        start += length

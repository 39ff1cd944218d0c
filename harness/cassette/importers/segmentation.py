"""Segments of a body whose source kept neither borders nor times.

Event *i* is whole at ``first + i * pacing``. A segment arrives with the last event that
it has a byte of, so a stream takes the same time however it is cut.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from enum import StrEnum

from harness.cassette.model import Segment

__all__ = ["Split", "borders_of", "cut_at", "event_ends"]


class Split(StrEnum):
    """Where a body without known borders is cut into segments."""

    EVENT = "event"
    """After each event, its blank line included."""

    WHOLE = "whole"
    """Nowhere."""


# A run of two or more line ends closes a block (WHATWG: LF, CRLF, or CR alone).
_BLOCK_END = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2,}")


def event_ends(body: bytes) -> list[int]:
    """Return where each event of a body ends; what follows the last one counts too."""
    ends = [match.end() for match in _BLOCK_END.finditer(body)]
    if body and (not ends or ends[-1] < len(body)):
        ends.append(len(body))
    return ends


def borders_of(body: bytes, split: Split | int, ends: Sequence[int]) -> Sequence[int]:
    """Return where the segments of a body end.

    Args:
        body: The body.
        split: Where to cut; a number cuts after that many bytes.
        ends: Its `event_ends`.
    """
    match split:
        case Split.EVENT:
            return ends
        case Split.WHOLE:
            return [len(body)] if body else []
        case size:
            return [*range(size, len(body), size), len(body)] if body else []


def cut_at(
    borders: Sequence[int],
    body: bytes,
    ends: Sequence[int],
    *,
    first_ns: int,
    pacing_ns: float,
) -> tuple[Segment, ...]:
    """Cut a body into segments with even times.

    Args:
        borders: Where they end.
        body: The body.
        ends: Its `event_ends`.
        first_ns: When the first event is whole.
        pacing_ns: From one event to the next.
    """
    segments = []
    start = 0
    for end in borders:
        event = bisect.bisect_left(ends, end)
        at_ns = first_ns + round(event * pacing_ns)
        segments.append(Segment(at_ns=at_ns, data=body[start:end]))
        start = end
    return tuple(segments)

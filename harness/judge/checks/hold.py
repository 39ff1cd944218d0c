"""Check of hold, the delay that a target adds, measured by content, not by event.

Hold of a character = its arrival at the client minus the time at which the upstream
wrote the block that first carried it: live, the real time of the write; in virtual
time, the instant at which the relay is offered it. Events that carry more than text are
matched in order, by equal canonical JSON. Dropped content is not counted. Events may be
cut differently on the two sides, but characters are the same, so they are the measure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.dialects.message import TextKey
from harness.dialects.payload import PayloadKind
from harness.judge.evidence.observation import Observation
from harness.judge.evidence.reading import Event, Reading, structural_events
from harness.judge.limits import Limits
from harness.judge.oracle.expectation import Content, Expectation
from harness.judge.violation import Kind, Violation
from harness.statistics import nearest_rank
from harness.units import NS_PER_MS

__all__ = ["Hold", "check_hold", "hold_samples", "summarise_hold", "text_holds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Hold over one stream, or many; nanoseconds.

    Attributes:
        count: Samples: pieces of text, events that carry more than text, comments.
        p95_ns: 95th percentile, nearest rank.
    """

    count: int
    median_ns: int
    p95_ns: int
    max_ns: int


def summarise_hold(samples: Iterable[int]) -> Hold | None:
    """Return median, p95 and maximum; None without samples."""
    ordered = sorted(samples)
    if not ordered:
        return None
    return Hold(
        count=len(ordered),
        median_ns=nearest_rank(ordered, 0.5),
        p95_ns=nearest_rank(ordered, 0.95),
        max_ns=ordered[-1],
    )


def hold_samples(
    expected: Content,
    got: Reading,
    observation: Observation,
    dropped: frozenset[TextKey] = frozenset(),
) -> list[int]:
    """Return the hold of all text, of events with more than text, and of comments.

    Only meaningful for a correct stream: a failed stream is a fast one. Texts in
    ``dropped`` arrived without the repeat at their opening.
    """
    if not observation.upstream:
        return []
    request = observation.upstream[-1]
    sent = _ByteTimes(request.sent)
    total = 0
    arrivals = []
    for at_ns, data in observation.reads:
        total += len(data)
        arrivals.append((at_ns, total))
    read = _ByteTimes(arrivals)
    pairs = list(zip(expected.reading.events, expected.source_ends, strict=False))
    # A text that opens with other white space has no sure match for its characters.
    unsure = dropped - expected.reduced_openings.keys()
    reduced = {key: iter(expected.reduced_openings[key]) for key in dropped - unsure}
    upstream = _text_times(
        ((event, sent.at(source)) for event, source in pairs), reduced
    )
    client = _text_times(((event, read.at(event.end)) for event in got.events), {})
    samples: list[int] = []
    for key in sorted(client.keys() - unsure):
        pieces = client[key]
        samples += text_holds(upstream.get(key, []), pieces)
    samples += _event_holds(pairs, got.events, sent, read)
    for source, arrived in zip(expected.comments, got.comments, strict=False):
        sent_ns, read_ns = sent.at(source), read.at(arrived)
        if sent_ns is not None and read_ns is not None:
            samples.append(read_ns - sent_ns)
    return samples


class _ByteTimes:
    """The time at which the n-th byte of a body passed."""

    def __init__(self, marks: Sequence[tuple[int, int]]) -> None:
        self._times = [at_ns for at_ns, _ in marks]
        self._totals = [total for _, total in marks]

    def at(self, offset: int) -> int | None:
        if not self._times:
            return None
        index = bisect_left(self._totals, offset)
        return self._times[min(index, len(self._times) - 1)]


_TextTimes = dict[TextKey, list[tuple[int, int]]]


def _text_times(
    timed: Iterable[tuple[Event, int | None]], reduced: Mapping[TextKey, Iterator[str]]
) -> _TextTimes:
    """Return for every (choice, field) its pieces as (end in characters, time)."""
    times: _TextTimes = defaultdict(list)
    ends: dict[TextKey, int] = defaultdict(int)
    for event, at_ns in timed:
        if at_ns is None:
            continue
        for choice, name, text in event.deltas:
            key = (choice, name)
            counted = next(reduced[key]) if key in reduced else text
            if counted:
                ends[key] += len(counted)
                times[key].append((ends[key], at_ns))
    return times


def text_holds(
    upstream: Sequence[tuple[int, int]], client: Sequence[tuple[int, int]]
) -> list[int]:
    """Return the hold of every piece of one text, in order; nanoseconds.

    Args:
        upstream: Its pieces as (end in characters, time) at the target's upstream.
        client: The same at the client, perhaps cut otherwise.
    """
    samples = []
    index = 0
    start = 0
    for end, at_ns in client:
        while index < len(upstream) and start < end:
            piece_end, sent_ns = upstream[index]
            samples.append(at_ns - sent_ns)
            start = min(end, piece_end)
            if piece_end <= end:
                index += 1
    return samples


def _event_holds(
    pairs: Sequence[tuple[Event, int]],
    got: Sequence[Event],
    sent: _ByteTimes,
    read: _ByteTimes,
) -> list[int]:
    """Match events that carry more than text, in order, by equal canonical JSON.

    Arrived events in between, such as optional ones, are skipped.
    """
    wanted = [
        (found.canonical, pairs[found.index][1])
        for found in structural_events(event for event, _ in pairs)
    ]
    arrived = [(found.canonical, found.event.end) for found in structural_events(got)]
    samples = []
    position = 0
    for canonical, source in wanted:
        while position < len(arrived) and arrived[position][0] != canonical:
            position += 1
        if position == len(arrived):
            break
        sent_ns, read_ns = sent.at(source), read.at(arrived[position][1])
        if sent_ns is not None and read_ns is not None:
            samples.append(read_ns - sent_ns)
        position += 1
    samples += _done_hold(pairs, got, sent, read)
    return samples


def _done_hold(
    pairs: Sequence[tuple[Event, int]],
    got: Sequence[Event],
    sent: _ByteTimes,
    read: _ByteTimes,
) -> list[int]:
    """Return the hold of ``[DONE]``."""
    if not pairs or not got:
        return []
    (wanted, source), arrived = pairs[-1], got[-1]
    if wanted.payload.kind is not PayloadKind.END or (
        arrived.payload.kind is not PayloadKind.END
    ):
        return []
    sent_ns, read_ns = sent.at(source), read.at(arrived.end)
    return [] if sent_ns is None or read_ns is None else [read_ns - sent_ns]


def check_hold(
    expected: Expectation, got: Observation, longest_ns: int, limits: Limits
) -> Iterator[Violation]:
    """Judge the longest hold of content, and that of the head.

    Args:
        expected: Gives the time of the head, and perhaps its own limit.
        got: The observation.
        longest_ns: The longest of `hold_samples`.
        limits: The limits where the scenario sets none.
    """
    own_ms = expected.duty.max_hold_ms
    hold_ms = limits.hold_ms if own_ms is None else own_ms
    limit_ms = hold_ms + limits.slack_ms
    if longest_ns / NS_PER_MS > limit_ms:
        yield Violation(
            kind=Kind.HELD,
            where="delivery",
            expected=f"no content is held back longer than {hold_ms:g} ms",
            got=_in_words(longest_ns, virtual=got.virtual, what="content is held back"),
            measured={"max_hold_ms": round(longest_ns / NS_PER_MS, 3)},
        )
    head_ns = _head_hold_ns(expected.head.at_ns, got)
    if head_ns is not None and head_ns / NS_PER_MS > limit_ms:
        yield Violation(
            kind=Kind.HEAD_HELD,
            where="delivery",
            expected=f"the head is not held back longer than {hold_ms:g} ms",
            got=_in_words(
                head_ns, virtual=got.virtual, what="the response head is held back"
            ),
            measured={"head_hold_ms": round(head_ns / NS_PER_MS, 3)},
        )


def _in_words(held_ns: int, *, virtual: bool, what: str) -> str:
    # Only virtual figures repeat, so live ones are in `measured` alone.
    return f"{what} {held_ns / NS_PER_MS:.3f} ms" if virtual else f"{what} longer"


def _head_hold_ns(due_ns: int | None, got: Observation) -> int | None:
    if due_ns is None or got.head_at_ns is None or not got.upstream:
        return None
    return got.head_at_ns - got.upstream[-1].at_ns - due_ns

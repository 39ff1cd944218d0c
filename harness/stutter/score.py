"""Scores and tallies: how well a target tells stutter from meant repeats.

A stream is *right* when the client's text is, to the letter, what was meant. Right
streams that stutter give the recall; clean ones that are not right are false positives.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from harness.dialects.message import TextKey
from harness.dialects.payload import PayloadKind
from harness.dialects.registry import OPENAI_CHAT
from harness.judge.checks.hold import text_holds
from harness.judge.evidence.observation import Observation
from harness.sse.parser import parse
from harness.statistics import Share, mcnemar_exact, nearest_rank, wilson

__all__ = ["ScoredStream", "SetTally", "StreamScore", "score", "tally"]

TextTimes = dict[TextKey, list[tuple[int, int]]]
"""For every text, its pieces as (characters so far, time)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamScore:
    """One stream through one target.

    Attributes:
        right: Whether the client's text is what was meant. A stuttering text that opens
            with white space may have more of it: the amount is not decided.
        lost: Characters that were meant and did not arrive.
        added: Characters that arrived and were not meant.
        first_hold_ns: Hold of the first piece of text; None: the text is not right, or
            there is none.
        holds_ns: Hold of every piece of text; empty where the text is not right.
        invalid: Why it is no evidence; None: it is.
    """

    right: bool
    lost: int
    added: int
    first_hold_ns: int | None
    holds_ns: tuple[int, ...]
    invalid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredStream:
    """The scores of one recorded stream.

    Attributes:
        scores: For every set that it fits, one score a target.
        why_not: Why it is in no set; None: it is in some.
    """

    name: str
    scores: Mapping[str, tuple[StreamScore, ...]]
    why_not: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTally:
    """One target over one set.

    Attributes:
        right: Streams whose text is what was meant, of all.
        wrong: The others, of all: the false positives of a clean set.
        lost: Characters lost.
        lost_streams: Streams with lost characters.
        added: Characters added.
        first_hold_ns: Hold of the first piece of text: p50 and p99 over right streams.
        hold_ns: Hold of every piece of text: p50 and p99.
        p: Exact two-sided McNemar test against the first target, on the same streams;
            None: it is the first.
        better: Streams that are right here and wrong with the first target.
        worse: Streams that are wrong here and right with the first target.
    """

    right: Share
    wrong: Share
    lost: int
    lost_streams: int
    added: int
    first_hold_ns: tuple[int | None, int | None]
    hold_ns: tuple[int | None, int | None]
    p: float | None
    better: int
    worse: int


def score(
    meant: Sequence[tuple[int, int, str, str]],
    observation: Observation,
    *,
    stutters: bool,
) -> StreamScore:
    """Score one observation.

    Args:
        meant: See `harness.stutter.labelled_stream.LabelledStream`.
        observation: The observation.
        stutters: Whether the upstream is at fault.
    """
    wanted = _joined((choice, field, text) for _, choice, field, text in meant)
    got, times = _read(observation)
    right = got == wanted or (stutters and _equal_but_leading_space(wanted, got))
    lost = added = 0
    for key in wanted.keys() | got.keys():
        missing, more = _difference(wanted.get(key, ""), got.get(key, ""))
        lost += missing
        added += more
    holds = _holds(meant, observation, times) if got == wanted else []
    return StreamScore(
        right=right and observation.invalid is None,
        lost=lost,
        added=added,
        first_hold_ns=holds[0] if holds else None,
        holds_ns=tuple(holds),
        invalid=observation.invalid,
    )


def tally(
    scores: Sequence[StreamScore], first: Sequence[StreamScore] | None = None
) -> SetTally:
    """Add up one target's scores over one set.

    Args:
        scores: One for each stream.
        first: The first target's, in the same order; None: it is the first.
    """
    right = sum(one.right for one in scores)
    pairs = list(zip(scores, first or (), strict=False))
    better = sum(one.right and not other.right for one, other in pairs)
    worse = sum(other.right and not one.right for one, other in pairs)
    firsts = sorted(
        one.first_hold_ns for one in scores if one.first_hold_ns is not None
    )
    holds = sorted(hold for one in scores for hold in one.holds_ns)
    return SetTally(
        right=wilson(right, len(scores)),
        wrong=wilson(len(scores) - right, len(scores)),
        lost=sum(one.lost for one in scores),
        lost_streams=sum(one.lost > 0 for one in scores),
        added=sum(one.added for one in scores),
        first_hold_ns=_median_and_p99(firsts),
        hold_ns=_median_and_p99(holds),
        p=None if first is None else mcnemar_exact(better, worse),
        better=better,
        worse=worse,
    )


def _median_and_p99(ordered: list[int]) -> tuple[int | None, int | None]:
    if not ordered:
        return None, None
    return nearest_rank(ordered, 0.5), nearest_rank(ordered, 0.99)


def _joined(texts: Iterable[tuple[int, str, str]]) -> dict[TextKey, str]:
    joined: dict[TextKey, str] = {}
    for choice, field, text in texts:
        joined[choice, field] = joined.get((choice, field), "") + text
    return joined


def _read(observation: Observation) -> tuple[dict[TextKey, str], TextTimes]:
    """Return the texts that a client reads up to ``[DONE]``, and their times."""
    arrivals = _ArrivalTimes(observation.reads)
    texts: dict[TextKey, list[str]] = {}
    lengths: dict[TextKey, int] = {}
    times: TextTimes = {}
    for event in parse(observation.body).events:
        payload = OPENAI_CHAT.read(event.data, event.event)
        if payload.kind is PayloadKind.END:
            break
        if payload.kind is not PayloadKind.CHUNK:
            continue
        for choice, field, text in OPENAI_CHAT.texts(payload.value):
            key = (choice, field)
            texts.setdefault(key, []).append(text)
            lengths[key] = lengths.get(key, 0) + len(text)
            times.setdefault(key, []).append((lengths[key], arrivals.at(event.end)))
    return {key: "".join(parts) for key, parts in texts.items()}, times


class _ArrivalTimes:
    """The time at which the n-th byte of a body arrived."""

    def __init__(self, reads: Iterable[tuple[int, bytes]]) -> None:
        self._times: list[int] = []
        self._totals: list[int] = []
        total = 0
        for at_ns, data in reads:
            total += len(data)
            self._times.append(at_ns)
            self._totals.append(total)

    def at(self, offset: int) -> int:
        index = bisect_left(self._totals, offset)
        return self._times[min(index, len(self._times) - 1)]


def _holds(
    meant: Sequence[tuple[int, int, str, str]],
    observation: Observation,
    times: Mapping[TextKey, list[tuple[int, int]]],
) -> list[int]:
    """Return the hold of every piece of text, the first piece's first."""
    if not observation.upstream or not observation.upstream[-1].sent:
        return []
    sent = observation.upstream[-1].sent
    totals = [total for _, total in sent]
    upstream: TextTimes = {}
    for end, choice, field, text in meant:
        at_ns = sent[min(bisect_left(totals, end), len(sent) - 1)][0]
        known = upstream.setdefault((choice, field), [])
        length = known[-1][0] if known else 0
        known.append((length + len(text), at_ns))
    # The text that the upstream began with comes first.
    return [
        hold
        for key in upstream
        for hold in text_holds(upstream[key], times.get(key, []))
    ]


def _equal_but_leading_space(
    wanted: Mapping[TextKey, str], got: Mapping[TextKey, str]
) -> bool:
    if wanted.keys() != got.keys():
        return False
    return all(
        text == got[key] or (text[:1].isspace() and text.lstrip() == got[key].lstrip())
        for key, text in wanted.items()
    )


def _difference(wanted: str, got: str) -> tuple[int, int]:
    """Return the number of missing characters and of added ones.

    Equal text is aligned from both ends, then by longest blocks, as `difflib` does.
    """
    if wanted == got:
        return 0, 0
    limit = min(len(wanted), len(got))
    start = 0
    while start < limit and wanted[start] == got[start]:
        start += 1
    end = 0
    while end < limit - start and wanted[-1 - end] == got[-1 - end]:
        end += 1
    left = wanted[start : len(wanted) - end]
    right = got[start : len(got) - end]
    kept = 0
    if left and right:
        matcher = SequenceMatcher(None, left, right, autojunk=False)
        kept = sum(block.size for block in matcher.get_matching_blocks())
    return len(left) - kept, len(right) - kept

"""Labelled sets: streams that stutter, and streams that only look like it.

Each stream is made from a clean recorded one, so the meant text is known to the letter:
it is the recording's. Two flags decide where a set is counted.

*Stutters* says whether the repeats are a fault (they must go) or meant (they must
stay). *Decidable* says whether content can tell: an opening that grows is a fault, but
``ha``, ``ha`` is the same on the wire whether it was meant or stuttered. What a target
does with it is a choice, and is counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from harness.stutter.builders import (
    Builder,
    clean,
    clean_opening,
    common_repeats,
    cumulative,
    final_cumulative,
    first_word_later,
    repeated,
    shrinking,
)

__all__ = ["SETS", "StutterSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StutterSet:
    """One kind of stream.

    Attributes:
        name: Its name in the command and the report.
        what: What the upstream does, in plain words.
        stutters: Whether the repeats are a fault: they must not reach the client.
        decidable: Whether content can tell a fault from a meant repeat.
        build: Makes one from a clean stream.
    """

    name: str
    what: str
    stutters: bool
    decidable: bool
    build: Builder


def _set(
    name: str, what: str, build: Builder, *, fault: bool, sure: bool
) -> StutterSet:
    return StutterSet(name=name, what=what, stutters=fault, decidable=sure, build=build)


_MIDDLE = partial(repeated, where="middle")
_OPENING = partial(repeated, where="opening")

SETS: tuple[StutterSet, ...] = (
    _set(
        "growing",
        "the first three deltas carry all text so far, plain ones follow",
        partial(cumulative, count=3),
        fault=True,
        sure=True,
    ),
    _set(
        "cumulative",
        "every delta carries all text so far",
        cumulative,
        fault=True,
        sure=True,
    ),
    _set(
        "clean",
        "as it was recorded",
        clean,
        fault=False,
        sure=True,
    ),
    _set(
        "meant-middle",
        "a delta in the middle is meant three times",
        partial(_MIDDLE, times=3, meant=True),
        fault=False,
        sure=True,
    ),
    _set(
        "meant-common",
        "digits, line breaks, indentation, cells and words repeat in the middle",
        common_repeats,
        fault=False,
        sure=True,
    ),
    _set(
        "meant-first-later",
        "the opening delta is meant again, twice, in the middle",
        first_word_later,
        fault=False,
        sure=True,
    ),
    _set(
        "repeat-first-2",
        "the first text delta is sent twice",
        partial(_OPENING, times=2, meant=False),
        fault=True,
        sure=False,
    ),
    _set(
        "repeat-first-3",
        "the first text delta is sent three times",
        partial(_OPENING, times=3, meant=False),
        fault=True,
        sure=False,
    ),
    _set(
        "shrinking",
        "three deltas arrive in one, then shorter and shorter, plain ones follow",
        shrinking,
        fault=True,
        sure=False,
    ),
    _set(
        "duplicate-middle",
        "a delta in the middle is sent twice",
        partial(_MIDDLE, times=2, meant=False),
        fault=True,
        sure=False,
    ),
    _set(
        "cumulative-every-4th",
        "every fourth delta carries all text so far",
        partial(cumulative, every=4),
        fault=True,
        sure=False,
    ),
    _set(
        "cumulative-final",
        "the last delta carries all text so far",
        final_cumulative,
        fault=True,
        sure=False,
    ),
    _set(
        "clean-opening",
        "as it was recorded, and its own text opens with a repeat",
        clean_opening,
        fault=False,
        sure=False,
    ),
    _set(
        "meant-opening-2",
        "the first text delta is meant twice",
        partial(_OPENING, times=2, meant=True),
        fault=False,
        sure=False,
    ),
    _set(
        "meant-opening-3",
        "the first text delta is meant three times",
        partial(_OPENING, times=3, meant=True),
        fault=False,
        sure=False,
    ),
)
"""All sets. The gate counts those that content can decide."""

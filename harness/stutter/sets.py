"""Labelled sets: streams that stutter, and streams that only look like it.

Each is made of a clean recorded stream, so that what was meant is known to the letter:
the text that the recording says. Two signs decide where a set is counted.

*Stutters* says whether the upstream is at fault (its repeats must go) or the repeats
are meant (they must stay). *Decidable* says whether content can tell: an opening that
grows is no accident, but ``ha``, ``ha`` is the same on the wire whether it was said or
stuttered, so what a target does with it is a choice and is counted apart.
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
        name: What the command and the report call it.
        what: What the upstream does, in plain words.
        stutters: Whether the repeats are a fault: they must not reach the client.
        decidable: Whether content can tell a fault from what is meant.
        build: Makes one of a clean stream.
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
        "the first three deltas carry all text so far, then plain ones follow",
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
        "what opened the text is said again, twice, in the middle",
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
        "three deltas come in one, then shorter and shorter, then plain ones follow",
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

"""The sets, and which of them count."""

from __future__ import annotations

from harness.stutter.sets import SETS


def test_names_are_unique():
    """A name stands for one set in a report."""
    names = [kind.name for kind in SETS]
    assert len(names) == len(set(names))


def test_sets_that_count_are_told_from_those_that_cannot():
    """The gate counts what content can decide, and nothing else."""
    assert {kind.name for kind in SETS if kind.decidable} == {
        "growing",
        "cumulative",
        "clean",
        "meant-middle",
        "meant-common",
        "meant-first-later",
    }

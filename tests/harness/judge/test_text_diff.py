"""The first difference of two texts."""

from __future__ import annotations

import pytest

from harness.judge.text_diff import Change, compare_text


def test_equal_texts_have_none():
    """Nothing is said of them."""
    assert compare_text("Once", "Once") is None
    assert compare_text("", "") is None


@pytest.mark.parametrize(
    ("expected", "got", "change", "at", "count"),
    [
        ("Once upon", "Once", Change.LOST, 4, 5),
        ("Once upon", "nce upon", Change.LOST, 0, 1),
        ("Once", "Once!!", Change.ADDED, 4, 2),
        ("", "a", Change.ADDED, 0, 1),
        ("Once", "Onde", Change.CHANGED, 2, 0),
        ("Once", "once", Change.CHANGED, 0, 0),
    ],
)
def test_change_place_and_count(expected, got, change, at, count):
    """By length: shorter is lost, longer is added, the same is changed."""
    found = compare_text(expected, got)

    assert (change, at, count) == (found.change, found.at, found.count)


def test_excerpts_show_24_characters_on_each_side():
    """Left-out text is marked by an ellipsis, on the side where it is."""
    found = compare_text("a" * 30 + "X" + "b" * 30, "a" * 30 + "Y")

    assert '"…' + "a" * 24 + "X" + "b" * 23 + '…"' == found.expected
    assert '"…' + "a" * 24 + 'Y"' == found.got


def test_excerpt_at_the_beginning_has_no_mark_before_it():
    """Nothing is left out there."""
    found = compare_text("a" * 24 + "X", "a" * 24 + "Y")

    assert '"' + "a" * 24 + 'X"' == found.expected

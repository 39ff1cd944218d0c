from __future__ import annotations

import pytest

from harness.dialects.openai_chat.opening import (
    OpeningTracker,
    blank_openings,
    reduced_openings,
)

KEY = (0, "content")


def said(*texts, field="content"):
    """Return texts of choice 0."""
    return [(0, field, text) for text in texts]


@pytest.mark.parametrize(
    ("texts", "reduced"),
    [
        (["ha", "ha", "ha", "!"], ("ha", "", "", "!")),
        (["Hel", "Hello", "Hello wo", "rld"], ("Hel", "lo", " wo", "rld")),
        (["T", "The", " end"], ("T", "he", " end")),
        (["\n", "a", "a", "b"], ("\n", "a", "", "b")),
        (["ab", "a", "c"], ("ab", "", "c")),
    ],
)
def test_opening_that_repeats_has_another_reading(texts, reduced):
    """The run of deltas that repeat or extend the opening is reduced."""
    assert {KEY: reduced} == reduced_openings(said(*texts))


@pytest.mark.parametrize("texts", [["a", "b", "b"], ["a"], ["", "a"], [" ", " ", "a"]])
def test_other_texts_have_one_reading(texts):
    """After the first unrelated delta repeats are meant; white space opens nothing."""
    assert {} == reduced_openings(said(*texts))


def test_arguments_of_tools_are_never_reduced():
    """They are for programs: a repeat in them is part of the JSON."""
    assert {} == reduced_openings(said("1", "1", field="tool:0"))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [(["\n", "a"], {KEY}), (["a", "\n"], set()), ([" a"], set()), ([], set())],
)
def test_blank_openings_are_of_white_space_alone(texts, expected):
    """How much of it is meant is not decided."""
    assert expected == blank_openings(said(*texts))


class TestOpeningTracker:
    def test_before_an_opening_every_text_may_be_one(self):
        """Nothing is new beside what is not there yet."""
        tracker = OpeningTracker()

        assert tracker.repeats(KEY, "a")
        assert {} == tracker.new_texts(said("a"))

    def test_new_is_what_extends_the_opening(self):
        """What was read before counts, as it was sent."""
        tracker = OpeningTracker([said("\n"), said("Hel"), said("Hello")])

        assert {KEY: " you"} == tracker.new_texts(said("Hello you"))
        assert {KEY: ""} == tracker.new_texts(said("He"))
        assert {} == tracker.new_texts(said("you"))

    def test_an_unrelated_delta_ends_the_opening_for_good(self):
        """Later repeats are meant."""
        tracker = OpeningTracker([said("a"), said("b")])

        assert not tracker.repeats(KEY, "a")
        assert {} == tracker.new_texts(said("ab"))
        assert "a" == tracker.take(KEY, "a")

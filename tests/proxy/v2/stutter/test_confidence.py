from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.v2.stutter.confidence import Evidence, Relation, begins_alike, relation_of


def weigh(opening, text, relation=None, *, same_keys=True, gap_ns=0):
    """Return the evidence of a delta."""
    relation = relation or relation_of(opening, text)
    return Evidence.of(relation, opening, text, same_keys=same_keys, gap_ns=gap_ns)


@pytest.mark.parametrize(
    ("opening", "text", "relation"),
    [
        ("Hello", "Hello", Relation.REPEATS),
        ("Hel", "Hello", Relation.EXTENDS),
        ("Hello", "Hel", Relation.SHRINKS),
        ("Hello", "Help", Relation.DIFFERS),
        ("Hello", "hello", Relation.DIFFERS),
    ],
)
def test_relation_is_that_of_prefixes(opening, text, relation):
    """Case counts, and so does every character."""
    assert relation_of(opening, text) is relation


@pytest.mark.parametrize(
    ("opening", "text", "similarity"),
    [
        ("Hello", "Hello", 1.0),
        ("Helo world", "Hello world", 1.0),
        ("Helo", "Hello wor", 0.75),
        ("aaa", "aaaa", 1.0),
        ("abcd", "wxyz", 0.0),
        ("ab", "ac", 0.5),
    ],
)
def test_similarity_is_what_both_begin_and_end_with(opening, text, similarity):
    """No character counts twice."""
    assert weigh(opening, text).similarity == similarity


@given(st.text(min_size=1), st.text(min_size=1), st.booleans(), st.integers(0, 10**10))
def test_signs_and_confidence_are_parts_of_one(opening, text, same_keys, gap_ns):
    """Whatever the texts."""
    evidence = weigh(opening, text, same_keys=same_keys, gap_ns=gap_ns)

    assert all(0 <= sign <= 1 for sign in evidence)
    assert 0 <= evidence.confidence <= 1.000001
    assert 0 <= evidence.confidence_of_text <= 1.000001


def test_every_sign_adds_to_the_confidence():
    """None is there for show."""
    weak = Evidence(0, 0, 0, 0, 0)

    assert weak.confidence == 0
    for name in Evidence._fields:
        assert weak._replace(**{name: 1.0}).confidence > 0
    assert Evidence(1, 1, 1, 1, 1).confidence == pytest.approx(1)


def test_timing_is_no_part_of_what_decides():
    """It is logged only."""
    soon, late = weigh("Hello", "Help"), weigh("Hello", "Help", gap_ns=10**9)

    assert soon.confidence > late.confidence
    assert soon.confidence_of_text == pytest.approx(late.confidence_of_text)


@pytest.mark.parametrize(
    ("deltas", "confidence"),
    [
        (("Hello there", "Hello there"), 1.0),
        (("Hello", "Hello there"), 0.94),
        (("ha", "ha"), 0.88),
        (("Hello", " you"), 0.25),
    ],
)
def test_growing_prefixes_are_never_taken_for_clean(deltas, confidence):
    """An earlier detector gave a plain growing prefix less than its threshold."""
    assert weigh(*deltas).confidence == pytest.approx(confidence, abs=0.03)


def test_reason_is_in_words():
    """Operators read it at debug."""
    evidence = weigh("Hello there", "Hello there")

    expected = "repeats, 100% alike, long, same shape, at once"
    assert evidence.reason(Relation.REPEATS) == expected


@pytest.mark.parametrize(
    ("opening", "text", "alike"),
    [
        ("Helo", "Hello", True),
        ("ab", "ac", True),
        ("abc", "axy", False),
        ("Helo wor", "Hello world", True),
        ("Hello", " Hello", False),
    ],
)
def test_beginning_is_alike_from_three_characters_on(opening, text, alike):
    """Or half of the shorter text."""
    assert begins_alike(opening, text) is alike

from __future__ import annotations

import unicodedata
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.privacy.scrub_letters import Letters

TEXT = "Hello, Größe 1024 Привет 你好世界 こんにちは 안녕하세요 😀👍🇩🇪 é\u0301 0.50!\n"


@pytest.fixture
def letters():
    """The letters of one cassette."""
    return Letters(b"a key")


@pytest.mark.parametrize("way", ["substituted", "noise"])
def test_classes_and_sizes_stay(letters, way):
    """Every character becomes another one of its class and size, or stays itself."""
    new = getattr(letters, way)(TEXT)
    for one, other in zip(TEXT, new, strict=True):
        assert unicodedata.category(one) == unicodedata.category(other)
        assert len(one.encode()) == len(other.encode())
        assert (one == other) == (one in " ,.!\n0\u0301"), one


@pytest.mark.parametrize("way", ["substituted", "noise"])
def test_no_letter_stands_for_itself(letters, way):
    """So no word stays what it was."""
    for text in (ascii_letters, "123456789", "é" * 99, TEXT):
        new = getattr(letters, way)(text)
        kept = [a for a, b in zip(text, new, strict=True) if a == b and a.isalnum()]
        assert [] == [one for one in kept if one != "0"]


@given(st.text(), st.text())
def test_substitution_keeps_what_texts_have_in_common(one, two):
    """Joined, repeated, extended or contained: texts relate as they did."""
    letters = Letters(b"a key")
    new, other = letters.substituted(one), letters.substituted(two)
    assert new + other == letters.substituted(one + two)
    assert (one == two) == (new == other)
    assert two.startswith(one) == other.startswith(new)
    assert (one in two) == (new in other)


def test_case_stays_a_pair(letters):
    """A capital letter is the capital of what its small letter becomes."""
    assert letters.substituted("abcxyz").upper() == letters.substituted("ABCXYZ")


def test_noise_depends_on_the_whole_text(letters):
    """One other letter at the end, and nothing is alike; the same text is."""
    one, two = letters.noise("a secret thing"), letters.noise("a secret thinG")
    assert one == letters.noise("a secret thing")
    assert 3 > sum(a == b != " " for a, b in zip(one, two, strict=True))


def test_noise_does_not_repeat_where_its_text_does(letters):
    """A letter has many stand-ins in one text: its frequency is not to be seen."""
    assert 15 < len(set(letters.noise("e" * 400)))
    assert 1 == len(set(letters.substituted("e" * 400)))


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("chatcmpl-AbC123xyz", "chatcmpl-"),
        ("chatcmpl-tool-0a1b2c3d", "chatcmpl-tool-"),
        ("call_AbC123", "call_"),
        ("toolu_01AbC", "toolu_"),
        ("9b2e6f0a-1c3d-4e5f-8a7b-0123456789ab", ""),
    ],
)
def test_ids_get_another_name_of_the_same_form(letters, name, prefix):
    """The prefix, the length and the kind of digits stay."""
    new = letters.renamed(name)
    assert new != name
    assert new == letters.renamed(name)
    assert new.startswith(prefix)
    assert [one.isalnum() for one in name] == [one.isalnum() for one in new]
    if not prefix:
        assert set(new) <= set("0123456789abcdef-")


def test_short_ids_do_not_meet(letters):
    """Different ids stay different, even where few names are left."""
    names = [f"call_{number}" for number in range(10)]
    assert 10 == len({letters.renamed(name) for name in names})


def test_keys_decide():
    """Another key, another text."""
    assert Letters(b"a").substituted(TEXT) != Letters(b"b").substituted(TEXT)
    assert Letters(b"a").noise(TEXT) != Letters(b"b").noise(TEXT)
    assert Letters(b"a").renamed("call_abcdef") != Letters(b"b").renamed("call_abcdef")

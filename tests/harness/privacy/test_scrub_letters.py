from __future__ import annotations

import unicodedata
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.privacy.scrub_letters import Pseudonymizer

TEXT = "Hello, Größe 1024 Привет 你好世界 こんにちは 안녕하세요 😀👍🇩🇪 é\u0301 0.50!\n"


@pytest.fixture
def pseudonyms():
    """The pseudonyms of one cassette."""
    return Pseudonymizer(b"a key")


@pytest.mark.parametrize("way", ["substitute", "randomize"])
def test_classes_and_sizes_stay(pseudonyms, way):
    """Every character becomes another one of its class and size, or stays itself."""
    new = getattr(pseudonyms, way)(TEXT)
    for one, other in zip(TEXT, new, strict=True):
        assert unicodedata.category(one) == unicodedata.category(other)
        assert len(one.encode()) == len(other.encode())
        assert (one == other) == (one in " ,.!\n0\u0301"), one


@pytest.mark.parametrize("way", ["substitute", "randomize"])
def test_no_letter_stands_for_itself(pseudonyms, way):
    """So no word stays what it was."""
    for text in (ascii_letters, "123456789", "é" * 99, TEXT):
        new = getattr(pseudonyms, way)(text)
        kept = [a for a, b in zip(text, new, strict=True) if a == b and a.isalnum()]
        assert [] == [one for one in kept if one != "0"]


@given(st.text(), st.text())
def test_substitution_keeps_what_texts_have_in_common(one, two):
    """Joined, repeated, extended or contained: texts relate as they did."""
    pseudonyms = Pseudonymizer(b"a key")
    new, other = pseudonyms.substitute(one), pseudonyms.substitute(two)
    assert new + other == pseudonyms.substitute(one + two)
    assert (one == two) == (new == other)
    assert two.startswith(one) == other.startswith(new)
    assert (one in two) == (new in other)


def test_case_stays_a_pair(pseudonyms):
    """A capital letter is the capital of what its small letter becomes."""
    assert pseudonyms.substitute("abcxyz").upper() == pseudonyms.substitute("ABCXYZ")


def test_noise_depends_on_the_whole_text(pseudonyms):
    """One other letter at the end, and nothing is alike; the same text is."""
    one = pseudonyms.randomize("a secret thing")
    two = pseudonyms.randomize("a secret thinG")
    assert one == pseudonyms.randomize("a secret thing")
    assert 3 > sum(a == b != " " for a, b in zip(one, two, strict=True))


def test_noise_does_not_repeat_where_its_text_does(pseudonyms):
    """A letter has many stand-ins in one text: its frequency is not to be seen."""
    assert 15 < len(set(pseudonyms.randomize("e" * 400)))
    assert 1 == len(set(pseudonyms.substitute("e" * 400)))


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
def test_ids_get_another_name_of_the_same_form(pseudonyms, name, prefix):
    """The prefix, the length and the kind of digits stay."""
    new = pseudonyms.rename_id(name)
    assert new != name
    assert new == pseudonyms.rename_id(name)
    assert new.startswith(prefix)
    assert [one.isalnum() for one in name] == [one.isalnum() for one in new]
    if not prefix:
        assert set(new) <= set("0123456789abcdef-")


def test_short_ids_do_not_meet(pseudonyms):
    """Different ids stay different, even where few names are left."""
    names = [f"call_{number}" for number in range(10)]
    assert 10 == len({pseudonyms.rename_id(name) for name in names})


def test_keys_decide():
    """Another key, another text."""
    one, two = Pseudonymizer(b"a"), Pseudonymizer(b"b")
    assert one.substitute(TEXT) != two.substitute(TEXT)
    assert one.randomize(TEXT) != two.randomize(TEXT)
    assert one.rename_id("call_abcdef") != two.rename_id("call_abcdef")

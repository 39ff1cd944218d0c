from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.privacy.scrub_letters import Pseudonymizer
from harness.privacy.scrub_text import scrub_text

PSEUDONYMS = Pseudonymizer(b"a key")


def scrub(text: str) -> str:
    """Return an answer's scrubbed text."""
    return scrub_text(text, PSEUDONYMS.substitute, PSEUDONYMS.substitute)


def shape(value):
    """A JSON value with its strings as lengths and its numbers as digits."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
        case str():
            return len(value)
        case bool() | None:
            return value
        case _:
            return type(value)


def test_json_stays_json():
    """Keys, literals, escapes and exponents stay; strings and numbers change."""
    value = {
        "city": 'Par"is\n',
        "n": [10, 0, -2.5e3, True, None, "x"],
        "in": {"emoji": "日本 😀", "e": "tru"},
    }
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        scrubbed = json.loads(scrub(text))
        assert shape(value) == shape(scrubbed)
        assert "Par" not in scrubbed["city"]
        assert '"' == scrubbed["city"][3]
        assert "\n" == scrubbed["city"][-1]
        assert 10 != scrubbed["n"][0]
        assert 0 == scrubbed["n"][1]
        assert "日" not in scrubbed["in"]["emoji"]
        assert "😀" not in scrubbed["in"]["emoji"]


JSON_TEXTS = [
    '{"city": "Paris", "ok": true, "n": 12e4, "name": [null, "a\\n\\u00e9"], "x": {}}',
    '[{"title": "Ti"}, {"title": "tle"}]',
    "It is <think>so</think> [DONE], <thinner",
    '["a" and words outside, true',
]


@pytest.mark.parametrize("text", JSON_TEXTS)
def test_a_beginning_stays_the_beginning(text):
    """The result for a beginning never depends on the rest: streams repeat texts."""
    whole = scrub(text)
    for size in range(len(text)):
        if text[:size].endswith("\\u00"):  # three bytes into an escape
            continue
        part = scrub(text[:size])
        agreed = len([1 for a, b in zip(part, whole, strict=False) if a == b])
        # The last word may turn out to be a literal, a tag or an escape.
        assert agreed >= size - 6, (text[:size], part, whole)
    assert [] == [
        size
        for size in range(len(text))
        if text[:size][-1:] in ('"', ":", ",", "{", "[", " ")
        and not whole.startswith(scrub(text[:size]))
    ]


@pytest.mark.parametrize("text", ["It is [DONE]", "<think>", "So <h1>"])
def test_a_begun_sentinel_is_taken_for_one(text):
    """A delta that ends within the sentinel or a tag says the beginning of it."""
    for size in range(len(text)):
        assert scrub(text)[:size] == scrub(text[:size])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("before [DONE] after", "[DONE]"),
        ("<think>Hmm</think>", "<think>"),
        ("<!DOCTYPE html><title>Gone</title>", "<!DOCTYPE "),
        ("```json\n{}\n```", "```"),
    ],
)
def test_what_is_the_streams_own_stays(text, kept):
    """The sentinel and known tags stay, what is around them does not."""
    scrubbed = scrub(text)
    assert kept in scrubbed
    for word in ("before", "after", "Hmm", "Gone"):
        assert word not in scrubbed


def test_a_text_that_only_looks_like_json():
    """Words outside quotes change, where there should be none, too."""
    scrubbed = scrub('["quoted" then open words]')
    for word in ("quoted", "then", "open", "words"):
        assert word not in scrubbed


def test_surrogate_halves_stay_a_pair():
    """An emoji that JSON wrote as two halves becomes another emoji of two."""
    text = "\ud83d\ude00 and \ud83d"
    scrubbed = scrub(text)
    assert "\ud83d" == scrubbed[0]
    assert "\ude00" != scrubbed[1]
    assert PSEUDONYMS.substitute("😀") == scrubbed[:2].encode(
        "utf-16", "surrogatepass"
    ).decode("utf-16")
    assert "\ud83d" == scrubbed[-1]


@given(st.text(st.characters() | st.sampled_from('"\\{}[]:,eu01tfn<DONE ')))
def test_any_text_keeps_its_size_in_every_writing(text):
    """Characters, and each one's bytes in UTF-8 and units in UTF-16, stay as many."""
    scrubbed = scrub(text)
    assert [len(one.encode("utf-8", "surrogatepass")) for one in text] == [
        len(one.encode("utf-8", "surrogatepass")) for one in scrubbed
    ]
    assert [one.isspace() for one in text] == [one.isspace() for one in scrubbed]

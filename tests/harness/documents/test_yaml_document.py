from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.documents.mistakes import Mistakes
from harness.documents.yaml_document import load
from harness.errors import InputError


def refusal(text: str) -> InputError:
    """Return the error that loading a text raises."""
    with pytest.raises(InputError) as caught:
        load(text, source="f.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("-7", -7),
        ("007", 7),
        ("412.503", 412.503),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("off", "off"),
        ("yes", "yes"),
        ("2027-06-30", "2027-06-30"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("'3'", "3"),
        ('"true"', "true"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_scalars_mean_what_json_could_say(text, expected):
    """A plain scalar is a number, a boolean or null only where it looks like one."""
    actual = load(f"key: {text}", source="f.yaml").value["key"]
    assert expected == actual
    assert type(expected) is type(actual)


# PyYAML writes YAML 1.1, where a number with an exponent needs a dot and a sign, and
# one that begins with a dot has none. In 1.2, which is read here (section 10.3.2),
# "1e5" and "-.5" are numbers, so that such a text must stand in quotes.
ONLY_IN_1_2 = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+|[-+]\.[0-9]+"
)
TEXT = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: not ONLY_IN_1_2.fullmatch(text)
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner),
    max_leaves=12,
)


@given(value=JSON_VALUES)
def test_reads_back_whatever_yaml_writes_of_json_values(value):
    """Nested mappings, lists and scalars come back as PyYAML wrote them."""
    text = yaml.safe_dump({"value": value})
    expected = yaml.safe_load(text)
    assert expected == load(text, source="f.yaml").value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "expected a YAML document, got nothing"),
        ("# only a comment\n", None, "expected a YAML document, got nothing"),
        ("a: 1\nb: {x: 1,\n x: 2}", 3, "the key is there twice"),
        ("a: &x 1\nb: *x", 2, "aliases (*name) are not supported"),
        ("a: !!python/object:os.system x", 1, "tags are not supported"),
        ("a: !custom {}", 1, "tags are not supported"),
        ("? [a]\n: b", 1, "expected text as key"),
        ("a: 1\n---\nb: 2", 2, "expected one YAML document, got a second one"),
        ("a: 1\nb: \x01", 2, "U+0001 must be escaped"),
        ("a: [1, 2\n\nb: x", 3, "not YAML: while parsing a flow sequence"),
        ("a: \ud800", 1, "U+D800 must be escaped"),
        ("[" * 200_000, 1, "nested deeper than 100 levels"),
    ],
)
def test_refuses_what_it_does_not_read(text, line, message):
    """Broken or unwanted YAML is refused with its line and the reason."""
    error = refusal(text)
    assert error.source == "f.yaml"
    assert line == error.line
    assert message in error.message


def test_a_key_that_stands_twice_is_named():
    """The error of a repeated key names the key."""
    assert refusal("a: {x: 1, x: 2}").key == "x"


def test_hundred_levels_are_read():
    """Nesting is read down to the limit."""
    expected: object = []
    for _ in range(99):
        expected = [expected]
    actual = load("[" * 100 + "]" * 100, source="f.yaml").value
    assert expected == actual


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), 2),
        (("a",), 2),
        (("b", 0), 4),
        (("b", 1, "y"), 6),
        (("b", 1, "y", 1), 6),
        (("b", 1, "z"), 7),
        (("b", 1, "missing"), 5),
        (("b", 9), 3),
        (("c",), 8),
        (("nowhere", 3, "deep"), 2),
    ],
)
def test_tells_the_line_of_a_value(path, expected):
    """The line is that of the key or the list item, or of the nearest one around."""
    text = "# c\na: 1\nb:\n- x\n- x: 1\n  y: [1, 2]\n  z: 3\nc:\n  2\n"
    assert expected == load(text, source="f.yaml").at(*path).line


def test_keys_that_are_there_twice_leave_the_rest_readable():
    """They are collected with the other mistakes of the file; the last value counts."""
    mistakes = Mistakes()
    root = load("a: 1\na: 2\nb: {c: 1, c: 3}\n", source="f.yaml", mistakes=mistakes)
    assert {"a": 2, "b": {"c": 3}} == root.value
    with pytest.raises(InputError) as caught:
        mistakes.raise_any()
    assert [(2, "a"), (3, "c")] == [(one.line, one.key) for one in caught.value.all]


def test_broken_text_is_reported_with_the_keys_before_it():
    """The text cannot be read to its end."""
    with pytest.raises(InputError) as caught:
        load("a: 1\na: 2\nb: [\n", source="f.yaml", mistakes=Mistakes())
    first, second = caught.value.all
    assert "the key is there twice" == first.message
    assert second.message.startswith("not YAML")


def test_an_empty_text_is_reported_whoever_collects():
    """There is nothing to go on with."""
    with pytest.raises(InputError, match="got nothing"):
        load("", source="f.yaml", mistakes=Mistakes())

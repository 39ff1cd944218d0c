from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.documents.yaml_document import key_path, load, shown, validate
from harness.errors import InputError

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["cassette", "count"],
    "properties": {
        "cassette": {"type": "string"},
        "count": {"type": "integer", "minimum": 3},
        "kind": {"enum": ["complete", "reset"]},
        "faults": {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "required": ["text"],
                        "additionalProperties": False,
                        "properties": {"text": {"type": "string"}},
                    },
                    {
                        "type": "object",
                        "required": ["base64"],
                        "additionalProperties": False,
                        "properties": {"base64": {"type": "string"}},
                    },
                ]
            },
        },
    },
}


def refusal(text: str) -> InputError:
    """Return the error that loading a text raises."""
    with pytest.raises(InputError) as caught:
        load(text, source="f.yaml")
    return caught.value


def objection(text: str) -> InputError:
    """Return the error that validating a text raises."""
    document = load(text, source="f.yaml")
    with pytest.raises(InputError) as caught:
        validate(document, SCHEMA)
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
    actual = load(f"key: {text}", source="f.yaml").data["key"]
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
    assert expected == load(text, source="f.yaml").data


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "expected a YAML document, came nothing"),
        ("# only a comment\n", None, "expected a YAML document, came nothing"),
        ("a: 1\nb: {x: 1,\n x: 2}", 3, "the key stands twice"),
        ("a: &x 1\nb: *x", 2, "aliases (*name) are not read here"),
        ("a: !!python/object:os.system x", 1, "tags are not read here"),
        ("a: !custom {}", 1, "tags are not read here"),
        ("? [a]\n: b", 1, "expected text as key"),
        ("a: 1\n---\nb: 2", 2, "expected one YAML document, came a second one"),
        ("a: 1\nb: \x01", 2, "U+0001 may only stand escaped"),
        ("a: [1, 2\n\nb: x", 3, "not YAML: while parsing a flow sequence"),
        ("a: \ud800", 1, "U+D800 may only stand escaped"),
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
    actual = load("[" * 100 + "]" * 100, source="f.yaml").data
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
    assert expected == load(text, source="f.yaml").line_of(path)


@pytest.mark.parametrize(
    ("text", "line", "key", "nearest", "message"),
    [
        ("wholly: x\ncount: 2", 1, "wholly", None, "unknown key; expected one of"),
        ("casette: x\ncount: 2", 1, "casette", "cassette", "unknown key"),
        ("count: 4", 1, None, None, "the key 'cassette' is missing"),
        ("cassette: x\ncount: 2", 2, "count", None, "expected at least 3, came 2"),
        ("cassette: x\ncount: '4'", 2, "count", None, "a whole number, came '4'"),
        ("cassette: x\ncount: true", 2, "count", None, "a whole number, came true"),
        (
            "cassette: x\ncount: 5\nkind: complet",
            3,
            "kind",
            "complete",
            "expected one of complete, reset, came 'complet'",
        ),
        (
            "cassette: x\ncount: 5\nfaults:\n- text: a\n- base64: 7\n",
            5,
            "faults[1].base64",
            None,
            "expected text, came 7",
        ),
        (
            "cassette: x\ncount: 5\nfaults:\n- text: a\n  time: b\n",
            5,
            "faults[0].time",
            None,
            "unknown key; expected one of text",
        ),
        (
            "cassette: x\ncount: 5\nfaults:\n- txt: a\n",
            4,
            "faults[0]",
            None,
            "expected either 'text' or 'base64', came the keys txt",
        ),
        (
            "count: 5\nfaults:\n- {text: a, txt: b}",
            3,
            "faults[0].txt",
            None,
            "unknown key",
        ),
        ("cassette: 1\ncount: 1", 1, "cassette", None, "expected text, came 1"),
        ("count: 1\ncassette: 1", 1, "count", None, "expected at least 3, came 1"),
        ("count: 1", 1, "count", None, "expected at least 3, came 1"),
        ("[]", 1, None, None, "expected a mapping, came an empty list"),
    ],
)
def test_says_what_the_schema_refuses(text, line, key, nearest, message):
    """A schema error is told with line, key path, nearest name and plain words."""
    error = objection(text)
    assert (line, key) == (error.line, error.key)
    assert message in error.message
    assert nearest == error.nearest


def test_valid_documents_pass():
    """A document that fits its schema raises nothing."""
    validate(load("cassette: x\ncount: 3\nfaults: []", source="f.yaml"), SCHEMA)


def test_long_values_are_cut():
    """No more than 60 characters of a value are ever echoed."""
    error = objection("cassette: x\ncount: " + "s" * 10_000)
    assert "s" * 50 in str(error)
    assert "s" * 61 not in str(error)
    assert len(str(error)) < 160


def test_control_characters_of_values_are_escaped():
    """What came is shown printable, on one line."""
    assert shown("\x1b[31m\n") == "'\\x1b[31m\\n'"


def test_key_paths_read_as_they_are_written():
    """A path joins keys with dots and positions in brackets."""
    actual = key_path(("interactions", 0, "response", "segments", 3, "at_ms"))
    assert actual == "interactions[0].response.segments[3].at_ms"

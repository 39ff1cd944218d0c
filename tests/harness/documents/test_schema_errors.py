from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from harness.documents.schema_errors import shown
from harness.documents.yaml_document import load
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


def objection(text: str) -> InputError:
    """Return the error that validating a text raises."""
    root = load(text, source="f.yaml")
    with pytest.raises(InputError) as caught:
        root.check(Draft202012Validator(SCHEMA))
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "key", "nearest", "message"),
    [
        ("wholly: x\ncount: 2", 1, "wholly", None, "unknown key; expected one of"),
        ("casette: x\ncount: 2", 1, "casette", "cassette", "unknown key"),
        ("count: 4", 1, None, None, "the key 'cassette' is missing"),
        ("cassette: x\ncount: 2", 2, "count", None, "expected at least 3, got 2"),
        ("cassette: x\ncount: '4'", 2, "count", None, "a whole number, got '4'"),
        ("cassette: x\ncount: true", 2, "count", None, "a whole number, got true"),
        (
            "cassette: x\ncount: 5\nkind: complet",
            3,
            "kind",
            "complete",
            "expected one of complete, reset, got 'complet'",
        ),
        (
            "cassette: x\ncount: 5\nfaults:\n- text: a\n- base64: 7\n",
            5,
            "faults[1].base64",
            None,
            "expected text, got 7",
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
            "expected either 'text' or 'base64', got the keys txt",
        ),
        (
            "cassette: x\ncount: 5\nfaults:\n- {text: a, txt: b}",
            4,
            "faults[0].txt",
            None,
            "unknown key",
        ),
        ("cassette: 1\ncount: 1", 1, "cassette", None, "expected text, got 1"),
        ("count: 1\ncassette: 1", 1, "count", None, "expected at least 3, got 1"),
        ("count: 1", 1, "count", None, "expected at least 3, got 1"),
        ("[]", 1, None, None, "expected a mapping, got an empty list"),
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
    root = load("cassette: x\ncount: 3\nfaults: []", source="f.yaml")
    root.check(Draft202012Validator(SCHEMA))


def test_long_values_are_cut():
    """No more than 60 characters of a value are ever echoed."""
    error = objection("cassette: x\ncount: " + "s" * 10_000)
    assert "s" * 50 in str(error)
    assert "s" * 61 not in str(error)
    assert len(str(error)) < 160


def test_control_characters_of_values_are_escaped():
    """A value is shown printable, on one line."""
    assert shown("\x1b[31m\n") == "'\\x1b[31m\\n'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "casette: x\ncount: 2\n",
            ["1: casette: unknown key", "2: count: expected at least 3"],
        ),
        (
            "kind: complet\ncount: x\nwholly: 1\n",
            [
                "1: kind: expected one of",
                "1: the key 'cassette' is missing",
                "2: count: expected a whole number",
                "3: wholly: unknown key",
            ],
        ),
        ("{}", ["1: the key 'cassette' is missing", "1: the key 'count' is missing"]),
        (
            "cassette: x\ncount: 3\none: 1\ntwo: 2\n",
            ["3: one: unknown key", "4: two: unknown key"],
        ),
        (
            "cassette: x\ncount: 3\nfaults:\n- {text: 1, a: 1, b: 1}\n- 5\n- {}\n",
            [
                "4: faults[0].a: unknown key",
                "4: faults[0].b: unknown key",
                "4: faults[0].text: expected text",
                "5: faults[1]: expected either 'text' or 'base64'",
                "6: faults[2]: expected either 'text' or 'base64'",
            ],
        ),
    ],
)
def test_all_mistakes_are_reported_once(text, expected):
    """Each in one line; a mistyped key is not a missing one as well."""
    lines = str(objection(text)).splitlines()
    assert len(expected) == len(lines)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"f.yaml:{start}")


def test_a_value_of_the_wrong_type_is_one_mistake():
    """It is not tried against the rules of the type as well."""
    schema = {"properties": {"a": {"type": "string", "enum": ["x"], "minLength": 1}}}
    root = load("a: 5\n", source="f.yaml")
    with pytest.raises(InputError) as caught:
        root.check(Draft202012Validator(schema))
    assert ["expected text, got 5"] == [error.message for error in caught.value.all]


def test_names_of_keys_are_reported_one_by_one():
    """They share the place of their mapping."""
    schema = {"propertyNames": {"pattern": "^[a-z]+$"}}
    root = load("A: 1\nb: 2\nC: 3\n", source="f.yaml")
    with pytest.raises(InputError) as caught:
        root.check(Draft202012Validator(schema))
    assert 2 == len(caught.value.all)


FORM = {
    "additionalProperties": False,
    "oneOf": [{"required": ["text"]}, {"required": ["base64"]}],
    "properties": {"at": {}, "text": {}, "base64": {}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{txt: 1}", ["unknown key"]),
        ("{whatever: 1}", ["unknown key"]),
        ("{att: 1}", ["unknown key", "expected either"]),
        ("{text: 1, base64: 1}", ["expected either"]),
    ],
)
def test_a_mistyped_alternative_is_one_mistake(text, expected):
    """An unknown key that is meant for something else is another one."""
    with pytest.raises(InputError) as caught:
        load(text, source="f.yaml").check(Draft202012Validator(FORM))
    found = [error.message for error in caught.value.all]
    assert len(expected) == len(found)
    assert all(map(str.startswith, found, expected))


def test_the_order_of_rules_in_a_schema_does_not_matter():
    """Causes are reported, and their consequences are not."""
    schema = {
        "required": ["cassette"],
        "additionalProperties": False,
        "properties": {"cassette": {}, "a": {"enum": ["x"], "type": "string"}},
    }
    root = load("casette: 1\na: 5\n", source="f.yaml")
    with pytest.raises(InputError) as caught:
        root.check(Draft202012Validator(schema))
    assert [("casette", "cassette"), ("a", None)] == [
        (error.key, error.nearest) for error in caught.value.all
    ]
    assert "expected text, got 5" == caught.value.all[1].message


def test_alternatives_that_fit_equally_are_one_mistake():
    """It is not known which of them was meant."""
    branches = [
        {"properties": {"a": {"type": "string"}}},
        {"properties": {"a": {"type": "boolean"}}},
    ]
    schema = {"description": "a text or a switch", "anyOf": branches}
    with pytest.raises(InputError) as caught:
        load("a: 1\n", source="f.yaml").check(Draft202012Validator(schema))
    assert "f.yaml:1: expected a text or a switch, got the keys a" == str(caught.value)

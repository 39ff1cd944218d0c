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
    root = load("cassette: x\ncount: 3\nfaults: []", source="f.yaml")
    root.check(Draft202012Validator(SCHEMA))


def test_long_values_are_cut():
    """No more than 60 characters of a value are ever echoed."""
    error = objection("cassette: x\ncount: " + "s" * 10_000)
    assert "s" * 50 in str(error)
    assert "s" * 61 not in str(error)
    assert len(str(error)) < 160


def test_control_characters_of_values_are_escaped():
    """What came is shown printable, on one line."""
    assert shown("\x1b[31m\n") == "'\\x1b[31m\\n'"

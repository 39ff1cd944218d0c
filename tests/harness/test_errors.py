from __future__ import annotations

import pytest

from harness.errors import (
    EvidenceError,
    InputError,
    InterruptedRunError,
    closest,
    joined,
)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, "wrong"),
        ({"source": "a.yaml"}, "a.yaml: wrong"),
        ({"source": "a.yaml", "line": 3, "key": "b[0]"}, "a.yaml:3: b[0]: wrong"),
        ({"key": "--policy", "nearest": "x"}, "--policy: wrong (did you mean 'x'?)"),
    ],
)
def test_an_error_is_one_line(parts, expected):
    """Place, key, message and nearest name, as far as they are known."""
    assert expected == str(InputError("wrong", **parts))


def test_joined_errors_are_one_line_each():
    """The first is the error itself, the others are its others."""
    lines = (("x", 3), ("y", 1))
    errors = [InputError(text, source="a", line=line) for text, line in lines]
    error = joined(errors)
    assert "a:1: y\na:3: x" == str(error)
    assert ("y", 1) == (error.message, error.line)
    assert ["y", "x"] == [one.message for one in error.all]


def test_joining_again_keeps_every_error_once():
    """A reader joins what its own readers have joined."""
    errors = [InputError(str(line), source="a", line=line) for line in (1, 2, 3)]
    two = joined([errors[0], joined(errors[1:])])
    assert ["a:1: 1", "a:2: 2", "a:3: 3"] == str(two).splitlines()
    assert [(), ()] == [other.others for other in two.others]


@pytest.mark.parametrize(
    ("name", "expected"), [("repeat_frist", "repeat_first"), ("zzz", None), ("", None)]
)
def test_closest_names_are_close(name, expected):
    """A name far from all has none."""
    assert expected == closest(name, ["repeat_first", "stall"])


def test_kinds_of_errors_have_exit_codes_of_their_own():
    """2: usage, 4: evidence, 130: as a shell reports SIGINT."""
    errors = (InputError("x"), EvidenceError("x"), InterruptedRunError())
    assert [2, 4, 130] == [error.exit_code for error in errors]

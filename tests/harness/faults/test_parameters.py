from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest

from harness.faults.draft.position import Position
from harness.faults.errors import FaultError
from harness.faults.parameters import (
    AtLeast,
    AtMost,
    Bytes,
    Count,
    Milliseconds,
    Number,
    check_value,
    describe_type,
)

_SHARE = Annotated[float, AtLeast(0), AtMost(1)]


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, Count),
        (100_000, Count),
        (0, Number),
        (0, Milliseconds),
        (0.5, _SHARE),
        (1, _SHARE),
        ("a", Literal["a", "b"]),
        (True, bool),
        (None, int | None),
        ([1, 2], list[Count]),
        ((1, 2), list[Count]),
        ({"a": "b"}, Mapping[str, str]),
        ({"event": 1}, Position),
        ({"event": 1}, Position | None),
        (object(), Any),
    ],
)
def test_a_value_that_the_annotation_allows_is_accepted(value, annotation):
    """Limits belong to the range."""
    check_value(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        (0, Count, "a whole number from 1 to 100_000, got 0"),
        (100_001, Count, "from 1 to 100_000"),
        (-1, Number, "from 0 to 100_000"),
        (64 * 1024 * 1024 + 1, Bytes, "a whole number of bytes from 1 to 67_108_864"),
        (float("inf"), Milliseconds, "a number of milliseconds from 0 to 604_800_000"),
        (True, int, "a whole number, got True"),
        (1.0, int, "a whole number, got 1.0"),
        (True, float, "a number, got True"),
        (float("nan"), float, "a number, got nan"),
        (float("inf"), float, "a number, got inf"),
        (1, bool, "true or false, got 1"),
        (1, str, "text, got 1"),
        (1, Literal[True, "lie"], "one of true, lie, got 1"),
        ("b", Literal["a"] | None, "one of a or null, got 'b'"),
        ([1, 0], list[Count], "a list of a whole number"),
        ("ab", list[str], "a list of text, got 'ab'"),
        ({1: "a"}, Mapping[str, str], "a mapping, got {1: 'a'}"),
        ({"a": 1}, Mapping[str, str], "a mapping"),
        (3, Position | None, "a position or null, got 3"),
    ],
)
def test_another_value_is_refused_with_what_was_expected(value, annotation, message):
    """The whole value is wrong, so there is no key."""
    with pytest.raises(FaultError, match="expected ") as caught:
        check_value(value, annotation)

    assert message in caught.value.message
    assert caught.value.key is None


def test_a_wrong_position_names_its_part():
    """A union with a position reports the position, not the union."""
    for annotation in (Position, Position | None):
        with pytest.raises(FaultError) as caught:
            check_value({"event": "x"}, annotation)
        assert "event" == caught.value.key


def test_a_misspelled_word_names_the_nearest():
    """Only words have one."""
    with pytest.raises(FaultError) as caught:
        check_value("contnt", Literal["content", "role"])
    assert "content" == caught.value.nearest


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Annotated[int, AtLeast(2)], "a whole number of at least 2"),
        (Annotated[float, AtLeast(0.5), AtMost(2)], "a number from 0.5 to 2"),
        (Literal["\n", ""], r'one of "\n", ""'),
        (int | float, "a whole number or a number"),
        (str | Annotated[str, AtLeast(1)] | None, "text or text of at least 1 or null"),
        (Any, "anything"),
    ],
)
def test_an_annotation_is_described_in_words(annotation, words):
    """White space and nothing are visible."""
    assert words == describe_type(annotation)

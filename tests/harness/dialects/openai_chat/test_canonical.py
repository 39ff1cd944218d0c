from __future__ import annotations

import pytest

from harness.dialects.openai_chat.canonical import without_texts


def chunk(delta, **more):
    """Return a chunk with one choice."""
    return {"choices": [{"index": 0, "delta": delta, **more}]}


@pytest.mark.parametrize(
    "value",
    [
        chunk({"content": "a"}),
        chunk({"content": "a", "reasoning": "b", "refusal": "c"}, finish_reason=None),
        {**chunk({"content": "a"}), "id": "1", "created": 2, "usage": None},
        chunk({}),
    ],
)
def test_text_and_what_every_chunk_repeats_is_nothing_more(value):
    """Such events may be cut and joined as a proxy likes."""
    assert without_texts(value) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            chunk({"role": "assistant", "content": "a"}),
            chunk({"content": "b", "role": "assistant"}),
        ),
        (
            chunk({}, finish_reason="stop"),
            chunk({"content": None}, finish_reason="stop"),
        ),
        ({"usage": {"cost": 1.0}}, {"usage": {"cost": 1}, "model": "x"}),
        ({"choices": [], "x": {"a": [], "b": 2}}, {"choices": [], "x": {"b": 2}}),
    ],
)
def test_what_legal_writers_do_is_no_change(one, other):
    """Order, null or absent, 1.0 or 1, and the text are left out of the comparison."""
    assert without_texts(one) == without_texts(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (chunk({"role": "assistant"}), chunk({"role": "user"})),
        (chunk({}, finish_reason="stop"), chunk({}, finish_reason="length")),
        (chunk({}, logprobs={"content": [1]}), chunk({}, logprobs={"content": [2]})),
    ],
)
def test_everything_else_counts(one, other):
    """Another role, another reason, another number is another event."""
    assert without_texts(one) != without_texts(other)


def test_empty_choices_are_more_than_text():
    """Such an event is never dropped, though nothing else is in it."""
    assert without_texts({"id": "x", "choices": []}) is not None
    assert without_texts({"id": "x", "choices": None}) is None

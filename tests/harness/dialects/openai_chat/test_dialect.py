from __future__ import annotations

import pytest

from harness.dialects.openai_chat.dialect import OpenAIChat

CHAT = OpenAIChat()


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"choices": None}, True), ({"usage": {}}, False), (["choices"], False)],
)
def test_choices_are_its_own(value, expected):
    """Usage is of others, too."""
    assert expected is CHAT.owns(value)


def test_identity_is_as_sent():
    """What is not sent is none."""
    value = {"object": "x", "model": 1, "choices": []}

    assert {"object": "x", "model": 1, "id": None} == CHAT.identity(value)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"completion_tokens": 9, "prompt_tokens": 7}, [("in", 7), ("out", 9)]),
        ({"completion_tokens": 3}, [("out", 3)]),
        ({"x": 1}, []),
    ],
)
def test_counts_have_words(usage, expected):
    """The prompt comes first."""
    assert expected == CHAT.usage_counts(usage)


def test_choices_finish_and_no_event_does():
    """The finish_reason is a choice's."""
    data = '{"choices":[{"finish_reason":"stop"}]}'

    assert not CHAT.finishes(CHAT.read(data))

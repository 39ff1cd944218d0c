from __future__ import annotations

import pytest

from harness.dialects.openai_chat.deltas import text_deltas


def chunk(*deltas):
    """Return a chunk with one choice for each delta."""
    return {"choices": [{"index": at, "delta": d} for at, d in enumerate(deltas)]}


class TestTextDeltas:
    @pytest.mark.parametrize(
        "value", [None, [], "x", {}, chunk(None), chunk({"content": None}), chunk({})]
    )
    def test_what_has_no_text_yields_none(self, value):
        """Nulls and wrong types have no text."""
        assert text_deltas(value) == []

    def test_names_choice_and_field(self):
        """Each text comes with its choice and its field, in order."""
        value = chunk(
            {"refusal": "no", "content": "a"},
            {"content": "", "tool_calls": [{"index": 2, "function": {"arguments": 1}}]},
            {"tool_calls": [{"function": {"arguments": "{"}}]},
        )

        assert text_deltas(value) == [
            (0, "content", "a"),
            (0, "refusal", "no"),
            (2, "tool:0", "{"),
        ]

    @pytest.mark.parametrize(
        ("delta", "texts"),
        [
            ({"reasoning": "a"}, ["a"]),
            ({"reasoning_content": "a"}, ["a"]),
            ({"reasoning_content": "a", "reasoning": "a"}, ["a"]),
            ({"reasoning_content": "a", "reasoning": "b"}, ["a", "b"]),
            ({"reasoning_content": "", "reasoning": "b"}, ["b"]),
        ],
    )
    def test_reasoning_counts_once(self, delta, texts):
        """The same reasoning under both its names is one text."""
        assert text_deltas(chunk(delta)) == [(0, "reasoning", text) for text in texts]
